"""A newcomer for whom everything goes wrong once: a bundle refused, money that takes days, Twilio out of order.

She is told each time what happens and what she can do, and ends with one number that rings.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.kit.browser.newcomer import (
    PATIENCE_SECONDS,
    Person,
    World,
    choose_number,
    done,
    pay,
    person,
    sign_up,
    tell_business,
)

pytestmark = [pytest.mark.browser(whole=True), pytest.mark.slow]

REASON = "The ABN belongs to another business."


@pytest_asyncio.fixture
async def owner(world: World, window: Browser) -> AsyncIterator[Person]:
    """Ada, at a telephone's width."""
    ada = await person(world, window, "ada@acacia.example", "Ada Ashby", width=360)
    yield ada
    assert ada.complaints == []


@pytest_asyncio.fixture
async def twilio(world: World, window: Browser) -> Page:
    """The page where a person is Twilio: bundles are decided on by hand from now on."""
    page = await window.new_page()
    await page.goto(f"{world.telephones}/sandbox/numbers")
    await page.get_by_label("Approved by themselves").fill("")
    await page.get_by_role("button", name="Set", exact=True).click()
    await expect(page.get_by_label("Approved by themselves")).to_have_value("")
    return page


async def bundle_is(page: Page, status: str) -> None:
    """Wait until the page shows that status, reloading it: neither checkout nor settings follow it by themselves."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await page.locator("[data-bundle]").get_attribute("data-bundle") != status:
            await asyncio.sleep(0.5)
            await page.reload()


async def bundle_rejected_and_corrected(owner: Person, twilio: Page) -> None:
    page = owner.page
    await page.get_by_role("button", name="Continue to payment").wait_for()
    await twilio.reload()
    await twilio.get_by_label(re.compile("^Why the bundle of Acacia")).fill(REASON)
    await twilio.get_by_role("button", name=re.compile("^Reject the bundle of Acacia")).click()
    await bundle_is(page, "rejected")
    await expect(page.locator("main")).to_contain_text(REASON)
    await expect(page.get_by_role("button", name="Continue to payment")).to_be_hidden()
    await owner.click("link", "Correct the details")
    await expect(page.get_by_text(REASON)).to_be_visible()
    await page.get_by_label("Legal name").fill("Acacia Health Pty Ltd")
    await owner.click("button", "Save and send again")
    await bundle_is(page, "pending-review")
    await twilio.reload()
    await twilio.get_by_role("button", name=re.compile("^Approve the bundle of Acacia")).first.click()
    await bundle_is(page, "twilio-approved")


async def test_she_ends_with_one_number_that_rings(
    world: World, window: Browser, owner: Person, twilio: Page
) -> None:
    page = owner.page
    await sign_up(owner, "Acacia Clinic")
    await tell_business(owner)
    await bundle_rejected_and_corrected(owner, twilio)
    await page.goto(f"{world.bilby}/checkout")
    await owner.click("button", "Continue to payment")
    await pay(owner, "Bank debit (BECS) that clears")
    await expect(page.get_by_role("heading", name="Your payment is on its way")).to_be_visible()
    await owner.click("link", "Continue setting up")
    await expect(page.locator("#item-plan")).to_have_attribute("data-done", "no")

    await twilio.get_by_role("combobox", name="What").select_option("buy")
    await twilio.get_by_role("combobox", name="How").select_option("lost")
    await twilio.get_by_label("Times").fill("2")
    await twilio.get_by_role("button", name="Let it happen").click()
    stripe = await window.new_page()
    await stripe.goto(world.payments)
    await stripe.get_by_role("button", name="Clears").click()
    await done(owner, "plan")
    number = await choose_number(owner, "Hobart")
    await done(owner, "webhooks")

    await twilio.reload()
    rented = twilio.locator("section", has=twilio.get_by_role("heading", name="Rented numbers")).locator("li")
    await expect(rented).to_have_count(2)  # the demo organisation's, and hers
    await twilio.get_by_role("button", name=f"Point {number} elsewhere").click()
    await page.goto(f"{world.bilby}/numbers")
    await owner.click("button", "Check settings")
    await expect(page.locator(".changes")).to_be_visible()
