"""The field for a number to call, in a real Chromium: refused in text before anything is dialled, the number kept."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.kit.browser.console_page import signed_in_for
from tests.kit.media.live_media import LiveMedia
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings
from web.request.dialling import SENTENCES

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("dialled")]


@pytest_asyncio.fixture
async def phone(window: Browser, site: Site, media: LiveMedia, settings: Settings, cast: Cast) -> Page:
    """Bob's console, its phone ready."""
    assert media.script
    context = await window.new_context(base_url=site.url)
    await signed_in_for(context, settings, cast.bob)
    page = await context.new_page()
    await page.goto("/console")
    await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready", timeout=30_000)
    return page


async def refused(page: Page, typed: str, sentence: str) -> None:
    """``typed`` is refused in text, stays in the field, and reaches no telephone."""
    field = page.locator("#number")
    await field.fill(typed)
    await field.press("Enter")
    await expect(page.locator("#dial-said")).to_have_text(sentence)
    await expect(field).to_have_value(typed)
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#in-call")).to_be_hidden()
    assert await page.evaluate("device.dialled") is None


async def test_what_may_not_be_called_is_said_beside_the_field(phone: Page) -> None:
    await refused(phone, "1900 123 456", SENTENCES["premium"])
    await refused(phone, "1300 123 456", SENTENCES["unreachable"])
    await refused(phone, "0412 345", SENTENCES["invalid"])
    await refused(phone, "+44 20 7946 0958", SENTENCES["country"])


async def test_an_emergency_is_told_the_way_out_at_once_in_red(phone: Page) -> None:
    field, said = phone.locator("#number"), phone.locator("#dial-said")
    for number in ("000", "112", "106", "0\u20110\u200b0"):
        await field.fill(number)
        await expect(said).to_be_visible()
        await expect(said).to_have_attribute("role", "alert")
        red, green, blue = await said.evaluate("node => getComputedStyle(node).color.match(/\\d+/g).map(Number)")
        assert red > 2 * max(green, blue)
        await field.fill("")
        await expect(said).to_be_hidden()
    await refused(phone, "000", SENTENCES["emergency"])


async def test_what_may_be_called_is_dialled_as_it_was_meant(phone: Page) -> None:
    await phone.locator("#number").fill("\u202a(02)\u00a05550\u20119999\u202c")
    await phone.locator("#place-call").click()
    await expect(phone.locator("#in-call-number")).to_have_text("(02) 5550 9999")
    assert await phone.evaluate("device.dialled") == "+61255509999"
    await expect(phone.locator("#number")).to_have_value("")


async def test_without_an_answer_nothing_is_dialled(phone: Page) -> None:
    await phone.route("**/voice/check", lambda route: route.abort())
    field = phone.locator("#number")
    await field.fill("0412 345 678")
    await field.press("Enter")
    await expect(phone.locator("#dial-said")).not_to_be_empty()
    await expect(field).to_have_value("0412 345 678")
    assert await phone.evaluate("device.dialled") is None
