"""Presence, wrap-up, sound, notifications, other pages in the frame, and how all of it reads to axe-core."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.browser.axe import WIDTHS, findings
from tests.kit.browser.console_page import overflow
from tests.kit.web.phone_contract import PhoneServer, agent, customer, in_hand, now, offer, party, presence
from tests.web.static.console.phone.conftest import Desk

pytestmark = pytest.mark.browser

WRAP_UP = {
    "call": "c1",
    "caller": party(),
    "outcomes": [{"id": "o1", "label": "Sold"}],
    "tags": [{"id": "t1", "label": "Complaint"}, {"id": "t2", "label": "Billing"}],
    "contact": False,
}
LONG = "Bartholomew Featherstonehaugh-Cholmondeley of Wooloomooloo Enterprises Pty Ltd"
NOTIFIED = """
globalThis.notified = [];
globalThis.Notification = class extends EventTarget {
  static permission = "granted";
  constructor(title, options) { super(); notified.push([title, options]); }
  close() { notified.push("closed"); }
};
document.hasFocus = () => false;
"""


async def wrapping(desk: Desk, server: PhoneServer, *, notes: bool = True) -> Page:
    page = await desk()
    until = now() + 30_000
    await server.say(wrap_up=WRAP_UP | {"until": until, "notes": notes}, presence=presence("wrap_up", until=until))
    await expect(page.locator("#wrap-up")).to_be_visible()
    return page


async def test_presence_is_chosen_and_shown_as_it_is(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await page.locator("#presence").select_option("break:b2")
    assert await server.asked("presence") == {"state": "break", "reason": "b2"}
    await server.say(presence=presence("break", reason="Training", reason_id="b2"))
    await expect(page.locator("#presence-state")).to_have_attribute("data-presence", "break")
    server.refuse("presence", error="Your phone is not connected.", code="no_phone")
    await page.locator("#presence").select_option("available")
    await expect(page.locator("#presence-said")).to_have_text("Your phone is not connected.")
    await expect(page.locator("#presence")).to_have_value("break:b2")  # what is true
    await server.say(presence=presence("unreachable"))
    await expect(page.locator("#presence-state")).to_have_attribute("data-presence", "unreachable")
    await expect(page.locator("#phone-status")).not_to_be_empty()


async def test_wishes_are_shown_as_it_rings_and_on_the_call(desk: Desk, server: PhoneServer) -> None:
    page, carol = await desk(), party(name="Carol Castle") | {"do_not_call": True, "do_not_transcribe": True}
    await server.say(offers=[offer("c1", caller=carol), offer("c2")])
    rings = page.locator("[data-offer=c1] .wishes")
    await expect(rings).to_be_visible()
    await expect(rings).to_have_attribute("data-wishes", "do_not_call do_not_transcribe")
    await expect(page.locator("[data-offer=c2] .wishes")).to_be_hidden()
    assert await findings(page) == []
    call = in_hand("c3", caller=carol, words_stopped=True, opted_out=True)
    await server.say(offers=[], call=call)
    await expect(page.locator("#call-wishes")).to_have_attribute("data-wishes", "do_not_call do_not_transcribe")
    await expect(page.locator("#words-stopped")).to_have_attribute("data-opted-out", "")
    await expect(page.locator("#words-stopped")).not_to_be_empty()
    assert await findings(page) == []
    await server.say(call=in_hand("c3"))
    await expect(page.locator("#call-wishes")).to_be_hidden()


async def test_notes_are_shown_as_it_rings_and_on_the_call(desk: Desk, server: PhoneServer) -> None:
    texts = ["has a dog", "x" * 900, "<b>b</b>"]
    notes = [{"text": text, "by": "Sam Singh", "at": 1_796_000_000_000} for text in texts]
    page = await desk()
    await server.say(offers=[offer("c1", noted=notes), offer("c2")])
    await expect(page.locator("[data-offer=c1] .caller-note")).to_have_text(texts)
    await expect(page.locator("[data-offer=c2] .caller-notes")).to_be_hidden()
    assert await findings(page) == []
    await server.say(offers=[], call=in_hand("c3", noted=notes))
    await expect(page.locator("#call-notes .caller-note")).to_have_text(texts)
    assert await findings(page) == []
    await server.say(call=in_hand("c4"))
    await expect(page.locator("#call-notes .caller-notes")).to_be_hidden()


async def test_nobody_becomes_available_without_a_microphone(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(presence=presence("offline"))
    denied = "async () => { throw new DOMException('', 'NotAllowedError') }"
    await page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {denied}; }}")
    await page.locator("#presence").select_option("available")
    await expect(page.locator("#presence-said")).not_to_be_empty()
    await expect(page.locator("#presence")).to_have_value("offline")
    await server.was_not_asked(page)


async def test_wrap_up_keeps_what_is_entered_before_it_is_done(desk: Desk, server: PhoneServer) -> None:
    page = await wrapping(desk, server)
    await page.keyboard.press("Alt+w")
    await expect(page.locator("#wrap-up-outcome")).to_be_focused()
    await page.locator("#wrap-up-outcome").select_option("o1")
    await page.get_by_label("Billing").check()
    await page.get_by_label("Needs a follow-up").check()
    await page.locator("#wrap-up-note").fill("Call on Monday.")
    entered = {"outcome": "o1", "tags": ["t2"], "follow_up": True, "note": "Call on Monday."}
    while await server.asked("calls/c1/wrap-up") != entered | {"done": False}:
        pass
    await page.get_by_role("button", name="Done").click()
    assert await server.asked("calls/c1/wrap-up") == entered | {"done": True}
    await server.say(wrap_up=None, presence=presence())
    await expect(page.locator("#wrap-up")).to_be_hidden()
    assert await page.locator("#wrap-up-note").input_value() == ""


async def test_a_wrap_up_that_was_not_kept_says_so(desk: Desk, server: PhoneServer) -> None:
    page = await wrapping(desk, server, notes=False)
    await expect(page.locator("#wrap-up-note")).to_be_hidden()
    server.refuse("calls/c1/wrap-up", error="That tag was removed.", code="unknown")
    await page.get_by_label("Complaint").check()
    await expect(page.locator("#wrap-up-said")).to_have_text("That tag was removed.")
    await expect(page.locator("#wrap-up-said")).to_have_attribute("data-problem", "")


async def test_a_caller_without_a_name_is_given_one(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(wrap_up=WRAP_UP | {"until": now() + 30_000, "notes": False, "contact": True})
    await page.locator("#wrap-up-contact").fill(" Carol Castle ")
    await page.keyboard.press("Enter")
    assert (await server.asked("calls/c1/wrap-up"))["contact"] == "Carol Castle"


async def test_leaving_is_asked_about_while_it_would_lose_something(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await page.locator("#number").click()  # browsers ask only on a page that was touched
    asks = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert await page.evaluate(asks) is False
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_be_visible()
    assert await page.evaluate(asks) is True  # somebody rings
    await server.say(offers=[], wrap_up=WRAP_UP | {"until": now() + 30_000, "notes": True})
    await expect(page.locator("#wrap-up")).to_be_visible()
    assert await page.evaluate(asks) is True


@pytest.mark.browser(whole=True)
async def test_sound_is_chosen_tried_and_checked(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await page.locator("#sound-open").press("Enter")
    await expect(page.locator("#microphone option")).not_to_have_count(1)
    await page.wait_for_function(
        "() => document.getElementById('level').value > 0.05"
    )  # the browser's microphone beeps
    chosen = await page.locator("#microphone option").nth(1).get_attribute("value")
    await page.locator("#microphone").select_option(chosen)
    await page.locator("#check-line").click()
    await expect(page.locator("#check-said")).to_have_attribute("data-good", "yes")
    await expect(page.locator("#check-said")).to_contain_text("42 ms")
    await page.evaluate("globalThis.preflight = ['failed', {}]")
    await page.locator("#check-line").click()
    await expect(page.locator("#check-said")).to_have_attribute("data-good", "no")
    await page.keyboard.press("Escape")
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    assert await page.evaluate("device.audio.used") == [f"microphone {chosen}", "ear default"]
    await page.evaluate("sdkCall.disconnect()")
    await page.wait_for_function("() => device.audio.used.includes('microphone released')")
    await page.reload()
    await expect(page.locator("#presence")).to_be_enabled()
    await page.locator("#sound-open").click()
    await expect(page.locator("#microphone")).to_have_value(str(chosen))  # this browser remembers


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_notification_names_the_caller_only_if_it_may(
    desk: Desk, server: PhoneServer, context: BrowserContext, allowed: bool
) -> None:
    await context.add_init_script(NOTIFIED)
    server.notification_numbers = allowed
    page = await desk()
    await server.say(offers=[offer("c1")])
    await page.wait_for_function("() => notified.length === 1")
    [_, shown] = (await page.evaluate("notified"))[0]
    assert ("0491 570 006" in shown["body"]) is allowed
    await server.say(offers=[])
    await page.wait_for_function("() => notified[notified.length - 1] === 'closed'")


async def test_a_ring_is_heard_and_ends(desk: Desk, server: PhoneServer, context: BrowserContext) -> None:
    await context.add_init_script(
        """globalThis.playing = new Set();
        HTMLMediaElement.prototype.play = async function () { playing.add(this.src.split("/").pop()); };
        HTMLMediaElement.prototype.pause = function () { playing.delete(this.src.split("/").pop()); };"""
    )
    page = await desk()
    await server.say(offers=[offer("c1")])
    await page.wait_for_function("() => playing.has('incoming.wav')")
    await page.keyboard.press("Alt+a")
    await server.say(offers=[], call=in_hand("c1", phase="dialling", direction="outbound"))
    await page.wait_for_function("() => playing.has('ringback.wav') && !playing.has('incoming.wav')")
    await server.say(call=in_hand("c1"))
    await page.wait_for_function("() => playing.size === 0")


@pytest.mark.parametrize("touch", ["key", "answer"])
async def test_a_page_that_was_not_touched_says_that_it_cannot_ring(
    touch: str, desk: Desk, server: PhoneServer, context: BrowserContext
) -> None:
    await context.add_init_script(
        """globalThis.rang = [];
        let isTouched = false; // browsers' rule; Chromium takes what a test evaluates for a touch
        for (const touch of ["keydown", "pointerdown"])
          addEventListener(touch, () => { isTouched = true; }, { capture: true });
        HTMLMediaElement.prototype.play = async function () {
          rang.push(isTouched);
          if (!isTouched) throw new DOMException("", "NotAllowedError");
        };"""
    )
    page = await desk()
    await server.say(offers=[offer("c1")])
    await expect(page.locator("#ring-said")).not_to_be_empty()
    if touch == "key":
        await page.keyboard.press("x")  # a letter that does nothing
        await page.wait_for_function("() => rang.at(-1)")
    else:  # nothing moves under the pointer while it is down
        await page.locator("[data-offer] .answer").click()
        await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    await expect(page.locator("#ring-said")).to_be_empty()


async def test_other_pages_open_beside_the_phone(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    await server.say(offers=[], call=in_hand("c1"), presence=presence("on_call"))
    await page.get_by_role("link", name="Call log").click()
    frame = page.frame_locator("#page-frame")
    await expect(frame.get_by_role("heading", name="Call log")).to_be_visible()
    await expect(frame.locator(".topbar")).to_be_hidden()
    await expect(page).to_have_url(re.compile("/console#/calls$"))
    await expect(page).to_have_title(re.compile("Call log"))
    await frame.locator("#more").click()
    await expect(page).to_have_url(re.compile(r"/console#/calls\?page=2$"))
    assert await page.evaluate("sdkCall.is") == "open"  # the same page, the same sound
    await frame.locator("#more").press("Alt+m")  # keys of the call work there, too
    await page.wait_for_function("() => globalThis.sdkCall?.muted")
    await page.go_back()
    await expect(page).to_have_url(re.compile("/console#/calls$"))
    await page.get_by_role("link", name="Live calls").click()
    await expect(page.locator("#page-frame")).to_be_hidden()
    await expect(page.locator(".nav a[aria-current]")).to_have_attribute("href", "/console")
    assert await page.evaluate("sdkCall.is") == "open"


async def test_a_reload_opens_the_same_page_again_and_no_foreign_one(
    desk: Desk, server: PhoneServer, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto("/console#/calls?page=2")
    await expect(page.frame_locator("#page-frame").get_by_role("heading", name="Call log")).to_be_visible()
    await page.goto("about:blank")
    await page.goto("/console#//evil.example/")
    await expect(page.locator("#presence")).to_be_enabled()
    await expect(page.locator("#page-frame")).to_be_hidden()


async def test_signing_out_elsewhere_ends_the_phone_here(
    desk: Desk, server: PhoneServer, context: BrowserContext
) -> None:
    page = await desk()
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    other = await context.new_page()
    await other.goto("/calls")
    await other.evaluate("import('/static/0/tabs.js').then(({ tellTabs }) => tellTabs('signed-out'))")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'closed'")
    await expect(page.locator("#presence")).to_be_disabled()
    await expect(page.locator("#in-call")).to_be_hidden()


HOURS = 11 * 3_600_000
CUT_OFF = """
[...document.querySelectorAll(".desk .elapsed")].filter((each) => each.checkVisibility())
  .filter((each) => each.scrollWidth > each.clientWidth && getComputedStyle(each).display !== "inline"
    || each.getBoundingClientRect().right > each.closest(".desk").getBoundingClientRect().right)
  .map(({ textContent }) => textContent)
