"""From the landing page to words on the screen, and back again when payment stops: every process real, in Chromium.

Only the vendors are emulated. Nothing is prepared: a stranger opens the landing page, and an hour of a clinic's life
follows, in less than a minute.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

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


async def test_from_the_landing_page_to_words_on_the_screen(
    world: World, window: Browser, owner: Person, tmp_path: Path
) -> None:
    page, wav = owner.page, write_call(tmp_path / "said.wav", SAID, pause_seconds=1.0)
    await sign_up(owner, "Acacia Clinic")
    await tell_business(owner)
    await owner.click("button", "Go on")
    await owner.click("button", "Go to payment")
    await pay(owner, "Visa with insufficient funds")
    await expect(page.get_by_role("alert")).to_contain_text("insufficient funds")
    await pay(owner)
    async with asyncio.timeout(TARGET_SECONDS):
        await page.wait_for_url("**/onboarding")  # by way of the page that waits for the webhook
        number = await choose_number(owner, "Melbourne")
        await page.locator("#item-call").get_by_role("link").click()
        await owner.take_calls()
        caller = await call_in(world, window, number, wav)
        await owner.click("button", re.compile("^Answer"))
        for words in SAID:
            await expect(page.locator("#lines")).to_contain_text(words)
    await caller.get_by_role("button", name=re.compile("^Hang up")).first.click()
    await page.goto(f"{world.bilby}/onboarding")
    await expect(page.locator("#item-call")).to_have_attribute("data-done", "yes")
