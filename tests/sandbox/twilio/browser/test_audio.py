"""`device.audio`, the preflight test and a call's warnings: the emulated Voice SDK beside Twilio's own."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from sandbox.audio.sound_file import encoded
from sandbox.phone_sounds import RATE
from sandbox.twilio.emulator import Twilio
from tests.kit.vendors.twilio_customer import Customer, town
from tests.sandbox.twilio.browser.test_signalling import token
from tests.sandbox.twilio.browser.test_voice_sdk import CALL_EVENTS, EVENTS, WATCH, application, told
from web.console.voice_sdk import COPY
from web.request.render import STATIC

pytestmark = pytest.mark.browser

Town = tuple[Twilio, Customer]
# What applications may use: the public members of the type declarations (audiohelper.d.ts).
AUDIO = [
    "availableInputDevices", "availableOutputDevices", "audioConstraints", "inputDevice", "inputStream",
    "isOutputSelectionSupported", "isVolumeSupported", "ringtoneDevices", "speakerDevices", "incoming", "outgoing",
    "disconnect", "setAudioConstraints", "setInputDevice", "unsetAudioConstraints", "unsetInputDevice",
]  # fmt: skip


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town(speed=1.0) as both:
        both[1].says("/app", "<Dial><Conference beep='false' waitUrl=''>room</Conference></Dial>")
        yield both


@pytest_asyncio.fixture(params=["real", "emulated"])
async def page(request: pytest.FixtureRequest, place: Town, window: Browser) -> AsyncIterator[Page]:
    """A page with a Device of either kind that has not been registered."""
    emulator = place[0]
    opened = await window.new_page()
    await opened.goto(f"{emulator.url}/voice-sdk.js")  # any page will do
    is_real = request.param == "real"
    await opened.add_script_tag(**({"path": STATIC / COPY} if is_real else {"url": f"{emulator.url}/voice-sdk.js"}))
    await opened.evaluate(WATCH, [token(emulator.exchange.settings), EVENTS, CALL_EVENTS])
    await opened.wait_for_function("() => device.audio.availableInputDevices.size > 0")
    yield opened
    await opened.close()


async def refused(page: Page, what: str) -> str:
    """The name of the error that ``what`` (a promise) is rejected with."""
    name: str = await page.evaluate(f"() => {what}.then(() => 'done', (error) => error.name)")
    return name


async def test_the_members_are_there(page: Page) -> None:
    kinds = await page.evaluate("(names) => names.map((name) => name in device.audio)", AUDIO)
    assert dict(zip(AUDIO, kinds, strict=True)) == dict.fromkeys(AUDIO, True)
    for outputs in ("speakerDevices", "ringtoneDevices"):
        names = ["get", "set", "delete", "test"]
        kinds = await page.evaluate(f"(names) => names.map((name) => typeof device.audio.{outputs}[name])", names)
        assert kinds == ["function"] * 4
    assert await page.evaluate("typeof Twilio.Device.runPreflight") == "function"
    assert await page.evaluate("Object.values(Twilio.PreflightTest.Status)") == [
        "connecting", "connected", "completed", "failed",
    ]  # fmt: skip


async def test_devices_have_ids_and_labels(page: Page) -> None:
    described = "([id, device]) => [id === device.deviceId, Boolean(device.label), device.kind]"
    listed = await page.evaluate(f"[...device.audio.availableInputDevices].map({described})")
    assert listed
    assert all(each == [True, True, "audioinput"] for each in listed)
    await page.wait_for_function("() => device.audio.speakerDevices.get().size === 1")
    assert await page.evaluate("[...device.audio.speakerDevices.get()][0].deviceId") == "default"


async def test_a_microphone_is_chosen_measured_and_let_go(page: Page) -> None:
    assert await page.evaluate("device.audio.inputDevice") is None
    await page.evaluate("""() => {
      window.volumes = [];
      device.audio.on("inputVolume", (volume) => volumes.push(volume));
      const [id] = [...device.audio.availableInputDevices.keys()].slice(-1);
      return device.audio.setInputDevice(id);
    }""")
    await page.wait_for_function("() => volumes.some((volume) => volume > 0 && volume <= 1)")
    live = "device.audio.inputStream.getTracks().every((track) => track.readyState === 'live')"
    assert await page.evaluate(f"[Boolean(device.audio.inputDevice.label), {live}]") == [True, True]
    await page.evaluate("window.stream = device.audio.inputStream; device.audio.unsetInputDevice()")
    await page.wait_for_function("() => stream.getTracks().every((track) => track.readyState === 'ended')")
    assert await page.evaluate("[device.audio.inputDevice, device.audio.inputStream]") == [None, None]


async def test_what_is_not_there_cannot_be_chosen(page: Page) -> None:
    assert await refused(page, "device.audio.setInputDevice('none')") == "InvalidArgumentError"
    assert await refused(page, "device.audio.setInputDevice()") == "InvalidArgumentError"
    assert await refused(page, "device.audio.speakerDevices.set(['none'])") == "InvalidArgumentError"
    assert await refused(page, "device.audio.ringtoneDevices.set([])") == "InvalidArgumentError"


async def test_sounds_are_switched(page: Page) -> None:
    switched = "[device.audio.incoming(), device.audio.incoming(false), device.audio.incoming()]"
    assert await page.evaluate(switched) == [True, False, False]
    assert await page.evaluate("[device.audio.outgoing(), device.audio.disconnect()]") == [True, True]


async def test_a_loudspeaker_is_tested(page: Page) -> None:
    await page.wait_for_function("() => device.audio.speakerDevices.get().size === 1")
    sound = base64.b64encode(encoded(np.zeros(800), RATE)).decode()
    await page.mouse.click(1, 1)  # before a page was touched, browsers let nothing play
    for kind in ("speakerDevices", "ringtoneDevices"):
        played = await page.evaluate(f"(url) => device.audio.{kind}.test(url)", f"data:audio/wav;base64,{sound}")
        assert played == [None]


# -- in a call: the emulated one, for the real one's sound needs Twilio -----------------------


@pytest_asyncio.fixture
async def agent(place: Town, window: Browser) -> AsyncIterator[Page]:
    """Bob's page, in a room with nobody else."""
    async with application(place[0]) as url:
        opened = await window.new_page()
        await opened.goto(url)
        await opened.evaluate(WATCH, [token(place[0].exchange.settings), EVENTS, CALL_EVENTS])
        await opened.evaluate("device.connect({ params: { Call: 'c1' } }).then((call) => { watch(call); })")
        await told(opened, "accept open")
        await opened.wait_for_function("() => device.audio.availableInputDevices.size > 0")
        yield opened


