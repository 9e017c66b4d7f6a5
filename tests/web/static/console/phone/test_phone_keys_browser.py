"""Whatever the phone can do is done without a mouse, the help lists every key, and no letter alone ends a call."""

from __future__ import annotations

import string

import pytest
from playwright.async_api import Page, expect

from tests.kit.web.phone_contract import PhoneServer, agent, customer, in_hand, now, offer, party, presence
from tests.web.static.console.phone.conftest import Desk

pytestmark = pytest.mark.browser

DANA = "22222222-2222-4222-8222-222222222222"
# What can be clicked now; of the radio buttons of a choice, Tab comes to the checked one.
CLICKABLE = """() => {
  const where = document.querySelector("dialog[open]") ? "dialog[open]" : ":is(#offers, #phone)";
  for (const each of document.querySelectorAll("[data-walk]")) delete each.dataset.walk;
  return [...document.querySelectorAll(`${where} :is(button, select, input, textarea, summary)`)]
    .filter((each) => each.offsetParent && !each.disabled && !(each.type === "radio" && !each.checked))
    .map((each, index) => (each.dataset.walk = String(index)));
}"""
LISTED = """() => {
  const sheet = [...document.querySelectorAll("#help dt")].flatMap((keys) => {
    const all = [...keys.querySelectorAll("kbd")].map((key) => key.textContent);
    return all[0] === "Alt" ? [`Alt+${all[1]}`] : all;
  });
  const used = [...document.querySelectorAll("[aria-keyshortcuts]")];
  return used.map((each) => each.getAttribute("aria-keyshortcuts")).filter((key) => !sheet.includes(key));
}"""


async def unreached(page: Page) -> set[str]:
    """Walk through the page by Tab; return what can be clicked and was never reached."""
    wanted = set(await page.evaluate(CLICKABLE))
    left = set(wanted)
    for _ in range(4 * len(wanted) + 60):
        await page.keyboard.press("Tab")
        left.discard(await page.evaluate("document.activeElement?.dataset.walk ?? ''"))
        if not left:
            break
    names = await page.evaluate(
        "(walk) => walk.map((at) => document.querySelector(`[data-walk='${at}']`)?.outerHTML)", [*left]
    )
    return {str(name) for name in names}


async def test_tab_reaches_everything_and_the_help_lists_every_key(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    team = [{"member": DANA, "name": "Dana Dow", "state": "available", "since": now()}]
    waits = {"call": "w1", "caller": party(), "line": "Sales", "since": now(), "position": 1}
    await server.say(offers=[offer("c1"), offer("c2")], team=team, waiting=[waits])
    await expect(page.locator("[data-offer]")).to_have_count(2)
    await page.keyboard.press("q")
    await expect(page.locator(".waiting-row")).to_be_visible()
    assert await unreached(page) == set()
    assert await page.evaluate(LISTED) == []
    here = [customer(), agent(), agent(DANA, "Dana Dow"), customer(kind="outside", label="o1", name="Noah")]
    consult = {"kind": "warm", "state": "consulting", "to": {"kind": "member", "name": "Dana Dow"}}
    await server.say(offers=[], call=in_hand("c1", parties=here, transfer=consult), presence=presence("on_call"))
    await expect(page.locator("#consult")).to_be_visible()
    assert await unreached(page) == set()
    assert await page.evaluate(LISTED) == []
    await server.say(call=in_hand("c1"))
    await expect(page.locator("#transfer-open")).to_be_enabled()
    for key, dialog in (("Alt+t", "#target-dialog"), ("Alt+s", "#stop-words-dialog")):
        await page.keyboard.press(key)
        await expect(page.locator(dialog)).to_be_visible()
        assert await unreached(page) == set()
        await page.keyboard.press("Escape")
    await page.locator("#sound-open").press("Enter")
    await expect(page.locator("#microphone")).to_be_focused()  # the first thing in it, whatever the window's height
    assert await unreached(page) == set()


async def test_no_letter_alone_touches_a_call(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    await server.asked("calls/c1/claim")
    here = [customer(), agent(), agent(DANA, "Dana Dow")]
    await server.say(offers=[offer("c2")], call=in_hand("c1", parties=here), presence=presence("on_call"))
    await expect(page.locator(".party")).to_have_count(3)
    for key in (*string.ascii_lowercase, "Enter", "Space", "Delete", "Backspace"):
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press(key)
    await server.was_not_asked(page)
    assert await page.evaluate("[sdkCall.is, sdkCall.muted]") == ["open", False]
