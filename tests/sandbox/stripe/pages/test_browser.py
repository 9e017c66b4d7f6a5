"""The emulated Stripe's pages as a person clicks through them in Chromium: buying, billing, and moving the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from tests.kit.vendors.stripe import ABN, Till, open_till

pytestmark = pytest.mark.browser

WIDTHS = (1280, 360)


@dataclass
class Shopper:
    """A person at the till: a browser, and the product's own pages around Stripe's."""

    page: Page
    till: Till
    shop: str

    async def checkout(self, quantity: int = 2) -> Any:
        """Sent to Checkout by the product."""
        came = await self.till.checkout(
            quantity,
            success_url=f"{self.shop}/success?session_id={{CHECKOUT_SESSION_ID}}",
            cancel_url=f"{self.shop}/cancelled",
        )
        await self.page.goto(came.url)
        return came

    async def fill(self, method: str) -> None:
        """Everything that is asked for."""
        page = self.page
        await page.get_by_label("Email").fill("owner@acacia.example")
        await page.get_by_label("Business name").fill("Acacia Clinic")
        await page.get_by_label("ABN").fill(ABN)
        await page.get_by_label("Address").fill("1 Bligh Street")
        await page.get_by_label("Suburb").fill("Sydney")
        await page.get_by_label("State").select_option("NSW")
        await page.get_by_label("Postcode").fill("2000")
        await page.get_by_label(method).check()

    async def subscribe(self, method: str) -> Any:
        """Buy two seats; the subscription."""
        checkout = await self.checkout()
        await self.fill(method)
        await self.page.get_by_role("button", name="Subscribe").click()
        await expect(self.page.get_by_role("heading", name="Thank you")).to_be_visible()
        done = await self.till.v1.checkout.sessions.retrieve_async(checkout.id)
        return await self.till.subscription(done.subscription)

    async def status(self, subscription: Any) -> str:
        """What the product would be told of it."""
        return str((await self.till.subscription(subscription.id)).status)

    async def press(self, name: str) -> None:
        """A button of the sandbox's page."""
        await self.page.get_by_role("button", name=name, exact=True).first.click()
        await self.page.wait_for_load_state()

    async def portal(self, customer: str) -> None:
        """Sent to the billing portal by the product."""
        wanted = {"customer": customer, "return_url": f"{self.shop}/billing"}
        await self.page.goto((await self.till.v1.billing_portal.sessions.create_async(wanted)).url)