async def test_a_softphone_joins_a_room_and_is_heard_there(place: Town, agent: Page) -> None:
    emulator, customer = place
    assert (await customer.until_asked("/app"))["Call"] == "c1"
    room = emulator.exchange.rooms.find("room")
    assert room is not None
    (participant,) = room.joined
    await agent.evaluate("call.mute(true); call.sendDigits('12')")
    await agent.wait_for_function("() => call.isMuted()")
    await agent.evaluate("call.disconnect()")
    await told(agent, "disconnect closed")
    assert (participant.leg.digits, room.is_over) == ("12", True)


async def test_a_microphone_cannot_be_let_go_during_a_call(agent: Page) -> None:
    await agent.evaluate("device.audio.setInputDevice([...device.audio.availableInputDevices.keys()][0])")
    assert await refused(agent, "device.audio.unsetInputDevice()") == "InvalidStateError"
    assert await agent.evaluate("call.getLocalStream().active")
    await agent.evaluate("call.disconnect()")
    assert await refused(agent, "device.audio.unsetInputDevice()") == "done"


async def test_the_edge_cannot_change_during_a_call(agent: Page) -> None:
    with pytest.raises(Exception, match="Cannot change Edge"):
        await agent.evaluate("device.updateOptions({ edge: 'ashburn' })")


async def test_a_warning_comes_and_goes(place: Town, agent: Page) -> None:
    await agent.evaluate("""() => {
      for (const event of ["warning", "warning-cleared"]) {
        call.on(event, (name, data) => told.push(`${event} ${name} ${data?.threshold.value}`));
      }
    }""")
    softphones = place[0].exchange.softphones
    softphones.warn("high-rtt")
    softphones.warn("high-rtt", cleared=True)
    softphones.warn("constant-audio-input-level")
    assert (await told(agent, "warning constant"))[-3:] == [
        "warning high-rtt 400",
        "warning-cleared high-rtt undefined",
        "warning constant-audio-input-level 10",
    ]
    await agent.evaluate("call.mute(true)")
    softphones.warn("constant-audio-input-level")
    softphones.warn("low-mos")
    assert (await told(agent, "warning low-mos"))[-1] == "warning low-mos 3"
    assert len(await agent.evaluate("told.filter((text) => text.startsWith('warning constant'))")) == 1


PREFLIGHT = """(token) => {
  window.test = Twilio.Device.runPreflight(token, { edge: "sydney" });
  window.told = [];
  for (const event of ["connected", "sample", "warning", "completed", "failed"]) {
    test.on(event, (what) => { told.push(event); window.last = what; });
  }
}"""


async def test_a_preflight_test_reports(place: Town, agent: Page) -> None:
    emulator, customer = place
    await agent.evaluate("call.disconnect()")
    customer.says("/app", "<Say>Hello</Say><Pause length='3'/>")
    emulator.exchange.softphones.quality = {"mos": 3.2, "jitter": 40, "rtt": 250}
    await agent.evaluate(PREFLIGHT, token(emulator.exchange.settings))
    await told(agent, "completed")
    report: dict[str, Any] = await agent.evaluate("last")
    assert (report["callQuality"], report["edge"], report["selectedEdge"]) == ("fair", "sydney", "sydney")
    assert report["stats"]["rtt"] == {"average": 250, "max": 250, "min": 250}
    assert report["callSid"].startswith("CA")
    assert report["samples"][-1]["packetsReceived"] > 0
    assert await agent.evaluate("[test.status, told[0], told.includes('sample')]") == ["completed", "connected", True]


async def test_a_preflight_test_fails_with_a_refused_token(place: Town, agent: Page) -> None:
    await agent.evaluate(PREFLIGHT, token(place[0].exchange.settings, region="us1"))
    await told(agent, "failed")
    assert await agent.evaluate("[test.status, last.code]") == ["failed", 20101]
