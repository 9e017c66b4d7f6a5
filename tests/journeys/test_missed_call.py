"""A call outside hours, and another that nobody answers: each is announced, listed, and called back once.

Alice sets the hours in her browser, Bob and Dana sit at their consoles in Chromium with phones of the emulated
Twilio. Nothing is transcribed here, so there is no media process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from db.engine import Database
from db.models import Call, Member
from db.queries.phone.ringing_plans import WAIT_SECONDS, RingingPlan, RingingPlans
from sandbox.twilio.emulator import Behaviour, Twilio, twilio
from tests.kit.browser.console_page import become_available, signed_in_for
from tests.kit.vendors.twilio_account import twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import SETTINGS, Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[[Member], Awaitable[Page]]
CALLER, OTHER = "+61491570006", "+61491570156"


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    """The emulated Twilio's."""
    return free_port()


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    at = f"http://127.0.0.1:{port}"
    return settings.model_copy(update={"voice_sdk_url": f"{at}/voice-sdk.js", "twilio_api_base": at})


@pytest_asyncio.fixture
async def telephone(site: Site, settings: Settings, port: int, cast: Cast) -> AsyncIterator[Twilio]:
    """The emulated Twilio, with organisation A's number and its softphones' application pointing at web."""
    async with twilio(twilio_of(site, settings, port, cast.number.e164)) as emulator:
        yield emulator


@pytest.fixture
def sits_down(site: Site, telephone: Twilio, window: Browser) -> Open:
    """Each member's console in a context of their own, its phone ready."""
    expect.set_options(timeout=60_000)

    async def opened(member: Member) -> Page:
        context = await window.new_context(base_url=site.url, viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        await signed_in_for(context, site.app[SETTINGS], member)
        await page.goto("/console")
        await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")
        return page

    return opened


async def close_all_week(page: Page, cast: Cast) -> None:
    """Set hours that keep the number closed but for an hour years away."""
    await page.goto(f"/numbers/{cast.number.id}/hours")
    await page.get_by_role("radio", name="At these times").check()
    await page.locator("[name=own-0-first]").fill(f"{datetime.now(UTC).year + 2}-11-27")
    await page.locator("[name=own-0-name]").fill("Open house")
    await page.locator("[name=own-0-hours]").fill("9-10")
    await page.locator("[name=closed_announcement]").fill("We are closed.")
    await page.locator("button[type=submit].primary").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await expect(page.locator(".now")).to_have_attribute("data-state", "closed")


async def test_a_call_outside_hours_is_called_back_once(
    sits_down: Open, cast: Cast, database: Database, telephone: Twilio
) -> None:
    alice, bob, dana = await sits_down(cast.alice), await sits_down(cast.bob), await sits_down(cast.dana)
    await become_available(bob)
    await close_all_week(alice, cast)

    missed = telephone.place_call(to=cast.number.e164, from_=CALLER)
    await missed.over.wait()
    assert [leg.to for leg in telephone.exchange.legs.values()] == [cast.number.e164]  # nobody was rung
    assert missed.streams == {}
    for page in (bob, dana):
        await expect(page.locator("#recent-count")).to_have_text("1", timeout=30_000)

    await bob.keyboard.press("r")
    await expect(bob.locator(".missed-why")).to_have_attribute("data-reason", "outside_hours")
    await expect(bob.locator("#recent-count")).to_be_empty(timeout=30_000)
    await bob.locator("[data-call-back]").press("Enter")
    await expect(bob.locator("#call-who")).to_have_text("0491 570 006")
    await expect(bob.locator(".missed")).to_have_attribute("data-state", "talking")

    await dana.locator("#recent summary").click()
    await expect(dana.locator(".missed")).to_have_attribute("data-state", "talking")
    await expect(dana.locator("[data-call-back]")).to_have_count(0)
    await expect(dana.locator("#in-call")).to_be_hidden()
    assert [leg.to for leg in telephone.exchange.legs.values() if leg.direction == "outbound-api"] == [CALLER]

    await expect(bob.locator("#in-call")).to_have_attribute("data-phase", "talking")  # not only dialling
    await bob.keyboard.press("Alt+h")
    await expect(bob.locator(".missed")).to_have_attribute("data-state", "reached", timeout=30_000)
    await expect(dana.locator(".missed")).to_have_attribute("data-state", "reached", timeout=30_000)
    await expect(dana.locator(".missed")).to_contain_text("Bob Brown")
    async with database.begin() as session:
        rows = (await session.scalars(select(Call).order_by(Call.started_at))).all()
    assert [(row.direction, row.outcome, row.reason) for row in rows] == [
        ("inbound", "missed", "outside_hours"),
        ("outbound", "answered", None),
    ]


async def test_who_is_declined_is_put_through(
    sits_down: Open, cast: Cast, database: Database, telephone: Twilio
) -> None:
    telephone.exchange.behaviours[OTHER] = Behaviour(after=0.1)
    async with database.begin() as session:
        await RingingPlans(session, cast.a.id).set(cast.number.id, RingingPlan(wait_seconds=WAIT_SECONDS[0]))
    alice, bob = await sits_down(cast.alice), await sits_down(cast.bob)
    await become_available(bob)
    await alice.goto(f"/numbers/{cast.number.id}/hours")
    await alice.locator("[name=unanswered_overflow]").fill("0491 570 156")
    await alice.locator("button[type=submit].primary").click()
    await expect(alice.get_by_role("status")).to_be_visible()

    leg = telephone.place_call(to=cast.number.e164, from_=CALLER, caller_audio=b"")
    await bob.locator("[data-offer] .decline").click()
    while not any(each.to == OTHER and each.answered for each in telephone.exchange.legs.values()):
        assert not leg.over.is_set()
        await bob.wait_for_timeout(50)
    leg.hang_up()
    while (row := await the_call(database)).outcome is None:
        await bob.wait_for_timeout(50)
    assert (row.outcome, row.reason, row.agent_id) == ("answered", "declined", None)


async def the_call(database: Database) -> Call:
    """The only row of the call log."""
    async with database.begin() as session:
        return (await session.scalars(select(Call))).one()
