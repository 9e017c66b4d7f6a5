"""Money goes missing and comes back, seen in a real Chromium: calm, the phone in hand, and back by itself."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from db.engine import Database
from media.sockets.console import NO_TICKET
from tests.kit.browser.console_page import CALL, CANARY, Open, become_available, overflow
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.vendors.twilio_caller import stands
from tests.kit.web.cast import Cast
from tests.kit.web.phones import waiting_call

pytestmark = pytest.mark.browser

LATER = 20_000  # ms: later than the page looks again


async def test_an_open_console_closes_calmly_and_comes_back_by_itself(
    console: Open, media: LiveMedia, cast: Cast, database: Database, context: BrowserContext
) -> None:
    page = await console(cast.bob)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, CANARY)
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    await stands(database, cast.a, status="past_due")
    await socket.close(NO_TICKET)
    notice = page.locator("#notice")
    await expect(notice).to_contain_text(cast.alice.name)
    await expect(notice.get_by_role("link")).to_have_count(0)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "barred")
    await expect(page.locator("#placeholder")).to_be_visible()
    assert CANARY not in await page.content()
    await expect(page.locator("#place-call")).to_be_enabled()  # the phone is in hand
    async with page.expect_response("**/console/ticket") as looked:
        await context.clock.fast_forward(LATER)
    await (await looked.value).finished()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "barred")
    await stands(database, cast.a, status="active")
    await context.clock.fast_forward(LATER)
    again = await media.console(call_view(CALL, str(cast.bob.id)))
    await again.say(CALL, "and here we are again")
    await expect(page.locator("#lines")).to_contain_text("and here we are again")
    await expect(notice).to_be_empty()


async def test_who_may_still_watch_sees_a_banner(
    console: Open, media: LiveMedia, cast: Cast, database: Database, context: BrowserContext
) -> None:
    await stands(database, cast.a, status="past_due")
    page = await console(cast.alice)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, CANARY)
    await expect(page.locator("#call-list [data-call] > button")).to_contain_text(CANARY)
    notice = page.locator("#notice")
    await expect(notice.get_by_role("link", name="Fix payment details")).to_have_attribute("href", "/billing")
    await stands(database, cast.a, status="active")
    await socket.close(NO_TICKET)
    await media.console(call_view(CALL, str(cast.bob.id)))
    await expect(notice).to_be_empty()


async def test_the_page_instead_of_the_console_lets_people_talk_and_opens_it_after(
    console: Open, media: LiveMedia, cast: Cast, database: Database, context: BrowserContext, dialled: None
) -> None:
    await stands(database, cast.a, status="past_due")
    page = await console(cast.bob)
    await expect(page.locator("[data-payment=past_due]")).to_contain_text(cast.alice.name)
    await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")
    await page.evaluate("ring()")
    await expect(page.get_by_role("alert")).to_contain_text("(02) 5550 9999")
    await page.keyboard.press("Alt+a")
    await expect(page.locator("#in-call-number")).to_have_text("(02) 5550 9999")
    await stands(database, cast.a, status="active")
    await context.clock.fast_forward(LATER)
    await expect(page.locator("#news")).to_have_attribute("data-paid", "")
    await expect(page.locator("#in-call-number")).to_be_visible()  # nobody was hung up on
    await page.keyboard.press("Alt+h")
    await media.console()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")


async def test_the_page_instead_of_the_console_rings(
    console: Open, cast: Cast, database: Database, context: BrowserContext
) -> None:
    await context.grant_permissions(["microphone"])
    await stands(database, cast.a, status="past_due")
    page = await console(cast.bob)
    await become_available(page)
    await waiting_call(database, cast.number)
    await expect(page.locator("[data-offer] .answer")).to_be_visible()


async def test_the_page_opens_the_console_once_it_is_paid(
    console: Open, media: LiveMedia, cast: Cast, database: Database, context: BrowserContext
) -> None:
    await stands(database, cast.a, status="unpaid")
    page = await console(cast.alice)
    await expect(page.get_by_role("link", name="Fix payment details")).to_have_attribute("href", "/billing")
    await expect(page.locator("#phone")).to_have_count(0)
    await stands(database, cast.a, status="active")
    await context.clock.fast_forward(LATER)
    await media.console()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")


@pytest.mark.parametrize("state", ["past_due", "unpaid", "cancelled", "incomplete"])
async def test_it_fits_a_narrow_screen(console: Open, cast: Cast, database: Database, state: str) -> None:
    await stands(database, cast.a, status=state)
    page = await console(cast.bob, 360, 740)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert await overflow(page) <= 0
