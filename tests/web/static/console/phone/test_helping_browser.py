"""A supervisor helps in a call: what the page asks for, what it shows, and when the microphone sends nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.kit.browser.axe import findings
from tests.kit.browser.console_page import overflow
from tests.kit.web.phone_contract import PhoneServer, helping, in_hand, now
from tests.web.static.console.phone.conftest import Desk

pytestmark = pytest.mark.browser

SID = "CA" + "1" * 32
ASKED = {"call": "c1", "call_sid": SID, "member": "m2", "name": "Bob Brown", "state": "asked"}
HELPER = {"member": "m9", "name": "Sam Singh", "mode": "listen"}


async def listens(desk: Desk, server: PhoneServer) -> Page:
    """A supervisor listens to the call for which help was asked."""
    server.role = "supervisor"
    page = await desk()
    await server.say(help=[ASKED])
    await page.locator(".help-listen").click()
    await server.asked(f"{SID}/listen")
    await server.say(helping=helping(joined=False, pending=True))
    await expect(page.locator("#helping-now")).to_be_visible()
    await expect(page.locator("#helping-now")).not_to_have_attribute("data-settled", "")
    await server.say(helping=helping())
    await expect(page.locator("#helping-now")).to_have_attribute("data-settled", "")
    return page


async def is_muted(page: Page, muted: bool) -> None:
    await page.wait_for_function("(muted) => globalThis.sdkCall?.muted === muted", arg=muted)


async def test_each_key_asks_and_the_microphone_follows_what_the_server_says(desk: Desk, server: PhoneServer) -> None:
    page = await listens(desk, server)
    await is_muted(page, True)
    await page.keyboard.press("Alt+q")
    await server.asked(f"{SID}/whisper")
    await server.say(helping=helping("whisper"))
    await expect(page.locator("#helping-now [data-help=whisper]")).to_have_attribute("aria-pressed", "true")
    await is_muted(page, False)
    await server.say(helping=helping("listen", was_muted=True))
    await expect(page.locator("#helping-now")).to_have_attribute("data-was-muted", "")
    await is_muted(page, True)
    await page.keyboard.press("Alt+b")
    await server.asked(f"{SID}/barge")
    await server.say(helping=helping("barge"))
    await is_muted(page, False)
    await page.keyboard.press("Alt+g")
    await server.asked(f"{SID}/listen")
    await page.keyboard.press("Alt+l")
    await server.asked(f"{SID}/stop")
    await server.say(helping=None)
    await expect(page.locator("#helping-now")).to_be_hidden()
    await expect(page.locator("#dial")).to_be_visible()


async def test_what_is_asked_for_last_while_a_command_is_under_way_is_done(desk: Desk, server: PhoneServer) -> None:
    page = await listens(desk, server)
    answered = asyncio.Event()

    async def hold(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    await page.route("**/barge", hold)
    async with page.expect_request("**/barge"):
        await page.keyboard.press("Alt+b")
    await page.keyboard.press("Alt+b")
    await page.keyboard.press("Alt+q")
    await page.keyboard.press("Alt+l")
    answered.set()
    await server.asked(f"{SID}/barge")
    await server.asked(f"{SID}/stop")
    await server.was_not_asked(page)


async def test_taking_over_makes_it_the_call_in_hand(desk: Desk, server: PhoneServer) -> None:
    page = await listens(desk, server)
    await page.keyboard.press("Alt+y")
    await server.asked(f"{SID}/take-over")
    await server.say(helping=helping("take_over", pending=True))
    await is_muted(page, False)
    await server.say(helping=None, call=in_hand("c1"))
    await expect(page.locator("#in-call")).to_have_attribute("data-call", "c1")
    await expect(page.locator("#helping-now")).to_be_hidden()
    await expect(page.locator("#rejoin")).to_be_hidden()


async def test_a_refusal_is_shown_where_it_was_asked(desk: Desk, server: PhoneServer) -> None:
    page = await listens(desk, server)
    server.refuse(f"{SID}/barge", error="Kim speaks in this call.", code="helped")
    await page.keyboard.press("Alt+b")
    await expect(page.locator("#help-now-said")).to_have_text("Kim speaks in this call.")
    await is_muted(page, True)


async def test_whoever_is_away_can_be_switched_off(desk: Desk, server: PhoneServer) -> None:
    server.role = "supervisor"
    page = await desk()
    team = [
        {"member": f"m{place}", "name": name, "state": state, "since": now()}
        for place, (name, state) in enumerate((("Bob", "unreachable"), ("Dana", "on_call"), ("Kim", "offline")))
    ]
    await server.say(team=team)
    await page.locator(".team-row button").click()
    await server.asked("members/m0/switch-off")


async def test_an_agent_is_offered_nothing_and_sees_who_helps(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(
        call=in_hand("c1", helpers=[HELPER]), team=[{"member": "m2", "name": "Bob", "state": "break", "since": now()}]
    )
    await expect(page.locator("#call-helpers")).to_have_attribute("data-modes", "listen")
    await expect(page.locator("#helping, #helping-now, .team-row button")).to_have_count(0)
    await page.keyboard.press("Alt+b")
    await server.was_not_asked(page)
    await server.say(call=in_hand("c1", helpers=[HELPER | {"mode": "whisper"}]))
    await expect(page.locator("#call-helpers")).to_have_attribute("data-modes", "whisper")


async def test_who_was_switched_off_sees_by_whom(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(
        presence={**server.state["presence"], "state": "offline", "chosen": "offline", "by": "Sam Singh"}
    )
    await expect(page.locator("#presence-state")).to_have_attribute("data-switched-off", "")


@pytest.mark.parametrize("facts", [{}, {"mode": "barge"}, {"was_muted": True}], ids=["listens", "speaks", "muted"])
async def test_the_page_has_no_findings(desk: Desk, server: PhoneServer, facts: dict[str, Any]) -> None:
    page = await listens(desk, server)
    await server.say(helping=helping(**facts))
    for width in (1920, 1280, 360):
        assert await findings(page, width) == []
        assert await overflow(page) <= 0
