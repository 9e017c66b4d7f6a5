"""One member at several tabs and computers in Chromium: who holds the phone, and when a member is reachable."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from db.engine import Database
from tests.kit.browser.console_page import become_available
from tests.kit.web.cast import Cast
from tests.kit.web.phones import pass_time
from tests.kit.web.room_town import RoomTown
from tests.web.phone.conftest import SitsDown, talks
from web.phone.presence import REACHABLE

pytestmark = pytest.mark.browser

BEATS = "**/phone/beat"


async def test_a_second_tab_commands_takes_over_and_rejoins(town: RoomTown, cast: Cast, sits_down: SitsDown) -> None:
    first = await sits_down(cast.bob)
    second = await first.context.new_page()
    await second.goto("/console")
    await expect(second.locator("#phone")).to_have_attribute("data-tab", "follower")
    await become_available(second)
    await expect(first.locator("#presence")).to_have_value("available")
    await talks(second, town)
    await second.keyboard.press("Alt+o")
    for tab in (first, second):
        await expect(tab.locator("#hold")).to_have_attribute("aria-pressed", "true")
    await first.close(run_before_unload=False)
    await expect(second.locator("#phone")).to_have_attribute("data-tab", "leader")
    again = second.locator("[data-offer][data-returning]")  # a key is lost that is pressed while Twilio tells
    await expect(again.first).to_be_visible()
    await second.keyboard.press("Alt+j")
    await expect(second.locator("#mute")).to_be_enabled()
    await second.reload()  # a tab alone, too, keeps the caller
    await expect(again.first).to_be_visible()
    await second.keyboard.press("Alt+j")
    await expect(second.locator("#mute")).to_be_enabled()
    (customer,) = [leg for leg in town.twilio.exchange.legs.values() if leg.customer]
    assert not customer.over.is_set()


async def test_a_second_computer_takes_the_phone_with_the_call(
    town: RoomTown, cast: Cast, sits_down: SitsDown
) -> None:
    first = await sits_down(cast.bob)
    await become_available(first)
    await talks(first, town)
    second = await sits_down(cast.bob)
    await expect(second.locator("#take-over")).to_be_visible()
    await expect(second.locator("#in-call")).to_be_visible()  # shown, and not joined here
    await expect(second.locator("#rejoin")).to_be_hidden()
    await second.locator("#take-over").press("Enter")
    await expect(first.locator("#take-over")).to_be_visible()  # the first one shows that it has lost the phone
    again = second.locator("[data-offer][data-returning]")
    await expect(again.first).to_be_visible()
    await second.keyboard.press("Alt+j")
    await expect(second.locator("#mute")).to_be_enabled()
    await expect(second.locator("#presence-state")).to_have_attribute("data-presence", "on_call")
    await expect(first.locator("#mute")).to_be_disabled()


async def test_missed_beats_and_signing_out_end_reachability(
    town: RoomTown, cast: Cast, sits_down: SitsDown, database: Database
) -> None:
    bob, sam = await sits_down(cast.bob), await sits_down(cast.sam)
    await sam.keyboard.press("t")
    in_team = sam.locator(".team-row", has_text=cast.bob.name)
    await become_available(bob)
    await expect(in_team).to_have_attribute("data-presence", "available")
    await bob.route(BEATS, lambda route: route.abort())
    await pass_time(database, cast.bob, REACHABLE)
    await expect(bob.locator("#presence-state")).to_have_attribute("data-presence", "unreachable")
    await expect(bob.locator("#phone-status")).not_to_be_empty()
    await expect(bob.locator("#presence")).to_have_value("available")  # what was chosen stays
    await expect(in_team).to_have_attribute("data-presence", "unreachable")
    await bob.unroute(BEATS)
    await expect(bob.locator("#presence-state")).to_have_attribute("data-presence", "available")
    await bob.locator(".account summary").press("Enter")
    await bob.get_by_role("button", name="Sign out").press("Enter")
    await expect(bob.locator("#phone")).to_have_count(0)
    await expect(in_team).to_have_attribute("data-presence", "offline")
