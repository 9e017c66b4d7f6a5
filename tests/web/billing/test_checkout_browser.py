"""Checkout and billing in a real Chromium: over to Stripe and back, waiting that ends by itself, at any width."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.models import Member
from tests.kit.browser.console_page import overflow, signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.web.paid_site import Shop
from tests.web.billing.test_checkout_rules import judge
from web.config import SETTINGS, Settings

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("platform_bundle")]

Open = Callable[[Member, str], Awaitable[Page]]
REASON = "The name does not match the ABN."


@pytest_asyncio.fixture
async def opened(window: Browser, shop: Shop) -> AsyncIterator[Open]:
    """Opens a path, signed in. Fails the test that breaks the Content-Security-Policy or throws."""
    async with strict_context(window, base_url=shop.site.url, viewport={"width": 1280, "height": 900}) as context:

        async def open_(member: Member, path: str) -> Page:
            await signed_in_for(context, shop.site.app[SETTINGS], member)
            page = await context.new_page()
            await page.goto(path)
            return page

        yield open_


async def fits(page: Page) -> None:
    """Nothing overflows, on a desktop or on a phone."""
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await overflow(page) <= 0
    await page.set_viewport_size({"width": 1280, "height": 900})


async def enter(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        await page.get_by_label(label.replace("_", " ")).fill(value)


async def test_over_to_stripe_and_back(shop: Shop, opened: Open) -> None:
    page = await opened(await shop.newcomer(known=False), "/checkout?seats=4")
    await enter(page, Legal_name="Numbat " * 20, ABN="51 824 753 557", Street_address="PO Box 3")
    await enter(page, Town_or_suburb="Sydney", Postcode="2000", Agents="5")
    await expect(page.locator("#total")).to_have_text(re.compile(r"A\$220\b.*A\$20\b"))
    await page.get_by_label("State").select_option("NSW")
    await page.get_by_role("button", name="Continue to payment").click()
    await expect(page.get_by_label("ABN")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("ABN")).to_have_accessible_description(re.compile("."))
    await expect(page.get_by_label("Street address")).to_have_attribute("aria-invalid", "true")
    await fits(page)
    await enter(page, ABN="51 824 753 556", Street_address="1 Bligh Street")
    await page.get_by_role("button", name="Continue to payment").click()
    await page.wait_for_url("**/c/pay/**")
    forward, shop.stripe.account.on_event = shop.stripe.account.on_event, []
    shop.stripe.buy(shop.checkouts[0]["id"])
    await page.goto(f"{shop.site.url}/checkout/success?session_id={shop.checkouts[0]['id']}")
    await expect(page.locator("[data-payment]")).to_have_attribute("data-payment", "waiting")
    await fits(page)
    shop.stripe.account.on_event = forward
    for event in shop.stripe.events:
        shop.stripe.resend(event["id"])
    await page.wait_for_url("**/onboarding")


async def test_who_leaves_stripes_page_is_shown_what_to_do(shop: Shop, opened: Open) -> None:
    page = await opened(await shop.newcomer(), "/checkout?seats=2&left=1")
    await expect(page.locator("[data-payment]")).to_have_attribute("data-payment", "left")
    await fits(page)


async def test_seats_are_changed_after_their_cost_was_seen(shop: Shop, opened: Open) -> None:
    page = await opened(await shop.subscriber(3), "/billing")
    await fits(page)
    await page.get_by_label("Change to").fill("9")
    await page.get_by_role("button", name="See what it costs").click()
    await expect(page.get_by_role("status")).to_contain_text(re.compile(r"\b9\b"))
    await fits(page)
    await page.get_by_role("button", name="Change to 9 seats").click()
    await expect(page.locator("#seats p .figure")).to_have_text(["9", "0"])


async def test_a_failed_payment_is_fixed_from_the_page(shop: Shop, opened: Open) -> None:
    nora = await shop.subscriber(2)
    shop.stripe.give_card(await shop.customer(nora), "declined")
    shop.stripe.clock.advance(days=32)
    await shop.delivered()
    page = await opened(nora, "/billing")
    await fits(page)
    await page.get_by_role("button", name="Change payment method").click()
    await page.wait_for_url("**/p/session/**")
    await page.go_back()
    await page.get_by_role("link", name="Pay A$88 now").click()
    await page.wait_for_url(lambda url: url.startswith(shop.stripe.url))


class TestOwnBundles:
    """Where each organisation files a bundle of its own."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"twilio_bundle_sid": "", "twilio_address_sid": ""})

    async def test_a_bundle_on_its_way_is_waited_for(self, shop: Shop, opened: Open) -> None:
        nora = await shop.newcomer()
        page = await opened(nora, "/checkout")
        await page.get_by_role("button", name="Continue", exact=True).click()
        await expect(page.locator("[data-bundle]")).to_have_attribute("data-bundle", "filing")
        await fits(page)
        await judge(shop, nora, "twilio-rejected", json.dumps([REASON]))
        await expect(page.get_by_text(REASON)).to_be_visible()
        await fits(page)
        await judge(shop, nora, "pending-review")
        await page.reload()
        await page.get_by_role("button", name="Continue to payment").click()
        await page.wait_for_url("**/c/pay/**")