"""
"""Times that one can not read whole."""


async def wrong(page: Page) -> list[str]:
    found = []
    for width in WIDTHS:
        found += await findings(page, width)
        assert await overflow(page) <= 0
        assert await page.evaluate(CUT_OFF) == []
    return found


async def test_axe_finds_nothing_in_any_state(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    found = await wrong(page)
    team = [{"member": "m1", "name": LONG, "state": "unreachable", "since": now() - HOURS}]
    waits = {"call": "w1", "caller": party(name=LONG), "line": LONG, "since": now() - HOURS, "position": 1}
    await server.say(offers=[offer("c1", caller=party(name=LONG)), offer("c2")], team=team, waiting=[waits])
    await page.evaluate("for (const id of ['waiting', 'team', 'recent']) document.getElementById(id).open = true")
    await expect(page.locator(".waiting-row")).to_be_visible()
    found += await wrong(page)
    here = [customer(state="held", name=LONG), agent(), agent("m1", LONG)]
    consult = {"kind": "warm", "state": "consulting", "to": {"kind": "member", "name": LONG}}
    problem = {"code": "declined", "words": f"{LONG} declined."}
    held = {"held": True, "held_since": now(), "parties": here, "transfer": consult, "problem": problem}
    await server.say(offers=[], call=in_hand("c1", **held))
    await expect(page.locator("#consult")).to_be_visible()
    found += await wrong(page)
    await server.say(call=in_hand("c1"))
    await expect(page.locator("#consult")).to_be_hidden()
    await page.keyboard.press("Alt+t")
    found += await wrong(page)
    await page.keyboard.press("Escape")
    await server.say(call=None, wrap_up=WRAP_UP | {"until": now() + 30_000, "notes": True})
    await expect(page.locator("#wrap-up")).to_be_visible()
    found += await wrong(page)
    await page.locator("#sound-open").click()
    found += await wrong(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    assert found + await wrong(page) == []
