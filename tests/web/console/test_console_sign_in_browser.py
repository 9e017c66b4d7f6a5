"""A console ends with the right to it, comes back unseen while there is one, and outlives a sign-in that runs out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import BrowserContext, expect

from db.engine import Database
from db.queries.members import Members
from media.sockets.console import NO_TICKET
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import (
    BEAT,
    CALL,
    TEN_SECONDS,
    WATCH,
    Open,
    is_greyed,
    is_open,
    link,
    ring,
    signed_in_for,
    talking,
)
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.web.cast import Cast
from web.config import Settings

pytestmark = pytest.mark.browser


async def test_a_console_that_media_ends_goes_on_unseen(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.sam)
    for number in range(40):
        await socket.say(CALL, f"line {number}", id=str(number), start_ms=number * 1000)
    await expect(page.locator("#lines").get_by_text("line 39", exact=True)).to_be_in_viewport()
    await page.locator("#scroller").hover()
    await page.mouse.wheel(0, -300)
    await expect(page.locator("#jump")).to_be_visible()
    place = await page.locator("#scroller").evaluate("scroller => scroller.scrollTop")
    await page.evaluate(WATCH)
    await socket.close(NO_TICKET)
    said = {"speaker": "caller", "final": True, "stable_words": 0}
    spoken = [
        said | {"id": str(number), "text": f"line {number}", "start_ms": number * 1000, "end_ms": number * 1000 + 500}
        for number in range(41)
    ]
    again = await media.console(call_view(CALL, str(cast.sam.id), utterances=spoken))
    assert again.claims.jti != socket.claims.jti
    await expect(page.locator(".line")).to_have_count(42)  # with the one that was said meanwhile
    assert await page.evaluate("seen") == []
    assert await page.locator("#scroller").evaluate("scroller => scroller.scrollTop") == place
    await expect(page.locator("#call-list [aria-current=true]")).to_have_count(1)


async def test_a_console_is_relieved_before_its_ten_minutes_are_over(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, socket = await talking(console, media, cast.bob)
    await page.evaluate(WATCH)
    steps = 0
    while media.waiting == 0 and steps < 120:  # ten minutes
        await socket.tell("beat")
        await socket.say(CALL, str(steps), id="same", final=False)
        await expect(page.locator("#lines .tentative").last).to_have_text(str(steps))
        await context.clock.fast_forward(BEAT)
        steps += 1
    assert 60 <= steps < 120
    await socket.say(CALL, "until the last moment", id="same")
    await expect(page.locator("#lines")).to_contain_text("until the last moment")
    again = await media.console(call_view(CALL, str(cast.bob.id)))
    await again.say(CALL, "and by the next", id="next")
    await expect(page.locator("#lines")).to_contain_text("and by the next")
    await socket.closed()
    assert await page.evaluate("seen") == []


async def test_whoever_is_ended_again_and_again_has_to_wait(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    for _ in range(6):
        await (await media.console()).close(NO_TICKET)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "waiting")


async def test_signing_out_in_one_tab_ends_the_others(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    other = await console(cast.bob)
    await media.console(call_view(CALL, str(cast.bob.id)))
    await other.locator(".account summary").click()
    await other.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    assert "words before" not in await page.content()
    await socket.closed()


async def test_a_sign_in_that_is_about_to_end_can_be_renewed_beside_the_call(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext, settings: Settings, database: Database
) -> None:
    await signed_in_for(context, settings, cast.bob, timedelta(minutes=14))
    page = await context.new_page()
    await page.goto("/console")
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words before")
    notice = page.locator("#sign-in-notice")
    await expect(notice).to_have_attribute("data-minutes", "14")
    await page.evaluate("globalThis.same = true")
    again = notice.get_by_role("link")
    async with context.expect_page() as tab:
        await again.click()
    entrance = await tab.value
    await expect(entrance.get_by_role("textbox")).to_be_visible()  # though still signed in
    await open_link(entrance, await link(database, cast.bob))
    await media.console()
    await expect(notice).to_be_empty()
    await page.evaluate(WATCH)
    await socket.close(NO_TICKET)
    later = await media.console(call_view(CALL, str(cast.bob.id)))
    await later.say(CALL, "words after")
    await expect(page.locator(".settled")).to_have_text(["words before", "words after"])
    assert await page.evaluate("same")
    assert await page.evaluate("seen") == []


@pytest.mark.usefixtures("dialled")
@pytest.mark.slow
async def test_a_sign_in_that_has_ended_keeps_words_and_phone_and_comes_back_by_itself(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext, settings: Settings, database: Database
) -> None:
    left = timedelta(seconds=40)
    end = datetime.now(UTC) + left
    await signed_in_for(context, settings, cast.bob, left)
    page = await context.new_page()
    await page.goto("/console")
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words before")
    await ring(page)
    await page.locator("#answer").click()
    await expect(page.locator("#sign-in-notice")).to_have_attribute("data-minutes", "1")
    await expect(page.locator("#sign-in-notice")).to_be_empty(timeout=90_000)  # the end has come by the page's clock
    # The server's may be half a second behind it, and would still give a ticket.
    await asyncio.sleep((end - datetime.now(UTC)).total_seconds())
    await socket.close(NO_TICKET)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    await is_greyed(page)
    await expect(page.locator("#lines")).to_contain_text("words before")
    await expect(page.locator("#notice").get_by_role("link")).to_have_attribute("target", "_blank")
    other = await context.new_page()
    await open_link(other, await link(database, cast.bob))
    for _ in range(2):  # the other tab's console, and the one that comes back
        await (await media.console(call_view(CALL, str(cast.bob.id)))).say(CALL, "words after")
    await is_open(page)
    await expect(page.locator(".settled")).to_have_text(["words before", "words after"])
    await expect(page.locator("#in-call")).to_be_visible()


async def test_somebody_elses_sign_in_does_not_bring_the_words_back(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext, database: Database
) -> None:
    page, socket = await talking(console, media, cast.bob)
    await context.clear_cookies()
    await socket.close(NO_TICKET)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    other = await context.new_page()
    await open_link(other, await link(database, cast.dana))
    await media.console()
    await context.clock.fast_forward(TEN_SECONDS)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    assert media.waiting == 0


async def test_a_new_role_is_a_new_page(console: Open, media: LiveMedia, cast: Cast, database: Database) -> None:
    page, socket = await talking(console, media, cast.sam)
    async with database.begin() as session:
        await Members(session, cast.a.id).set_role(cast.sam.id, "agent")
    await socket.close(NO_TICKET)
    await expect(page.locator("body")).to_have_attribute("data-role", "agent")
    assert "words before" not in await page.content()
