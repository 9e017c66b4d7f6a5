"""Everything that can be done with a call, by mouse and by keyboard, and what a refusal looks like."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.kit.web.phone_contract import ME, PhoneServer, agent, customer, in_hand, now, offer, party, presence
from tests.web.static.console.phone.conftest import Desk

pytestmark = pytest.mark.browser

DANA = "22222222-2222-4222-8222-222222222222"
TEAM = [
    {"member": ME, "name": "Bob Brown", "state": "on_call", "since": now()},
    {"member": DANA, "name": "Dana Dow", "state": "available", "since": now()},
    {"member": "33333333-3333-4333-8333-333333333333", "name": "Sam Singh", "state": "break", "since": now()},
]
GROUPS = [{"id": "g1", "name": "Night shift", "free": 1}]


async def talking(desk: Desk, server: PhoneServer, **facts: object) -> Page:
    """A desk with a call in hand whose sound is here."""
    page = await desk()
    await server.say(offers=[offer("c1")], team=TEAM, groups=GROUPS)
    await page.locator("[data-offer=c1] .answer").click()
    await server.asked("calls/c1/claim")
    await server.say(offers=[], call=in_hand("c1", **facts), presence=presence("on_call"))
    await expect(page.locator("#in-call")).to_have_attribute("data-call", "c1")
    await expect(page.locator("#mute")).to_be_enabled()
    return page


async def test_several_calls_ring_and_the_first_is_answered_by_key(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    first, second = offer("c1", since=now() - 9_000), offer("c2", caller=party(name="Carol Castle", calls=3))
    await server.say(offers=[second, first])
    await expect(page.locator("[data-offer]")).to_have_count(2)
    await expect(page.locator("[data-offer]").first).to_be_visible()
    await expect(page.locator("#rung")).to_contain_text("Carol Castle")
    await expect(page).to_have_title(re.compile("0491 570 006"))
    assert await page.evaluate("document.activeElement === document.body")  # a ring takes no focus
    await page.keyboard.press("Alt+a")
    await server.asked("calls/c1/claim")
    await page.wait_for_function("() => globalThis.sdkCall?.params.room === 'c1'")


async def test_a_call_is_declined_by_key_and_taken_by_somebody_else(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(offers=[offer("c1"), offer("c2", since=now() + 1)])
    await expect(page.locator("[data-offer]")).to_have_count(2)
    await page.keyboard.press("Alt+n")
    await server.asked("calls/c1/decline")
    server.refuse("calls/c2/claim", error="Dana Dow has it.", code="taken")
    await page.locator("[data-offer=c2] .answer").click()
    await expect(page.locator("#offers-said")).to_have_text("Dana Dow has it.")
    assert await page.evaluate("globalThis.sdkCall === undefined")


async def test_an_offer_whose_time_is_over_goes(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_have_count(1)
    await server.say(offers=[offer("c1", until=now() + 500)])
    await expect(page.locator("[data-offer]")).to_have_count(0)
    await expect(page).not_to_have_title(re.compile("0491"))


async def test_a_double_click_claims_once(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(offers=[offer("c1")])
    await page.locator("[data-offer=c1] .answer").dblclick()
    await page.wait_for_function("() => globalThis.sdkCall")
    await server.asked("calls/c1/claim")
    await server.was_not_asked(page)


async def test_hold_is_shown_when_it_is_true(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.keyboard.press("Alt+o")
    await server.asked("calls/c1/hold")
    await expect(page.locator("#hold")).to_have_attribute("aria-pressed", "false")  # only asked for so far
    await server.say(call=in_hand("c1", pending=["hold"]))
    await expect(page.locator("#hold")).to_be_disabled()
    await expect(page.locator("#hold")).to_have_attribute("aria-pressed", "false")
    await server.say(call=in_hand("c1", held=True, held_since=now() - 3_000))
    await expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#held-time")).to_have_text(re.compile(r"0:(0[3-9]|[1-5]\d)"))
    server.refuse("calls/c1/resume", 409, error="Twilio does not answer.", code="away")
    await page.keyboard.press("Alt+o")
    await expect(page.locator("#call-said")).to_have_text("Twilio does not answer.")
    await expect(page.locator("#hold")).to_have_attribute("aria-pressed", "true")


async def test_mute_is_the_microphones_and_unmute_undoes_others_too(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.keyboard.press("Alt+m")
    await page.wait_for_function("() => globalThis.sdkCall?.muted")
    await page.keyboard.press("Alt+m")
    await page.wait_for_function("() => !sdkCall.muted")
    await server.was_not_asked(page)
    await server.say(call=in_hand("c1", muted=True))
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await page.locator("#mute").click()
    await server.asked("calls/c1/unmute")


async def test_keypad_during_a_call_is_heard_by_the_other_side(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.keyboard.press("Alt+k")
    await page.keyboard.press("Enter")  # the first key has the focus
    await page.locator("#keypad button[value='#']").click()
    await page.wait_for_function("() => pressed === '1#'")


@pytest.mark.parametrize(
    ("typed", "kind", "to"),
    [
        ("dana", "warm", {"member": DANA}),
        ("night", "blind", {"group": "g1"}),
        ("0491 570 156", "blind", {"number": "0491 570 156"}),
    ],
)
async def test_a_transfer_by_keyboard(
    desk: Desk, server: PhoneServer, typed: str, kind: str, to: dict[str, str]
) -> None:
    page = await talking(desk, server)
    await page.keyboard.press("Alt+t")
    await expect(page.locator("#target-text")).to_be_focused()
    if kind == "blind":
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Tab")
    await page.keyboard.type(typed)
    await page.keyboard.press("Enter")
    assert await server.asked("calls/c1/transfer") == {"kind": kind, "to": to}
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_a_refused_transfer_keeps_the_dialog(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    server.refuse("calls/c1/transfer", error="Dana Dow is on a call.", code="busy")
    await page.keyboard.press("Alt+t")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(f".target[value='{DANA}']")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#target-said")).to_have_text("Dana Dow is on a call.")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await server.say(call=None)  # the caller hung up meanwhile
    await expect(page.get_by_role("dialog")).to_be_hidden()


def transfer(kind: str, state: str) -> dict[str, object]:
    return {"kind": kind, "state": state, "to": {"kind": "member", "name": "Dana Dow"}}


async def test_consult_bring_in_and_hand_over(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await server.say(call=in_hand("c1", held=True, transfer=transfer("warm", "ringing")))
    await expect(page.locator("#consult")).to_contain_text("Dana Dow")
    await expect(page.locator("#complete")).to_be_hidden()
    await page.keyboard.press("Alt+x")
    await server.asked("calls/c1/cancel")
    here = [customer(state="held"), agent(), agent(DANA, "Dana Dow")]
    await server.say(call=in_hand("c1", held=True, transfer=transfer("warm", "consulting"), parties=here))
    await expect(page.locator(".party")).to_have_count(3)
    await expect(page.locator("#hold")).to_be_disabled()
    await page.keyboard.press("Alt+i")
    await server.asked("calls/c1/bring-in")
    here = [customer(), agent(), agent(DANA, "Dana Dow")]
    await server.say(call=in_hand("c1", transfer=transfer("warm", "three_way"), parties=here))
    await expect(page.locator("#bring-in")).to_be_hidden()
    await page.keyboard.press("Alt+c")
    await server.asked("calls/c1/complete")
    await page.keyboard.press("Alt+l")
    await server.asked("calls/c1/leave")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'closed'")


async def test_add_and_remove_an_outside_party(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.keyboard.press("Alt+p")
    await page.keyboard.type("0491 570 156")
    await page.keyboard.press("Enter")
    assert await server.asked("calls/c1/add") == {"to": {"number": "0491 570 156"}}
    other = customer(kind="outside", label="outside-1", name="0491 570 156", state="ringing")
    await server.say(call=in_hand("c1", parties=[customer(), agent(), other]))
    await expect(page.locator(".party[data-kind=outside]")).to_have_attribute("data-state", "ringing")
    await expect(page.locator("#leave")).to_be_hidden()  # nobody is there yet to leave the caller to
    await page.locator("[data-remove=outside-1]").press("Enter")
    assert await server.asked("calls/c1/remove") == {"label": "outside-1"}


async def test_help_is_asked_for_and_acknowledged(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.keyboard.press("Alt+e")
    await server.asked("calls/c1/help")
    await server.say(call=in_hand("c1", help="acknowledged"))
    await expect(page.locator("#raise-hand")).to_have_attribute("data-help", "acknowledged")
    await page.keyboard.press("Alt+e")
    await server.was_not_asked(page)


async def test_words_can_be_stopped_in_every_state(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    for phase in ("claimed", "dialling", "talking", "alone"):
        for held in (False, True):
            await server.say(call=in_hand("c1", phase=phase, held=held))
            await expect(page.locator("#phone-stop-words")).to_be_visible()
    await page.keyboard.press("Alt+s")
    await expect(page.locator("#stop-words-dialog")).to_be_visible()
    await expect(page.locator("#stop-words-call")).to_have_text("0491 570 006")
    await page.keyboard.press("Escape")
    await server.say(call=in_hand("c1", words_stopped=True))
    await expect(page.locator("#phone-stop-words")).to_be_hidden()


async def test_hanging_up_asks_the_server_first(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    server.refuse("calls/c1/hang-up", 503, error="", code="")
    await page.keyboard.press("h")  # a letter alone does nothing
    await page.keyboard.press("Alt+h")
    await expect(page.locator("#call-said")).not_to_be_empty()
    assert await page.evaluate("sdkCall.is") == "open"  # and says that they are still connected
    assert [name for name, _ in server.commands] == ["calls/c1/hang-up"]
    await page.keyboard.press("Alt+h")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'closed'")
    await server.say(call=None, presence=presence())
    await expect(page.locator("#in-call")).to_be_hidden()
    await expect(page.locator("#place-call")).to_be_enabled()


async def test_a_lost_line_offers_to_join_again(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.evaluate("sdkCall.disconnect()")
    await page.evaluate("globalThis.failJoin = 31402")
    await page.locator("#rejoin").click()
    await expect(page.locator("#call-said")).not_to_be_empty()
    await page.evaluate("globalThis.failJoin = null")
    await page.keyboard.press("Alt+j")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    await expect(page.locator("#rejoin")).to_be_hidden()


async def test_calling_out_and_a_number_that_is_refused(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    server.refuse("calls", error="That number cannot be called.", code="not_allowed")
    await page.keyboard.press("d")
    await page.keyboard.type("0491 570 156")
    await page.keyboard.press("Enter")
    await expect(page.locator("#dial-said")).to_have_text("That number cannot be called.")
    await expect(page.locator("#number")).to_have_value("0491 570 156")
    await server.asked("calls")
    await page.locator("#place-call").click()
    assert await server.asked("calls") == {"to": "0491 570 156"}
    await page.wait_for_function("() => globalThis.sdkCall?.params.room === 'c-out'")
    await server.say(call=in_hand("c-out", phase="dialling", direction="outbound", answered=None))
    await expect(page.locator("#dial")).to_be_hidden()
    await expect(page.locator("#hang-up")).to_be_visible()


async def test_who_waits_can_be_taken(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    waits = {"call": "w1", "caller": party(name="Carol Castle"), "line": "Sales", "since": now(), "position": 1}
    await server.say(waiting=[waits], waiting_total=61, team=TEAM)
    await expect(page.locator("#waiting-count")).to_have_text("61")
    await page.keyboard.press("q")
    server.refuse("calls/w1/pick", error="Dana Dow has it.", code="taken")
    await page.locator("[data-of=w1]").click()
    await expect(page.locator("#waiting-said")).to_have_text("Dana Dow has it.")
    await page.keyboard.press("t")
    await expect(page.locator(".team-row")).to_have_count(3)
    await expect(page.locator(".team-row[data-presence=available]")).to_contain_text("Dana Dow")


async def test_a_line_that_is_bad_is_said_in_plain_words(desk: Desk, server: PhoneServer) -> None:
    page = await talking(desk, server)
    await page.evaluate("sdkCall.emit('warning', 'high-rtt'); sdkCall.emit('warning', 'low-mos')")
    await expect(page.locator("#call-warning")).to_have_attribute("data-warnings", "high-rtt low-mos")
    await page.evaluate("sdkCall.emit('warning-cleared', 'high-rtt'); sdkCall.emit('warning-cleared', 'low-mos')")
    await expect(page.locator("#call-warning")).to_be_empty()


async def test_what_the_server_says_is_only_text(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    markup = "<img src=x onerror=alert(1)>"
    await server.say(offers=[offer("c1", caller=party(name=markup), line=markup)])
    await expect(page.locator(".offer-who")).to_have_text(markup)
    assert await page.locator("#offers img").count() == 0


async def test_a_supervisor_hears_who_asks_for_help_and_says_that_they_come(desk: Desk, server: PhoneServer) -> None:
    server.role = "supervisor"
    page = await desk()
    await server.say(help=[{"call": "c9", "member": DANA, "name": "Dana Dow", "state": "asked", "since": now()}])
    await expect(page.get_by_role("alert").filter(has_text="Dana Dow")).to_be_visible()
    await page.locator("[data-of=c9]").press("Enter")
    await server.asked("calls/c9/help/acknowledge")
    await server.say(
        help=[{"call": "c9", "member": DANA, "name": "Dana Dow", "state": "acknowledged", "since": None}]
    )
    await expect(page.locator(".help-row[data-help=acknowledged]")).to_be_visible()
    await server.say(help=[])
    await expect(page.locator("#help-asked")).to_be_hidden()
