"""The dashboard in Chromium: its live counters follow, and say so when they do not."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from db import recount
from db.engine import Database
from db.queries.calls import Calls
from tests.kit.browser.console_page import SignedIn
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser
NOW = "**/dashboard/now"
TURN = 5_000  # milliseconds


async def _opened(signed_in: SignedIn, cast: Cast) -> Page:
    page = await signed_in(cast.sam)
    await page.goto("/dashboard")
    await expect(page.locator("#now")).to_be_visible()
    return page


async def _ring(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await Calls(session, cast.a.id).open("CA1", direction="inbound", from_number="", to_number="")


async def _until_state(page: Page, state: str) -> None:
    """Let turns pass until the counters say so: an answer may come while the clock stands."""
    for _ in range(20):
        if await page.locator(f"#now[data-state={state}]").count():
            return
        await page.clock.fast_forward(TURN)
    await expect(page.locator("#now")).to_have_attribute("data-state", state, timeout=60_000)


async def test_a_caller_who_waits_is_counted_without_reloading(
    signed_in: SignedIn, database: Database, cast: Cast
) -> None:
    page = await _opened(signed_in, cast)
    await expect(page.locator("#waiting")).to_have_text("0")
    await _ring(database, cast)
    async with page.expect_response(NOW, timeout=60_000):
        await page.clock.fast_forward(TURN)
    await expect(page.locator("#waiting")).to_have_text("1", timeout=60_000)
    await expect(page.locator("#now")).to_have_attribute("data-state", "fresh")


async def test_counters_that_are_not_up_to_date_say_so_until_they_are(
    signed_in: SignedIn, database: Database, cast: Cast
) -> None:
    page = await _opened(signed_in, cast)
    await page.route(NOW, lambda route: route.abort())
    await _until_state(page, "stale")
    await expect(page.locator("#stale")).to_be_visible()
    await page.unroute(NOW)
    await _until_state(page, "fresh")
    await expect(page.locator("#stale")).to_be_hidden()


async def test_the_numbers_of_a_chart_open_by_the_keyboard(
    signed_in: SignedIn, database: Database, cast: Cast
) -> None:
    await _ring(database, cast)
    await recount.settle(database)
    page = await _opened(signed_in, cast)
    await page.locator("#by-hour summary").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#by-hour table")).to_be_visible()
    assert await page.locator("#by-hour tbody tr").count() == 24
