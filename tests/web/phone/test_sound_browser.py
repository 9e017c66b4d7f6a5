"""The sound of a phone in Chromium: microphone, devices, the check of the line, and what is said of a bad one."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.kit.browser.axe import violations
from tests.kit.browser.chromium import NO_TWILIO, chromium
from tests.kit.browser.console_page import become_available
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown
from tests.web.phone.conftest import Computer, SitsDown, talks

pytestmark = pytest.mark.browser

ASKS = ("--use-fake-device-for-media-stream", "--mute-audio")  # a browser that lets no page use a microphone unasked
GEOLOCATION = "geolocation"  # granted alone, everything else is refused
# `heard()`: the microphones that are open now, by id; `plug(which)`: those devices alone are plugged in now.
DEVICES = """(() => {
  if (!navigator.mediaDevices) return; // on the empty page before the console
  const tracks = [];
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const all = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
  let isThere = () => true;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    for (const track of stream.getTracks()) tracks.push([wanted.audio.deviceId?.exact ?? "any", track]);
    return stream;
  };
  navigator.mediaDevices.enumerateDevices = async () => (await all()).filter(isThere);
  globalThis.heard = () => tracks.filter(([, track]) => track.readyState === "live").map(([id]) => id);
  globalThis.plug = (which) => {
    isThere = which;
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  };
})()"""


async def checked(page: Page, verdict: str) -> None:
    """Press *Check my line*, and wait for the verdict."""
    await page.locator("#check-line").press("Enter")
    await expect(page.locator("#check-said")).to_have_attribute("data-good", "")
    await expect(page.locator("#check-line")).to_be_focused()
    await expect(page.locator("#check-said")).to_have_attribute("data-good", verdict)
    await expect(page.locator("#check-said")).not_to_be_empty()


async def test_the_line_is_checked(town: RoomTown, cast: Cast, sits_down: SitsDown) -> None:
    softphones = town.twilio.exchange.softphones
    page = await sits_down(cast.bob)
    await page.locator("#sound-open").press("Enter")
    await page.wait_for_function("() => document.getElementById('level').value > 0.05")  # the microphone beeps
    await checked(page, "yes")
    softphones.quality = {"mos": 2.5, "jitter": 60.0, "rtt": 450.0}
    await checked(page, "no")
    await expect(page.locator("#check-said")).to_contain_text("450")
    softphones.refusal = 31204
    await checked(page, "no")
    softphones.refusal = None
    assert await violations(page, "#sound-dialog") == []


async def test_being_available_asks_for_the_microphone(
    town: RoomTown, cast: Cast, computer: Computer, sits_down: SitsDown
) -> None:
    async with chromium(NO_TWILIO, *ASKS, whole=True) as asking:
        at = await computer(asking, GEOLOCATION)
        page = await sits_down(cast.bob, at)
        await page.locator("#presence").select_option("available")
        await expect(page.locator("#presence-said")).not_to_be_empty()
        await expect(page.locator("#presence")).to_have_value("offline")
        await at.grant_permissions(["microphone"], origin=town.site.url)
        await become_available(page)
        await expect(page.locator("#presence-said")).to_be_empty()
        await at.clear_permissions()
        await at.grant_permissions([GEOLOCATION])  # the microphone is forbidden again
        await expect(page.locator("#presence-state")).to_have_attribute("data-presence", "unreachable")
        await expect(page.locator("#phone-status")).not_to_be_empty()


async def test_a_microphone_that_is_unplugged_during_a_call(town: RoomTown, cast: Cast, sits_down: SitsDown) -> None:
    page = await sits_down(cast.bob, script=DEVICES)
    await page.locator("#sound-open").press("Enter")
    chosen = await page.locator("#microphone option").nth(1).get_attribute("value")
    await page.locator("#microphone").select_option(chosen)
    await page.keyboard.press("Escape")
    await become_available(page)
    await talks(page, town)
    assert await page.evaluate("heard()") == [chosen]
    await expect(page.locator("#call-warning")).to_be_empty()
    await page.evaluate("(gone) => plug(({ deviceId }) => deviceId !== gone)", chosen)
    await page.wait_for_function("() => heard().join() === 'default'")  # the call goes on with another one
    await expect(page.locator("#call-warning")).not_to_be_empty()
    await page.evaluate("plug(() => true)")
    await page.wait_for_function("(id) => heard().join() === id", arg=chosen)  # it is plugged in again
    await expect(page.locator("#call-warning")).to_be_empty()
    await page.evaluate("plug(({ kind }) => kind !== 'audioinput')")
    await expect(page.locator("#call-warning")).not_to_be_empty()
    await page.evaluate("plug(() => true)")
    await expect(page.locator("#call-warning")).to_be_empty()
    await page.locator("#sound-open").press("Enter")
    other = await page.locator("#microphone option").nth(2).get_attribute("value")
    await page.locator("#microphone").select_option(other)  # a call that goes on uses it at once
    await page.keyboard.press("Escape")
    await page.wait_for_function("(id) => heard().join() === id", arg=other)
    for name in ("high-rtt", "low-mos", "ice-connectivity-lost"):
        town.twilio.exchange.softphones.warn(name)
        await expect(page.locator("#call-warning")).not_to_be_empty()
        town.twilio.exchange.softphones.warn(name, cleared=True)
        await expect(page.locator("#call-warning")).to_be_empty()
    await page.keyboard.press("Alt+h")
    await expect(page.locator("#wrap-up")).to_be_visible()
    await page.wait_for_function("() => heard().length === 0")  # no microphone is open without a call
