"""Numbers and team in a real Chromium: what moves by itself, what waits for a choice, and narrow windows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.engine import Database
from db.models import Member
from sandbox.twilio.emulator import Number as TwilioNumber
from tests.kit.browser.console_page import overflow, signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.vendors.twilio_account import Account, account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import shop
from tests.kit.web.numbers_site import asking, at_twilio, orders
from tests.kit.web.site import Site
from web.config import Settings

pytestmark = pytest.mark.browser

Open = Callable[[Member], Awaitable[Page]]


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[Account]:
    async with account(TwilioNumber("+61255501234", voice_url=f"https://else.example/{'long' * 40}")) as opened:
        yield opened


@pytest.fixture
def settings(settings: Settings, twilio: Account) -> Settings:
    return asking(settings, twilio)


@pytest_asyncio.fixture
async def open_page(
    window: Browser, site: Site, settings: Settings, database: Database, cast: Cast
) -> AsyncIterator[Open]:
    """A page that is signed in; the test fails if it breaks the Content-Security-Policy or throws."""
    await at_twilio(database, cast)
    async with strict_context(window, base_url=site.url, viewport={"width": 360, "height": 740}) as context:

        async def opened(member: Member) -> Page:
            await signed_in_for(context, settings, member)
            return await context.new_page()

        yield opened


async def test_a_number_comes_while_one_looks(
    open_page: Open, cast: Cast, database: Database, twilio: Account
) -> None:
    page = await open_page(cast.alice)
    await page.goto("/numbers")
    await page.get_by_label("Town or suburb").fill("Sydney")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("radio", name="(02) 5550 0037").check()
    await page.get_by_label("Label").last.fill("Reception")
    assert await overflow(page) <= 0
    await page.get_by_role("button", name="Add this number").click()
    await expect(page.locator(".order[data-state=chosen]")).to_be_visible()
    (order,) = await orders(database, cast.a)
    async with shop(twilio, database) as here:
        assert await here.work(order) is None
    await expect(page.get_by_role("heading", name="(02) 5550 0037")).to_be_visible()  # without a reload
    await expect(page.locator(".order[data-state=chosen]")).to_have_count(0)
    await expect(page.get_by_label("Label of (02) 5550 0037")).to_have_value("Reception")


async def test_a_check_tells_and_a_release_asks(open_page: Open, cast: Cast, database: Database) -> None:
    page = await open_page(cast.alice)
    await page.goto("/numbers")
    await page.get_by_role("button", name="Check settings").click()
    await expect(page.locator(".changes dd")).to_have_count(4)
    assert await overflow(page) <= 0
    await page.locator(".releasing summary").click()
    await page.get_by_label("Type (02) 5550 1234 to confirm").fill("yes")
    await page.get_by_role("button", name="Release for good").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Type (02) 5550 1234 to confirm").fill("(02) 5550 1234")
    await page.get_by_role("button", name="Release for good").click()
    await expect(page.locator("[data-verdict=leaving]")).to_be_visible()
    assert [order.state for order in await orders(database, cast.a)] == ["releasing"]


async def test_a_team_by_keyboard(open_page: Open, cast: Cast) -> None:
    page = await open_page(cast.alice)
    await page.goto("/team")
    assert await overflow(page) <= 0
    change = page.get_by_role("button", name="Change role of Bob Brown")
    await expect(change).to_be_hidden()
    await page.get_by_label("Role of Bob Brown").select_option("supervisor")
    await change.press("Enter")
    await expect(change).to_be_hidden()  # on the page that answers
    await expect(page.get_by_label("Role of Bob Brown")).to_have_value("supervisor")
    await page.get_by_label("Name").fill("Erin Eyre")
    await page.get_by_label("Work email").fill("erin@acacia.example")
    await page.get_by_label("Work email").press("Enter")
    row = page.get_by_role("row", name="Erin Eyre")
    await expect(row).to_have_attribute("data-state", "invited")
    await row.locator("summary").press("Enter")
    await row.get_by_role("button", name="Withdraw invitation").press("Enter")
    await expect(page.get_by_role("row", name="Erin Eyre")).to_have_count(0)
    assert await overflow(page) <= 0
