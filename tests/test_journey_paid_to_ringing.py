"""From the landing page to words on the screen, and back again when payment stops: every process real, in Chromium.

Only the vendors are emulated. Nothing is prepared: a stranger opens the landing page, and an hour of a clinic's life
follows, in less than a minute.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.chromium import chromium
from tests.newcomer import Person, World, call_in, pay, person, sign_up, tell_business
from tests.sandbox_run import UP, sandbox_run
from tests.scripted_wav import write_call

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TARGET_SECONDS = 60  # from paid to the first words of the test call, here in the sandbox
SAID = ["my internet is slow", "since Monday", "thank you very much"]


@pytest_asyncio.fixture
async def world(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[World]:
    """A whole sandbox, just started."""
    expect.set_options(timeout=30_000)
    async with sandbox_run(tmp_path / "sandbox", free_port, SANDBOX_SPEECH="scripted") as sandbox:
        await sandbox.until(UP)
        yield World(sandbox)


@pytest_asyncio.fixture
async def window() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest_asyncio.fixture
async def owner(world: World, window: Browser) -> AsyncIterator[Person]:
    """Ada, who has heard of Bilby today."""
    ada = await person(world, window, "ada@acacia.example", "Ada Ashby")
    yield ada
    assert ada.complaints == []


async def choose_number(owner: Person, town: str) -> str:
    """The first one of ``town``, on the page that the checklist leads to; in E.164, once calls to it reach Bilby."""
    page = owner.page
    await page.locator("#item-number").get_by_role("link").click()
    await page.get_by_label("Town or suburb").fill(town)
    await owner.click("button", "Search")
    await page.get_by_role("radio").first.check()
    chosen = await page.get_by_role("radio").first.get_attribute("value")
    await owner.click("button", "Take this number")
    await owner.click("link", "Getting started")
    await expect(page.locator("#item-webhooks")).to_have_attribute("data-done", "yes")  # pushed: nobody reloads
    assert chosen is not None
    return chosen


async def to_stripe(owner: Person) -> None:
    """Everything up to Stripe's page."""
    await sign_up(owner, "Acacia Clinic")
    await tell_business(owner)
    await owner.click("button", "Go on")
    await owner.click("button", "Go to payment")


async def test_from_the_landing_page_to_words_on_the_screen(
    world: World, window: Browser, owner: Person, tmp_path: Path
) -> None:
    page, wav = owner.page, write_call(tmp_path / "said.wav", SAID, pause_seconds=1.0)
    await to_stripe(owner)
    await pay(owner, "Visa with insufficient funds")
    await expect(page.get_by_role("alert")).to_contain_text("insufficient funds")
    await pay(owner)
    paid = time.monotonic()
    async with asyncio.timeout(TARGET_SECONDS):
        await page.wait_for_url("**/onboarding")  # by way of the page that waits for the webhook
        number = await choose_number(owner, "Melbourne")
        await page.locator("#item-call").get_by_role("link").click()
        await owner.take_calls()
        caller = await call_in(world, window, number, wav)
        await owner.click("button", re.compile("^Answer"))
        for words in SAID:
            await expect(page.locator("#lines")).to_contain_text(words)
    print(f"from paid to the test call's words: {time.monotonic() - paid:.1f} s")
    await caller.get_by_role("button", name=re.compile("^Hang up")).first.click()
    await page.goto(f"{world.bilby}/onboarding")
    await expect(page.locator("#item-call")).to_have_attribute("data-done", "yes")


async def invite(owner: Person, agent: Person) -> None:
    """Into the team, by mail; the agent follows the link."""
    page = owner.page
    await page.locator("#item-team").get_by_role("link").click()
    await page.get_by_label("Name", exact=True).fill(agent.name)
    await page.get_by_label("Work email").fill(agent.email)
    await page.locator("#invite").get_by_label("Role").select_option("agent")
    await owner.click("button", "Send invitation")
    await expect(page.get_by_role("table")).to_contain_text(agent.email)
    await agent.open_letter("/sign-in/")


async def bank_declines(world: World, window: Browser) -> Page:
    """The month is over, and the customer's bank declines; the emulated Stripe's page."""
    page = await window.new_page()
    await page.goto(world.payments)
    await page.get_by_label("Share sent twice").fill("1")
    await page.get_by_label("Jumbled").check()
    await page.get_by_role("button", name="Set", exact=True).click()
    await page.get_by_role("button", name="Decline the next payment").click()
    await page.get_by_role("button", name="To renewal").click()
    await expect(page.get_by_text("past due", exact=True)).to_be_visible()
    return page


async def test_past_due_closes_the_console_and_payment_opens_it(world: World, window: Browser, owner: Person) -> None:
    bob = await person(world, window, "bob@acacia.example", "Bob Brown", width=360)
    await to_stripe(owner)
    await pay(owner)
    await owner.page.wait_for_url("**/onboarding")
    await invite(owner, bob)
    await bob.console()
    stripe = await bank_declines(world, window)

    await expect(bob.page.locator("#link-state")).to_have_text("Words are off")  # the open console, by itself
    await expect(bob.page.locator("#notice")).to_contain_text("ask Ada Ashby")
    await bob.page.reload()
    await expect(bob.page.get_by_role("heading", name="Live words are off")).to_be_visible()
    await expect(bob.page.get_by_role("switch", name="Taking calls")).to_be_enabled()  # calls still connect
    await owner.console()
    await expect(owner.page.get_by_role("link", name="See to the payment")).to_be_visible()

    await stripe.locator(".row", has_text="open").get_by_role("link").click()
    await stripe.get_by_role("button", name="Pay").click()
    await expect(stripe.locator("h1").get_by_text("paid")).to_be_visible()
    await expect(bob.page.locator("#link-state")).to_have_text("Connected")  # by itself
    assert bob.complaints == []
