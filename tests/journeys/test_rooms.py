"""Whole calls in rooms: two agents and a supervisor in Chromium, customers on the telephone, who hears whom by pitch.

The web process, its database, its event streams and its pages are real; Twilio is emulated. There is no media process
and no NATS: to talk, nobody needs them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.engine import Database
from sandbox.twilio.emulator import Leg
from tests.kit.browser.console_page import become_available
from tests.kit.browser.phone_floor import Floor, phone_floor
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import room_town
from web.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.sound, pytest.mark.timeout(420)]


@pytest_asyncio.fixture
async def floor(
    settings: Settings,
    database: Database,
    cast: Cast,
    free_port: Callable[[], int],
    browsers_with_microphones: Mapping[str, Browser],
) -> AsyncIterator[Floor]:
    port = free_port()
    chosen = settings.model_copy(update={"voice_sdk_url": f"http://127.0.0.1:{port}/voice-sdk.js"})
    async with (
        room_town(chosen, database, cast, port=port, speed=1.0) as town,
        phone_floor(town, database, browsers_with_microphones) as open_floor,
    ):
        yield open_floor


async def answered(floor: Floor, page: Page) -> Leg:
    """A customer calls, and the agent at ``page`` answers by key."""
    customer = floor.calls()
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await expect(page.locator("#in-call")).to_have_attribute("data-phase", "talking")
    return customer


async def test_ring_answer_hold_mute_hang_up_and_wrap_up(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    await become_available(bob)
    customer = await answered(floor, bob)
    await floor.agent_hears(bob, "customer")
    await floor.customer_hears(customer, "bob")
    await bob.keyboard.press("Alt+m")
    await floor.customer_hears(customer)
    await bob.keyboard.press("Alt+m")
    await floor.customer_hears(customer, "bob")
    await bob.keyboard.press("Alt+o")
    await expect(bob.locator("#hold")).to_have_attribute("aria-pressed", "true")
    await floor.agent_hears(bob)
    await floor.customer_hears(customer)
    await bob.keyboard.press("Alt+o")
    await expect(bob.locator("#hold")).to_have_attribute("aria-pressed", "false")
    await floor.agent_hears(bob, "customer")
    await bob.keyboard.press("Alt+h")
    await floor.hung_up(customer)
    await expect(bob.locator("#wrap-up")).to_be_visible()
    await expect(bob.locator("#presence-state")).to_have_attribute("data-presence", "wrap_up")
    await bob.locator("#wrap-up-follow-up").check()
    await bob.locator("#wrap-up button[type=submit]").click()
    await expect(bob.locator("#presence-state")).to_have_attribute("data-presence", "available")


async def test_a_reload_keeps_the_customer_and_rejoins(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    await become_available(bob)
    customer = await answered(floor, bob)
    await bob.reload()
    again = bob.locator("[data-offer][data-returning]")  # a key is lost that is pressed while Twilio tells
    await expect(again.first).to_be_visible()
    await bob.keyboard.press("Alt+j")
    await floor.agent_hears(bob, "customer")
    await floor.customer_hears(customer, "bob")
    assert not customer.over.is_set()


async def test_the_call_goes_on_while_other_pages_are_read(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    await become_available(bob)
    customer = await answered(floor, bob)
    await bob.get_by_role("link", name="Call log").click()
    frame = bob.frame_locator("#page-frame")
    await expect(frame.get_by_role("table")).to_be_visible()
    await floor.agent_hears(bob, "customer")
    await floor.customer_hears(customer, "bob")
    await frame.locator("#from").press("Alt+h")
    await floor.hung_up(customer)


async def test_a_second_tab_commands_the_first(floor: Floor) -> None:
    first = await floor.sits_down(floor.cast.bob, "bob")
    await become_available(first)
    second = await first.context.new_page()
    await second.goto("/console")
    await expect(second.locator("#phone")).to_have_attribute("data-tab", "follower")
    customer = await answered(floor, second)
    await floor.agent_hears(first, "customer")
    await floor.customer_hears(customer, "bob")
    await second.keyboard.press("Alt+o")
    await expect(first.locator("#hold")).to_have_attribute("aria-pressed", "true")
    await second.keyboard.press("Alt+h")
    await floor.hung_up(customer)


async def test_a_blind_transfer(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    dana = await floor.sits_down(floor.cast.dana, "dana")
    await become_available(bob)
    customer = await answered(floor, bob)
    await become_available(dana)
    await bob.keyboard.press("Alt+t")
    await bob.get_by_label("Transfer at once").check()
    await bob.locator("#target-text").fill("dana")
    await bob.keyboard.press("Enter")
    await expect(dana.locator("[data-offer][data-kind=transfer]")).to_be_visible()
    await dana.keyboard.press("Alt+a")
    await expect(bob.locator("#wrap-up")).to_be_visible()  # it ends by itself after a while: looked at first
    await expect(bob.locator("#in-call")).to_be_hidden()
    await floor.customer_hears(customer, "dana")
    await floor.agent_hears(dana, "customer")


async def test_a_warm_transfer(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    dana = await floor.sits_down(floor.cast.dana, "dana")
    await become_available(bob)
    customer = await answered(floor, bob)
    await become_available(dana)
    await bob.keyboard.press("Alt+t")
    await bob.locator("#target-text").fill("dana")
    await bob.keyboard.press("Enter")
    await expect(dana.locator("[data-offer][data-kind=consult]")).to_be_visible()
    await dana.keyboard.press("Alt+a")
    await expect(bob.locator("#consult")).to_have_attribute("data-state", "consulting")
    await floor.agent_hears(bob, "dana")
    await floor.agent_hears(dana, "bob")
    await floor.customer_hears(customer)
    await bob.keyboard.press("Alt+i")
    await expect(bob.locator("#consult")).to_have_attribute("data-state", "three_way")
    await floor.customer_hears(customer, "bob", "dana")
    await floor.agent_hears(bob, "customer", "dana")
    await bob.keyboard.press("Alt+c")
    await floor.customer_hears(customer, "dana")
    await expect(bob.locator("#in-call")).to_be_hidden()
    await expect(dana.locator("#in-call")).to_have_attribute("data-phase", "talking")
    await dana.keyboard.press("Alt+h")
    await floor.hung_up(customer)


async def test_help_is_asked_for_and_acknowledged(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    sam = await floor.sits_down(floor.cast.sam, "dana")
    await become_available(bob)
    await answered(floor, bob)
    await bob.keyboard.press("Alt+e")
    await expect(sam.locator(".help-row")).to_contain_text("Bob Brown")
    await sam.locator(".help-row button[data-of]").press("Enter")
    await expect(bob.locator("#raise-hand")).to_have_attribute("data-help", "acknowledged")


async def test_calling_out(floor: Floor) -> None:
    bob = await floor.sits_down(floor.cast.bob, "bob")
    await become_available(bob)
    await bob.keyboard.press("d")
    await bob.keyboard.type("0491 570 156")
    await bob.keyboard.press("Enter")
    await expect(bob.locator("#in-call")).to_have_attribute("data-phase", "talking")
    leg = next(each for each in floor.town.twilio.exchange.legs.values() if each.to == "+61491570156")
    await floor.customer_hears(leg, "bob")
    await bob.keyboard.press("Alt+h")
    await floor.hung_up(leg)
