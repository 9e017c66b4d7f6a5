"""Which tab holds the phone, how the state stays up to date, and what a heartbeat says."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.kit.web.phone_contract import PhoneServer, in_hand, offer, presence
from tests.web.static.console.phone.conftest import Desk

pytestmark = pytest.mark.browser

STATE = """async (timing) => {
  const { PhoneState } = await import("/static/0/console/phone/phone_state.js");
  globalThis.seen = [];
  globalThis.stream = new PhoneState({ onChange: () => seen.push(stream.isFresh) }, timing);
  stream.start();
}"""


async def test_the_first_tab_leads_and_the_second_shows_and_commands(desk: Desk, server: PhoneServer) -> None:
    first, second = await desk(), await desk()
    await expect(first.locator("#phone")).to_have_attribute("data-tab", "leader")
    await expect(second.locator("#phone")).to_have_attribute("data-tab", "follower")
    assert server.streams == 1
    await server.say(offers=[offer("c1")])
    for page in (first, second):
        await expect(page.locator("[data-offer=c1]")).to_be_visible()
    await second.locator("[data-offer=c1] .answer").click()
    await server.asked("calls/c1/claim")
    await server.say(offers=[], call=in_hand("c1"), presence=presence("on_call"))
    await first.wait_for_function("() => sdkCall.params.room === 'c1'")  # the leading tab has the sound
    assert await second.evaluate("globalThis.sdkCall === undefined")
    await expect(second.locator("#mute")).to_be_enabled()
    await second.locator("#mute").click()
    await first.wait_for_function("() => sdkCall.muted")
    await expect(second.locator("#mute")).to_have_attribute("aria-pressed", "true")


async def test_a_refusal_is_shown_in_the_tab_where_it_was_asked_for(desk: Desk, server: PhoneServer) -> None:
    first, second = await desk(), await desk()
    await server.say(offers=[offer("c1")])
    server.refuse("calls/c1/claim", error="Dana Dow has it.", code="taken", by="Dana Dow")
    await second.locator("[data-offer=c1] .answer").click()
    await expect(second.locator("#offers-said")).to_have_text("Dana Dow has it.")
    await expect(first.locator("#offers-said")).to_be_empty()
    assert await first.evaluate("globalThis.sdkCall === undefined")


async def test_the_next_tab_leads_when_the_first_is_closed(desk: Desk, server: PhoneServer) -> None:
    first, second = await desk(), await desk()
    consoles = {(await server.beat())["console"]}
    await server.say(call=in_hand("c1"), presence=presence("on_call"))
    await first.close(run_before_unload=False)
    await expect(second.locator("#phone")).to_have_attribute("data-tab", "leader")
    await expect(second.locator("#rejoin")).to_be_enabled()
    consoles.add((await server.beat())["console"])
    assert len(consoles) == 1  # the same browser: nobody took over


async def test_a_reload_offers_to_rejoin(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(call=in_hand("c1"), presence=presence("on_call"))
    await page.reload()
    await page.locator("#rejoin:enabled").click()
    await server.asked("calls/c1/rejoin")
    await page.wait_for_function("() => globalThis.sdkCall?.params.room === 'c1'")
    await expect(page.locator("#rejoin")).to_be_hidden()


async def test_a_call_that_was_lost_for_a_while_is_joined_again_by_the_same_key(
    desk: Desk, server: PhoneServer
) -> None:
    page = await desk()
    await server.say(offers=[offer("c0"), offer("c1", returning=True)])
    await expect(page.locator("[data-offer=c1]")).to_have_attribute("data-returning", "")
    await page.keyboard.press("Alt+j")
    await server.asked("calls/c1/claim")
    await page.wait_for_function("() => globalThis.sdkCall?.params.room === 'c1'")


@pytest.mark.slow
async def test_a_beat_says_whether_the_phone_could_ring(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    beat = await server.beat()
    while not (beat["registered"] and beat["microphone"]):
        beat = await server.beat()
    assert len(beat["console"]) == 32
    known = len(server.beats)
    await page.evaluate("device.emit('unregistered')")
    assert (await server.beat(known))["registered"] is False  # at once, not with the next beat
    known = len(server.beats)
    await page.evaluate("device.emit('registered')")
    assert (await server.beat(known))["registered"] is True
    known = len(server.beats)
    unplugged = "navigator.mediaDevices.enumerateDevices = async () => []"
    await page.evaluate(f"{unplugged}; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    assert (await server.beat(known))["microphone"] is False


async def test_another_computer_takes_the_phone_and_gives_it_back(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.say(offers=[offer("c1")])
    await page.locator("[data-offer=c1] .answer").click()
    await server.say(offers=[], call=in_hand("c1"), presence=presence("on_call"))
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    server.leader = False
    await expect(page.locator("#take-over")).to_be_visible(timeout=30_000)
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'closed'")  # the sound went with it
    await expect(page.locator("#rejoin")).to_be_hidden()
    await page.locator("#take-over").click()
    taken = await server.asked("take-over")
    assert taken == {"console": server.beats[-1]["console"]}
    await expect(page.locator("#take-over")).to_be_hidden()
    await expect(page.locator("#rejoin")).to_be_enabled()


async def test_what_is_not_up_to_date_is_never_shown_as_live(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await page.evaluate(f"({STATE})({{ staleMs: 1200 }})")
    await page.wait_for_function("() => seen.length && seen[seen.length - 1] === true")
    server.is_silent = True
    await page.wait_for_function("() => seen[seen.length - 1] === false")
    await page.wait_for_timeout(1500)  # it tries again, and an open stream that says nothing is no news
    assert await page.evaluate("stream.isFresh") is False
    assert await page.evaluate("stream.state !== null")
    server.is_silent = False
    await page.wait_for_function("() => seen[seen.length - 1] === true")


async def test_a_stream_that_ends_comes_back_with_what_changed(desk: Desk, server: PhoneServer) -> None:
    page = await desk()
    await server.cut()
    server.state["offers"] = [offer("c7")]
    await expect(page.locator("[data-offer=c7]")).to_be_visible()
    await server.say(offers=[])
    await expect(page.locator("#offers")).to_be_hidden()
    await expect(page.locator("#presence")).to_have_value("available")  # parts do not replace the whole