@pytest_asyncio.fixture
async def shop(free_port: Callable[[], int]) -> AsyncIterator[str]:
    """Where the product's pages are."""
    app, port = web.Application(), free_port()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>Thank you</h1>", content_type="text/html")

    app.router.add_get("/{any}", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest_asyncio.fixture(params=WIDTHS)
async def shopper(request: pytest.FixtureRequest, window: Browser, shop: str) -> AsyncIterator[Shopper]:
    """Fails the test whose pages complain in the browser's log, or are wider than the window."""
    expect.set_options(timeout=30_000)
    wrong: list[str] = []
    async with open_till() as till:
        page = await window.new_page(viewport={"width": request.param, "height": 800})
        page.on("console", lambda line: wrong.append(line.text) if "Failed to load" not in line.text else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield Shopper(page, till, shop)
        assert await page.evaluate("document.documentElement.scrollWidth") <= request.param
    assert wrong == []


async def test_buying_with_another_number_of_seats(shopper: Shopper) -> None:
    page = shopper.page
    checkout = await shopper.checkout()
    await expect(page.get_by_text("A$88.00").first).to_be_visible()
    await page.get_by_label("Quantity").fill("3")
    await page.get_by_role("button", name="Update").click()
    await expect(page.get_by_text("A$132.00").first).to_be_visible()
    await shopper.fill("Visa that pays •••• 4242")
    await page.get_by_role("button", name="Subscribe").click()
    await page.wait_for_url(f"**/success?session_id={checkout.id}")
    done = await shopper.till.v1.checkout.sessions.retrieve_async(checkout.id)
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "paid", 13200)
    await page.goto(checkout.url)
    await expect(page.get_by_role("button", name="Subscribe")).to_have_count(0)


async def test_a_decline_says_what_to_do_and_another_card_pays(shopper: Shopper) -> None:
    page = shopper.page
    await shopper.checkout()
    await shopper.fill("Visa with insufficient funds")
    await page.get_by_role("button", name="Subscribe").click()
    await expect(page.get_by_role("alert")).to_have_attribute("data-decline", "insufficient_funds")
    await expect(page.get_by_label("Business name")).to_have_value("Acacia Clinic")
    await page.get_by_label("Visa that pays •••• 4242").check()
    await page.get_by_role("button", name="Subscribe").click()
    await page.wait_for_url("**/success?*")


async def test_turning_back_costs_nothing(shopper: Shopper) -> None:
    await shopper.checkout()
    await shopper.page.get_by_role("link", name="Back to").click()
    await shopper.page.wait_for_url("**/cancelled")
    assert shopper.till.emulator.account.all("subscription") == []


@pytest.mark.parametrize(("button", "kind"), [("Clears", "succeeded"), ("Bounces", "failed")])
async def test_a_bank_debit_clears_or_bounces_at_a_click(shopper: Shopper, button: str, kind: str) -> None:
    await shopper.subscribe("Bank debit (BECS) that clears")
    await shopper.page.goto(shopper.till.emulator.url)
    await shopper.press(button)
    await expect(shopper.page.get_by_role("button", name=button)).to_have_count(0)
    await shopper.till.emulator.delivered()
    assert f"checkout.session.async_payment_{kind}" in shopper.till.endpoint.kinds


async def test_a_renewal_fails_and_the_portals_new_card_pays(shopper: Shopper) -> None:
    page, till = shopper.page, shopper.till
    bought = await shopper.subscribe("Visa that pays now")
    await page.goto(till.emulator.url)
    await shopper.press("To renewal")
    assert await shopper.status(bought) == "past_due"
    await expect(page.locator(".status.past_due")).to_be_visible()
    await shopper.portal(bought.customer)
    await page.get_by_label("Visa that is declined").check()
    await shopper.press("Update payment method")
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_label("Visa that pays •••• 4242").check()
    await shopper.press("Update payment method")
    await expect(page.get_by_text("•••• 4242").first).to_be_visible()
    await page.locator(".row:has(.status.open)").get_by_role("link").click()
    await page.get_by_role("button", name="Pay").click()
    await expect(page.locator("h1 .status.paid")).to_be_visible()
    assert await shopper.status(bought) == "active"


async def test_cancelled_in_the_portal_it_ends_with_the_period(shopper: Shopper) -> None:
    page, till = shopper.page, shopper.till
    bought = await shopper.subscribe("Visa that pays •••• 4242")
    await shopper.portal(bought.customer)
    await shopper.press("Cancel plan")
    await expect(page.locator("button[value=resume]")).to_be_visible()
    await shopper.press("Don't cancel plan")
    await expect(page.locator("button[value=resume]")).to_have_count(0)
    await shopper.press("Cancel plan")
    await expect(page.locator("button[value=resume]")).to_be_visible()
    await page.goto(till.emulator.url)
    await page.get_by_role("spinbutton", name="Days").fill("32")
    await shopper.press("Move forward")
    await expect(page.locator(".status.canceled")).to_be_visible()
    assert await shopper.status(bought) == "canceled"


async def test_unpaid_for_weeks_it_ends(shopper: Shopper) -> None:
    bought = await shopper.subscribe("Visa that pays •••• 4242")
    await shopper.page.goto(shopper.till.emulator.url)
    await shopper.page.get_by_label("Pays with").select_option("declined")
    await shopper.press("Change")
    await shopper.press("To renewal")
    assert await shopper.status(bought) == "past_due"
    await shopper.page.get_by_role("spinbutton", name="Days").fill("16")
    await shopper.press("Move forward")
    assert await shopper.status(bought) == "canceled"


async def test_refunds_disputes_and_webhooks_sent_again(shopper: Shopper) -> None:
    await shopper.subscribe("Visa that pays •••• 4242")
    await shopper.page.goto(shopper.till.emulator.url)
    await shopper.press("Refund")
    await shopper.press("Dispute")
    await shopper.page.get_by_label("Share sent twice").fill("1")
    await shopper.page.get_by_label("Jumbled").check()
    await shopper.press("Set")
    await expect(shopper.page.get_by_label("Jumbled")).to_be_checked()
    await shopper.till.emulator.delivered()
    assert {"charge.refunded", "charge.dispute.created"} <= set(shopper.till.endpoint.kinds)
    before = len(shopper.till.endpoint.taken)
    await shopper.page.reload()
    await shopper.page.locator("summary").click()
    await shopper.press("Send again")
    await shopper.till.emulator.delivered()
    assert len(shopper.till.endpoint.taken) == before + 2, "twice, as it was told to"
