"""Microphone and ear of the emulated browser SDK and of the telephone, in a Chromium that is given a file to say."""

from __future__ import annotations

import base64
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from sandbox.audio import mulaw
from sandbox.twilio.conference.participant import Music
from sandbox.twilio.emulator import Twilio
from tests.kit.browser.chromium import HEAR_THE_PAGE, MICROPHONE, chromium
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, Customer, Heard, town
from tests.sandbox.twilio.browser.test_signalling import token
from tests.sandbox.twilio.browser.test_voice_sdk import CALL_EVENTS, EVENTS, WATCH, application, told

pytestmark = pytest.mark.browser

Town = tuple[Twilio, Customer]
PITCH = 700.0  # Hz of what the microphone hears
LOUD = 0.02  # of what the page plays, root mean square
HEARS = f"() => window.loudest > {LOUD}"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town(speed=1.0) as both:
        url = both[1].media_url
        both[1].says("/voice", f"<Start><Stream url='{url}/s' track='both_tracks'/></Start>"
                     "<Dial><Client>bob</Client></Dial>")  # fmt: skip
        yield both


@pytest.fixture
def whistle(tmp_path: Path) -> Path:
    """A file of one tone, as Chromium's microphone may say it."""
    file, rate = tmp_path / "whistle.wav", 48_000
    samples = 8000 * np.sin(2 * np.pi * PITCH * np.arange(rate * 2) / rate)
    with wave.open(str(file), "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(samples.astype("<i2").tobytes())
    return file


@pytest_asyncio.fixture
async def speaking(whistle: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone hears the whistle, again and again."""
    async with chromium(*MICROPHONE, f"--use-file-for-fake-audio-capture={whistle}") as opened:
        yield opened


@asynccontextmanager
async def agent(browser: Browser, emulator: Twilio) -> AsyncIterator[Page]:
    """Bob's page, under a strict policy of another origin, registered."""
    async with application(emulator) as url:
        page = await browser.new_page()
        await page.add_init_script(HEAR_THE_PAGE)
        await page.goto(url)
        await page.evaluate(WATCH, [token(emulator.exchange.settings), EVENTS, CALL_EVENTS])
        await page.evaluate("device.register()")
        yield page


def pitch(sound: bytes) -> float:
    """The strongest frequency in mu-law, Hz."""
    samples = mulaw.decode(sound).astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * mulaw.RATE / len(samples)


async def test_what_the_microphone_hears_is_the_agents_track_and_the_caller_is_heard(
    place: Town, speaking: Browser
) -> None:
    emulator, customer = place
    async with agent(speaking, emulator) as page:
        caller = mulaw.encode((6000 * np.sin(np.arange(8000 * 20) / 4)).astype("<i2"))
        emulator.place_call(caller_audio=caller)
        await told(page, "incoming")
        await page.evaluate("call.accept()")
        await told(page, "accept open")
        await page.wait_for_function(HEARS)
        stream = await customer.until_streaming()
        await customer.until(lambda: stream.sound("outbound").count(0xFF) < len(stream.sound("outbound")) - 8000)
        assert pitch(stream.sound("outbound")[-4000:]) == pytest.approx(PITCH, abs=10)
        assert await page.evaluate("call.getLocalStream().getAudioTracks()[0].getSettings().echoCancellation")


async def test_a_telephone_and_an_agents_browser_hear_each_other(place: Town, speaking: Browser) -> None:
    emulator, _ = place
    async with agent(speaking, emulator) as bob:
        phone = await speaking.new_page()
        await phone.add_init_script(HEAR_THE_PAGE)
        await phone.goto(emulator.url)
        telephone = phone.locator("#telephone")
        await expect(telephone.get_by_label("Call which number")).to_have_value(NUMBER)
        await telephone.get_by_role("button", name="Call", exact=True).click()
        await told(bob, "incoming")
        assert await bob.evaluate("call.parameters.From") == MOBILE
        await bob.evaluate("call.accept()")
        await expect(telephone).to_have_attribute("data-phase", "talking")
        for page in (bob, phone):
            await page.wait_for_function(HEARS)
        await telephone.get_by_role("button", name="Mute").click()
        await telephone.get_by_role("button", name="5", exact=True).click()
        await expect(telephone.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
        await telephone.get_by_role("button", name="Hang up").click()
        await told(bob, "disconnect closed")
        await expect(telephone).to_have_attribute("data-phase", "idle")


async def test_an_agent_calls_the_telephone(place: Town, speaking: Browser) -> None:
    emulator, customer = place
    customer.says("/app", f"<Dial answerOnBridge='true' callerId='{NUMBER}'><Number>{MOBILE}</Number></Dial>")
    async with agent(speaking, emulator) as bob:
        phone = await speaking.new_page()
        await phone.add_init_script(HEAR_THE_PAGE)
        await phone.goto(emulator.url)
        telephone = phone.locator("#telephone")
        await expect(telephone.get_by_label("Call which number")).to_have_value(NUMBER)
        await bob.evaluate(f"device.connect({{ params: {{ To: '{MOBILE}' }} }}).then((call) => {{ watch(call); }})")
        await expect(telephone).to_have_attribute("data-phase", "ringing")
        await phone.wait_for_function(HEARS)  # it rings
        await phone.evaluate("window.loudest = 0")
        await telephone.get_by_role("button", name="Answer").click()
        await told(bob, "accept open")
        for page in (bob, phone):
            await page.wait_for_function(HEARS)


def latest(stream: Heard) -> float:
    """The pitch of the newest half second that the leg of ``stream`` hears, Hz."""
    newest = [text["media"] for text in stream.texts[-60:] if text["event"] == "media"]
    heard = [base64.b64decode(media["payload"]) for media in newest if media["track"] == "outbound"]
    return pitch(b"".join(heard)) if heard else 0.0


# Without the noise suppression, which takes a steady tone away after some seconds.
RAW_MICROPHONE = """async () => {
  const off = { noiseSuppression: false, echoCancellation: false, autoGainControl: false };
  await device.audio.setAudioConstraints(off);
  await device.audio.setInputDevice([...device.audio.availableInputDevices.keys()][0]);
}"""


async def test_two_browsers_and_a_customer_in_a_room(place: Town, speaking: Browser) -> None:
    emulator, customer = place
    room = "<Dial><Conference beep='false' waitUrl=''>room</Conference></Dial>"
    customer.says("/voice", f"<Start><Stream url='{customer.media_url}/s' track='both_tracks'/></Start>{room}")
    customer.says("/app", room)
    leg = emulator.place_call(caller_audio=b"")
    async with agent(speaking, emulator) as bob, agent(speaking, emulator) as dana:
        for page in (bob, dana):
            await page.wait_for_function("() => device.audio.availableInputDevices.size > 0")
            await page.evaluate(RAW_MICROPHONE)
            await page.evaluate("device.connect().then((call) => { watch(call); })")
            await told(page, "accept open")
        for page in (bob, dana):
            await page.wait_for_function(HEARS)  # each other: the customer says nothing
        conference = emulator.exchange.rooms.find("room")
        assert conference is not None
        stream = await customer.until_streaming()
        await customer.until(lambda: latest(stream) == pytest.approx(PITCH, abs=10))
        conference.hold(conference.participants[leg.sid], Music(None))
        await customer.until(lambda: 0 < latest(stream) < 450)  # the music
        for page in (bob, dana):  # who consult each other
            await page.evaluate("window.loudest = 0")
            await page.wait_for_function(HEARS)
        await dana.evaluate("call.disconnect()")
        await told(dana, "disconnect closed")
        conference.resume(conference.participants[leg.sid])
        await customer.until(lambda: latest(stream) == pytest.approx(PITCH, abs=10))


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (("--mute-audio",), 31402),  # no microphone at all
        (("--use-fake-device-for-media-stream", "--deny-permission-prompts"), 31401),
    ],
)
async def test_without_a_microphone_the_call_goes_on_and_an_error_says_why(
    place: Town, flags: tuple[str, ...], code: int
) -> None:
    emulator, _ = place
    async with chromium(*flags, whole=True) as browser, agent(browser, emulator) as page:
        leg = emulator.place_call(caller_audio=b"")
        await told(page, "incoming")
        await page.evaluate("call.on('error', (error) => { window.code = error.code; }); call.accept()")
        await page.wait_for_function("() => window.code")
        assert await page.evaluate("[window.code, call.status()]") == [code, "open"]
        assert not leg.over.is_set()


async def test_the_applications_sounds_ring_and_stop(place: Town, speaking: Browser) -> None:
    emulator, _ = place
    async with agent(speaking, emulator) as page:
        await page.evaluate("""() => {
          window.played = [];
          window.Audio = function (url) {
            return { play: () => { played.push(`${url} ${this.loop}`); return Promise.resolve(); },
                     pause: () => played.push(`stop ${url}`) };
          };
          device.updateOptions({ sounds: { incoming: "in", disconnect: "out", dtmf5: "five", dtmfs: "star" } });
        }""")
        emulator.place_call(caller_audio=b"")
        await told(page, "incoming")
        await page.evaluate("call.accept()")
        await told(page, "accept open")
        await page.evaluate("call.sendDigits('5w*'); call.disconnect()")
        played = [sound.split()[:2] for sound in await page.evaluate("played")]
        assert [sound[0] if sound[0] != "stop" else " ".join(sound) for sound in played] == [
            "in",
            "stop in",
            "five",
            "star",
            "out",
            "stop in",
        ]
