"""A call in Chromium while Twilio is slow or refuses: the page shows what is true, and that something is wanted."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from sandbox.twilio.rest.registry import RestFault
from tests.kit.browser.console_page import become_available
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown
from tests.web.phone.conftest import SitsDown, talks

pytestmark = pytest.mark.browser

PARTICIPANT = r"/Participants/CA\w+\.json$"
CALLS = r"/Calls\.json$"


async def is_held(page: Page, held: bool) -> None:
    """Wait until the page says that the caller is, or is not, on hold."""
    await expect(page.locator("#hold")).to_have_attribute("aria-pressed", str(held).lower())
    if held:
        await expect(page.locator("#in-call")).to_have_attribute("data-held", "")
    else:
        await expect(page.locator("#in-call")).not_to_have_attribute("data-held", "")


@pytest.mark.slow
async def test_a_slow_twilio_and_one_that_refuses(town: RoomTown, cast: Cast, sits_down: SitsDown) -> None:
    faults = town.twilio.registry.faults
    bob, dana = await sits_down(cast.bob), await sits_down(cast.dana)
    await become_available(bob)
    await talks(bob, town)
    # It is asked, and does not answer; asked again, it does.
    slow = RestFault("POST", PARTICIPANT, "hangs")
    faults.append(slow)
    await bob.locator("#hold").press("Enter")
    await expect(bob.locator("#hold")).to_be_disabled()
    await slow.reached.wait()
    await is_held(bob, held=False)
    await expect(bob.locator("#call-state")).not_to_be_empty()
    await is_held(bob, held=True)
    await expect(bob.locator("#held-time")).to_have_text(re.compile(r"\d:\d\d"))
    faults.append(RestFault("POST", PARTICIPANT, times=2))
    await bob.keyboard.press("Alt+o")
    await is_held(bob, held=False)
    # A colleague declines, and a number cannot be called: the caller stays with the agent, who reads why.
    await become_available(dana)
    await bob.keyboard.press("Alt+t")
    await bob.keyboard.type("dana")
    await bob.keyboard.press("Enter")
    await expect(dana.locator("[data-offer][data-kind=consult]")).to_be_visible()
    await dana.keyboard.press("Alt+n")
    await expect(bob.locator("#call-problem")).not_to_be_empty()
    await expect(bob.locator("#consult")).to_be_hidden()
    await is_held(bob, held=True)  # whom to ask next, and when to come back, is the agent's choice
    await expect(bob.locator("#call-problem")).to_contain_text("Alt+O")
    await expect(bob.locator("#hold")).to_have_class(re.compile(r"\bgo\b"))
    await bob.keyboard.press("Alt+o")
    await is_held(bob, held=False)
    await expect(bob.locator("#call-problem")).to_be_empty()
    await expect(bob.locator("#hold")).not_to_have_class(re.compile(r"\bgo\b"))
    faults.append(RestFault("POST", CALLS, status=400, code=21216, times=9))
    await bob.keyboard.press("Alt+p")
    await bob.keyboard.type("0291234567")
    await bob.keyboard.press("Enter")
    await expect(bob.get_by_role("dialog")).to_be_hidden()
    await expect(bob.locator("#call-problem")).not_to_be_empty()
    await expect(bob.locator(".party[data-kind=outside]")).to_have_count(0)
    await expect(bob.locator("#in-call")).to_have_attribute("data-phase", "talking")
