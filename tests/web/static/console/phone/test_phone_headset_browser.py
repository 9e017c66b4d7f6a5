"""A headset's keys and lamps, on played devices: reports are read by the layout that the headset describes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.web.phone_contract import PhoneServer, in_hand, now, offer, presence
from tests.web.static.console.phone.conftest import Desk

pytestmark = pytest.mark.browser

# Two layouts of the USB HID usage tables: single bits in one report; and, after a byte of padding, a range of usages.
PLAIN = """[{
  usagePage: 0x0b, usage: 0x05, children: [],
  inputReports: [{ reportId: 2, items: [
    { usages: [0x0b0020, 0x0b002f], reportSize: 1, reportCount: 2 }, { usages: [], reportSize: 6, reportCount: 1 },
  ] }],
  outputReports: [
    { reportId: 2, items: [{ usages: [0x080017, 0x080009, 0x080018], reportSize: 1, reportCount: 3 }] },
  ],
}]"""
NESTED = """[{
  usagePage: 0x0b, usage: 0x05, inputReports: [], outputReports: [],
  children: [{ usagePage: 0x0b, usage: 0x01, children: [],
    inputReports: [{ reportId: 8, items: [
      { usages: [], reportSize: 8, reportCount: 1 },
      { isRange: true, usageMinimum: 0x0b0020, usageMaximum: 0x0b002f, reportSize: 1, reportCount: 16 },
    ] }],
    outputReports: [{ reportId: 9, items: [
      { usages: [], reportSize: 8, reportCount: 1 }, { usages: [0x080018], reportSize: 1, reportCount: 1 },
    ] }],
  }],
}]"""
START = """async (collections) => {
  const { Headset } = await import("/static/0/console/phone/softphone/headset.js");
  const device = new EventTarget();
  globalThis.log = [];
  globalThis.sent = [];
  Object.assign(device, {
    collections, productName: "Galah 3", opened: false, async open() { this.opened = true; },
    async sendReport(id, bytes) { sent.push([id, ...bytes]); },
  });
  const hid = Object.assign(new EventTarget(), { getDevices: async () => [device] });
  Object.defineProperty(navigator, "hid", { value: hid, configurable: true });
  const onHook = (isOff) => log.push(isOff ? "off hook" : "on hook");
  globalThis.headset = new Headset({ onHook, onMute: () => log.push("mute") });
  await headset.resume();
  globalThis.report = (reportId, ...bytes) => device.dispatchEvent(
    Object.assign(new Event("inputreport"), { reportId, data: new DataView(new Uint8Array(bytes).buffer) }));
  globalThis.unplug = () => hid.dispatchEvent(Object.assign(new Event("disconnect"), { device }));
}"""


@pytest_asyncio.fixture
async def page(context: BrowserContext, server: PhoneServer) -> AsyncIterator[Page]:
    opened = await context.new_page()
    await opened.goto("/calls")
    yield opened


@pytest.mark.parametrize(
    ("layout", "off_hook", "muted", "idle"),
    [(PLAIN, "2, 1", "2, 3", "2, 1"), (NESTED, "8, 0, 1, 0", "8, 0, 1, 128", "8, 0, 1, 0")],
    ids=["plain", "nested"],
)
async def test_hook_and_mute_are_read(page: Page, layout: str, off_hook: str, muted: str, idle: str) -> None:
    await page.evaluate(f"({START})({layout})")
    await page.evaluate(f"report({off_hook}); report({off_hook}); report({muted}); report({idle})")
    await page.evaluate("report(77, 255)")  # a report of something else
    await page.evaluate(f"report({off_hook.partition(',')[0]}, 0, 0, 0)")
    assert await page.evaluate("log") == ["off hook", "mute", "on hook"]


async def test_lamps_show_what_the_phone_does_and_only_what_the_headset_has(page: Page) -> None:
    await page.evaluate(f"({START})({PLAIN})")
    await page.evaluate("headset.show({ ringing: true })")
    await page.evaluate("headset.show({ ringing: true })")  # no news
    await page.evaluate("headset.show({ offHook: true, muted: true })")
    assert await page.evaluate("sent") == [[2, 0b100], [2, 0b011]]
    await page.evaluate(f"({START})({NESTED})")
    await page.evaluate("headset.show({ ringing: true, muted: true })")
    assert await page.evaluate("sent") == [[9, 0, 1]]


async def test_a_headset_that_is_unplugged_is_let_go(page: Page) -> None:
    await page.evaluate(f"({START})({PLAIN})")
    assert await page.evaluate("headset.name") == "Galah 3"
    await page.evaluate("unplug()")
    await page.evaluate("headset.show({ ringing: true })")
    assert await page.evaluate("[headset.name, sent.length]") == ["", 0]


# As a speakerphone, Anker's PowerConf (USB 291a:3301), describes report 2 of its telephony collection in the bytes of
# its report descriptor, which Linux shows in sysfs (hidraw): hook switch and line busy as absolute bits, then mute,
# flash, redial and speed dial as relative ones; LEDs in the order off hook, mute, ring, hold, microphone.
SPEAKERPHONE = """[
  { usagePage: 0x0c, usage: 0x01, children: [], outputReports: [], inputReports: [{ reportId: 1, items: [
    { usages: [0x0c00e9, 0x0c00ea, 0x0c00e2], reportSize: 1, reportCount: 8 } ] }] },
  { usagePage: 0x0b, usage: 0x05, children: [],
    inputReports: [{ reportId: 2, items: [
      { usages: [0x0b0020, 0x0b0097], reportSize: 1, reportCount: 2, isAbsolute: true },
      { usages: [0x0b002f, 0x0b0021, 0x0b0070, 0x0b0050], reportSize: 1, reportCount: 4, isAbsolute: false } ] }],
    outputReports: [{ reportId: 2, items: [
      { usages: [0x080017, 0x080009, 0x080018, 0x080020, 0x080021], reportSize: 1, reportCount: 5 },
      { usages: [], reportSize: 1, reportCount: 3, isConstant: true } ] }] },
]"""
PLUGGED = """((collections) => {
  const device = new EventTarget();
  globalThis.lamps = [];
  Object.assign(device, {
    collections, productName: "PowerConf", opened: false, async open() { this.opened = true; },
    async sendReport(id, bytes) { lamps.push([id, ...bytes]); },
  });
  const paired = async () => [device];
  const hid = Object.assign(new EventTarget(), { getDevices: paired, requestDevice: paired });
  Object.defineProperty(navigator, "hid", { value: hid, configurable: true });
  globalThis.report = (...bytes) => device.dispatchEvent(
    Object.assign(new Event("inputreport"), { reportId: 2, data: new DataView(new Uint8Array(bytes).buffer) }));
  globalThis.plug = (type) => hid.dispatchEvent(Object.assign(new Event(type), { device }));
})"""
OFF_HOOK, MUTE = 0b000001, 0b000100
LAMP_OFF_HOOK, LAMP_MUTE, LAMP_RING = 0b001, 0b010, 0b100


async def lamps(page: Page, *lit: int) -> None:
    """Wait until the headset's lamps have been told so, last."""
    last = "(lit) => lamps.length && lamps[lamps.length - 1].join() === [2, lit].join()"
    await page.wait_for_function(last, arg=sum(lit))


