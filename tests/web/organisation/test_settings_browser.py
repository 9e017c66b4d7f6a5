"""Settings, the audit log and the preflight in a real Chromium: what scripts do, and that everything fits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.engine import Database
from db.queries import audit
from db.queries.audit import Actor
from db.queries.billing import stripe_events
from tests.kit.browser.console_page import overflow, signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings

pytestmark = pytest.mark.browser

Open = Callable[..., Awaitable[Page]]
LONGEST = "Donaudampfschifffahrtsgesellschaftskapitänswitwe" * 3


@pytest_asyncio.fixture
async def opened(window: Browser, site: Site, settings: Settings, cast: Cast) -> AsyncIterator[Open]:
    """Opens a page signed in as Alice; fails the test that breaks the Content-Security-Policy or throws."""
    async with strict_context(window, base_url=site.url) as context:

        async def at(path: str, width: int = 1280) -> Page:
            await signed_in_for(context, settings, cast.alice)
            page = await context.new_page()
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(path)
            return page

        yield at


async def test_the_prompt_is_shown_as_it_is_typed_and_then_kept(opened: Open) -> None:
    page = await opened("/settings#prompt")
    words = page.get_by_label("What callers hear")
    await words.fill("Welcome   to Acacia Clinic,\nplease hold the line.")
    await expect(page.locator("#preview")).to_have_text("Welcome to Acacia Clinic, please hold the line.")
    await expect(page.locator("#prompt-count")).to_have_text("47")
    await expect(page.locator("#preview-seconds")).to_have_text("3")
    await expect(page.locator("#preview-warning")).to_be_visible()
    await words.fill("Acacia Clinic transcribes this call while we talk.")
    await expect(page.locator("#preview-warning")).to_be_hidden()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/settings#prompt$"))
    await expect(page.locator("[data-prompt]")).to_have_attribute("data-prompt", "own")
    await page.get_by_role("button", name="Use the standard prompt").click()
    await expect(page.locator("[data-prompt]")).to_have_attribute("data-prompt", "ours")


async def test_what_was_not_saved_has_the_focus(opened: Open) -> None:
    page = await opened("/settings")
    await page.get_by_label("ABN").fill("51 824 753 557")
    await page.get_by_label("Postcode").fill("2000")
    await page.get_by_role("button", name="Save details").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Legal name")).to_be_focused()
    await page.get_by_role("alert").get_by_role("link", name="ABN").click()
    await expect(page.get_by_label("ABN")).to_have_value("51 824 753 557")
    await expect(page.get_by_label("ABN")).to_have_attribute("aria-invalid", "true")


async def test_the_preflight_fills_itself_and_can_be_repeated(opened: Open) -> None:
    page = await opened("/check")
    again = page.get_by_role("button", name="Check again")
    verdict = page.locator("#verdict")
    await expect(again).to_be_visible(timeout=30_000)
    await expect(verdict).to_have_attribute("data-verdict", "open")
    await expect(page.locator('.check[data-good=""]')).to_have_count(0)
    first = page.locator(".check").first
    await expect(first).to_have_attribute("data-good", "no")  # what needs action comes first
    await page.route("**/check/findings", lambda route: route.abort())
    await again.click()
    await expect(verdict).to_have_attribute("data-verdict", "unknown")


async def test_everything_fits_a_narrow_screen(opened: Open, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await audit.record(session, cast.a.id, "prompt.changed", {"words": LONGEST}, Actor(LONGEST, cast.alice.id))
        await stripe_events.receive(session, f"evt_{'x' * 60}", "invoice.paid", cast.a.id)
        await stripe_events.settle(session, f"evt_{'x' * 60}", "failed", error=LONGEST)
    page = await opened("/settings", 360)
    await page.get_by_label("What callers hear").fill(LONGEST)
    assert await overflow(page) == 0
    for path in ("/audit", "/audit?what=nothing", "/check"):
        await page.goto(path)
        assert await overflow(page) == 0, path
