"""A new customer and her team, in real browsers before a whole sandbox: what they click, page by page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.kit.browser.console_page import become_available
from tests.kit.machines.sandbox_run import UP, Sandbox, sandbox_run

ABN = "51 824 753 556"
PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.2
_OURS = re.compile(r"Security Policy|Uncaught")  # what a page's log must not hold


@dataclass
class World:
    """The sandbox's addresses, as ``make run`` prints them."""

    sandbox: Sandbox

    def _at(self, name: str) -> str:
        return f"http://127.0.0.1:{self.sandbox.ports[f'SANDBOX_{name}_PORT']}"

    @property
    def bilby(self) -> str:
        """The product's own pages."""
        return self._at("WEB")

    @property
    def outbox(self) -> str:
        """Every letter it has sent."""
        return self._at("MAIL")

    @property
    def payments(self) -> str:
        """The emulated Stripe's control page."""
        return self._at("STRIPE")

    @property
    def telephones(self) -> str:
        """The emulated Twilio's page of calls."""
        return self._at("TWILIO")


@asynccontextmanager
async def open_world(folder: Path, free_port: Callable[[], int]) -> AsyncIterator[World]:
    """Start a whole sandbox in ``folder``. Pages are given `PATIENCE_SECONDS` for anything."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    async with sandbox_run(folder / "sandbox", free_port, SANDBOX_SPEECH="scripted") as sandbox:
        await sandbox.until(UP)
        yield World(sandbox)


@dataclass
class Person:
    """Somebody with a browser and an address."""

    world: World
    page: Page
    email: str
    name: str
    complaints: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """Keep a line of a page's log, to be looked at when all is over."""
        if _OURS.search(line):
            self.complaints.append(line)

    async def click(self, role: str, name: str | re.Pattern[str]) -> None:
        """Click the first button or link of that name."""
        await self.page.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]

    async def open_letter(self, part: str) -> None:
        """Follow the newest link with ``part`` in a letter to this person; the outbox shows letters as they come."""
        letter = self.page.locator("article", has_text=f"to {self.email}")
        link = letter.locator(f'a[href*="{part}"]').first
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.page.goto(self.world.outbox)
            while not await link.count():
                await asyncio.sleep(_POLL_SECONDS)
                await self.page.goto(self.world.outbox)
        await self.page.goto(str(await link.get_attribute("href")))

    async def console(self) -> None:
        """Open the live calls, and wait until they are connected."""
        await self.page.goto(f"{self.world.bilby}/console")
        await expect(self.page.locator("#link-state")).to_have_attribute("data-status", "open")

    async def take_calls(self) -> None:
        """Become available, on the page that is open."""
        await become_available(self.page)


async def person(world: World, browser: Browser, email: str, name: str, width: int = 1280) -> Person:
    """Return somebody new, at a browser of their own."""
    context = await browser.new_context(viewport={"width": width, "height": 800})
    one = Person(world, await context.new_page(), email, name)
    one.page.on("console", lambda line: one.note(line.text))
    one.page.on("pageerror", lambda error: one.note(f"Uncaught {error.stack or error}"))
    return one


async def sign_up(owner: Person, organisation: str, seats: int = 2) -> None:
    """Go from the landing page to the checkout."""
    page = owner.page
    await page.goto(owner.world.bilby)
    await owner.click("link", "Start with Bilby")
    await page.get_by_label("Organisation").fill(organisation)
    await page.get_by_label("Your name").fill(owner.name)
    await page.get_by_label("Work email").fill(owner.email)
    await page.get_by_label("Agents").fill(str(seats))
    await owner.click("button", "Send me a link")
    await expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    await owner.open_letter("/sign-up/")
    await owner.click("button", "Continue to payment")
    await page.wait_for_url("**/checkout?*")


async def tell_business(owner: Person, legal_name: str = "Acacia Clinic Pty Ltd") -> None:
    """Say which business it is, on the page of the checkout; the bundle is filed with that."""
    page = owner.page
    await page.get_by_label("Legal name").fill(legal_name)
    await page.get_by_label("ABN").fill(ABN)
    await page.get_by_label("Street address").fill("1 Bligh Street")
    await page.get_by_label("Town or suburb").fill("Sydney")
    await page.get_by_label("State").select_option("NSW")
    await page.get_by_label("Postcode").fill("2000")
    await owner.click("button", "Continue")


async def pay(owner: Person, method: str = "Visa that pays •••• 4242") -> None:
    """Pay on Stripe's page, and be sent back."""
    page = owner.page
    await page.wait_for_url(f"{owner.world.payments}/c/pay/**")
    for label, typed in (("Business name", "Acacia Clinic Pty Ltd"), ("Address", "1 Bligh Street")):
        await page.get_by_label(label, exact=True).fill(typed)
    await page.get_by_label("Suburb").fill("Sydney")
    await page.get_by_label("Postcode").fill("2000")
    await page.get_by_label(method).check()
    await owner.click("button", "Subscribe")


async def choose_number(owner: Person, town: str) -> str:
    """Take the first number of ``town``, and return it (E.164). Afterwards the checklist is open."""
    page = owner.page
    await page.locator("#item-number").get_by_role("link").click()
    await page.get_by_label("Town or suburb").fill(town)
    await owner.click("button", "Search")
    await page.get_by_role("radio").first.check()
    chosen = await page.get_by_role("radio").first.get_attribute("value")
    await owner.click("button", "Take this number")
    await owner.click("link", "Getting started")
    assert chosen is not None
    return chosen


async def done(owner: Person, item: str) -> None:
    """Wait until the open checklist says so of ``item``: it is told, so nobody reloads."""
    await expect(owner.page.locator(f"#item-{item}")).to_have_attribute("data-done", "yes")


async def invite(owner: Person, agent: Person) -> None:
    """Invite the agent into the team by mail; the agent follows the link."""
    page = owner.page
    await page.locator("#item-team").get_by_role("link").click()
    await page.get_by_label("Name", exact=True).fill(agent.name)
    await page.get_by_label("Work email").fill(agent.email)
    await page.locator("#invite").get_by_label("Role").select_option("agent")
    await owner.click("button", "Send invitation")
    await expect(page.get_by_role("table")).to_contain_text(agent.email)
    await agent.open_letter("/sign-in/")
    await agent.click("button", "Join")


async def call_in(world: World, browser: Browser, number: str, wav: Path) -> Page:
    """Call ``number`` on the telephone network's page, and return the page."""
    page = await browser.new_page()
    await page.goto(world.telephones)
    await page.locator(f'select[name="to"] option[value="{number}"]').wait_for(state="attached")
    await page.get_by_role("combobox", name="To").select_option(number)
    await page.get_by_label("Sound").set_input_files(wav)
    await page.get_by_role("button", name="Place a test call").click()
    await expect(page.locator("#outcome")).to_contain_text(number)
    return page
