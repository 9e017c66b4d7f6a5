"""The checklist in a real Chromium: it changes under the reader's eyes, also where no stream comes through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from db.engine import Database
from db.models import Member, NumberOrder
from db.queries import number_orders, organisations
from db.queries.members import Members
from tests.kit.browser.console_page import overflow, signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.web.site import Site
from web.config import SETTINGS
from web.organisation.onboarding_events import PROGRESS

pytestmark = pytest.mark.browser

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture
async def nora(database: Database) -> Member:
    """The owner of an organisation that has paid, and has no number yet."""
    async with database.begin() as session:
        founded = await organisations.create(session, name="Numbat Nursery", status="active")
        return await Members(session, founded.id).add(email="nora@numbat.example", name="Nora North", role="owner")


@pytest_asyncio.fixture
async def opened(window: Browser, site: Site, nora: Member) -> AsyncIterator[Open]:
    """Opens the checklist as Nora; fails the test that breaks the Content-Security-Policy or throws."""
    async with strict_context(window, base_url=site.url) as context:

        async def open_page(width: int = 1280, stream: Callable[[Route], Awaitable[None]] | None = None) -> Page:
            await signed_in_for(context, site.app[SETTINGS], nora)
            page = await context.new_page()
            await page.set_viewport_size({"width": width, "height": 800})
            if stream is not None:
                await page.route("**/onboarding/events", stream)
            await page.goto("/onboarding")
            return page

        yield open_page


async def _pay(site: Site, database: Database, nora: Member) -> NumberOrder:
    async with database.begin() as session:
        order = await number_orders.pay(session, nora.organisation_id, "sub_1", {})
        assert order is not None
    site.app[PROGRESS].nudge(nora.organisation_id)
    return order


async def test_it_changes_under_the_readers_eyes(opened: Open, site: Site, database: Database, nora: Member) -> None:
    page = await opened()
    now = page.locator("[aria-current=step]")
    await expect(page.get_by_role("progressbar")).to_have_js_property("value", 1)
    await expect(page.locator("#under-way")).to_be_hidden()
    order = await _pay(site, database, nora)
    await expect(now).to_have_attribute("data-step", "paid")
    await expect(page.locator("#choose")).to_be_visible()
    async with database.begin() as session:
        assert await number_orders.move(session, order, "chosen", candidate="+61255500037")
        order = await number_orders.find(session, order.id) or order
        sentence = "Twilio is busy. <b>&amp;"
        await number_orders.record_error(
            session, order, code=20429, sentence=sentence, next_try_at=None, state="chosen"
        )
    site.app[PROGRESS].nudge(nora.organisation_id)
    await expect(now).to_have_attribute("data-step", "chosen")
    await expect(page.locator("#number")).to_have_text("(02) 5550 0037")
    await expect(page.locator("#problem")).to_have_text(sentence)  # text, whatever it looks like
    await expect(page.locator("#news")).not_to_be_empty()
    await expect(page.locator("#choose")).to_be_hidden()
    await page.get_by_role("button", name="Try again now").click()
    await expect(page.get_by_role("heading", name="Getting started")).to_be_visible()


async def test_without_a_stream_it_asks(opened: Open, site: Site, database: Database, nora: Member) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=429, body="")

    page = await opened(stream=refuse)
    async with page.expect_response("**/onboarding/standing"):
        pass
    await _pay(site, database, nora)
    await expect(page.locator("[aria-current=step]")).to_have_attribute("data-step", "paid")


async def test_who_was_signed_out_is_told(opened: Open) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=401, body="")

    page = await opened(stream=refuse)
    async with page.expect_response("**/onboarding/standing"):
        await page.context.clear_cookies()
    await expect(page.locator("#live")).to_have_attribute("data-state", "signed-out")


async def test_it_fits_a_small_screen(opened: Open, site: Site, database: Database, nora: Member) -> None:
    page = await opened(360)
    await _pay(site, database, nora)
    await expect(page.locator("#under-way")).to_be_visible()
    assert await overflow(page) <= 0