async def test_a_headset_answers_mutes_and_hangs_up_whichever_tabs_are_open(
    desk: Desk, server: PhoneServer, context: BrowserContext
) -> None:
    await context.add_init_script(f"{PLUGGED}({SPEAKERPHONE})")
    page, other = await desk(), await desk()

    async def press(bits: int) -> None:
        for tab in (other, page):  # every tab hears the headset
            await tab.evaluate(f"report({bits})")

    await server.say(offers=[offer("c1"), offer("c2", since=now() + 1)])
    await lamps(page, LAMP_RING)
    await press(OFF_HOOK)
    await server.asked("calls/c1/claim")
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    await lamps(page, LAMP_RING, LAMP_OFF_HOOK)
    await press(OFF_HOOK)  # headsets repeat what a lamp has told them: no second call is answered by it
    await server.say(offers=[], call=in_hand("c1"), presence=presence("on_call"))
    await lamps(page, LAMP_OFF_HOOK)
    await press(OFF_HOOK | MUTE)
    await press(OFF_HOOK)
    await page.wait_for_function("() => sdkCall.muted")
    await lamps(page, LAMP_OFF_HOOK, LAMP_MUTE)
    await page.evaluate("plug('disconnect'); lamps.length = 0; plug('connect')")
    await lamps(page, LAMP_OFF_HOOK, LAMP_MUTE)  # plugged in again, it shows the call at once
    await press(OFF_HOOK)
    await press(OFF_HOOK | MUTE)
    await page.wait_for_function("() => !sdkCall.muted")
    await press(0)
    await server.asked("calls/c1/hang-up")
    await lamps(page)
    await server.was_not_asked(page)
    assert await other.evaluate("lamps.length") == 0


async def test_a_headset_that_is_plugged_in_while_a_call_lasts_hangs_it_up(
    desk: Desk, server: PhoneServer, context: BrowserContext
) -> None:
    await context.add_init_script(f"{PLUGGED}({SPEAKERPHONE}); navigator.hid.getDevices = async () => [];")
    page = await desk()
    await server.say(offers=[offer("c1")])
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await server.say(offers=[], call=in_hand("c1"))
    await page.wait_for_function("() => globalThis.sdkCall?.is === 'open'")
    await page.locator("#sound-open").press("Enter")
    await page.locator("#pair-headset").press("Enter")
    await expect(page.locator("#headset-said")).to_contain_text("PowerConf")
    await lamps(page, LAMP_OFF_HOOK)
    await page.evaluate(f"report({OFF_HOOK}); report(0)")
    await server.asked("calls/c1/hang-up")
