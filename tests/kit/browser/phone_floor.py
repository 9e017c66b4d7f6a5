"""Agents at their consoles in Chromium, each with a microphone of a pitch of their own, and customers who call.

Everything is real but Twilio: its emulator mixes the rooms' sound, so who hears whom is measured by pitch.
"""

from __future__ import annotations

import asyncio
import base64
import json
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
from aiohttp import web
from playwright.async_api import Browser, Page, expect
from sqlalchemy import delete

from db.engine import Database
from db.models import Member, Presence
from sandbox.audio import mulaw, voice
from sandbox.twilio.emulator import Leg
from tests.kit.browser.chromium import MICROPHONE, NO_TWILIO, chromium
from tests.kit.browser.console_page import signed_in_for
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import CALLER, RoomTown
from web.config import SETTINGS

PITCHES: Mapping[str, int] = {"customer": 2200, "bob": 1600, "dana": 2800, "sam": 1900}
"""In Hz, above what the waiting music has. Beeps of 0.2 s every 0.6 s: browsers take a steady tone for noise."""
PATIENCE_MS = 60_000
_RATE = 48_000
_BEEP, _TURN, _SWELL = 0.2, 0.6, 0.04  # seconds
_LOUD = 300.0  # of 32768
_HEARD = 3  # frames of 20 ms; a beep has ten
_LISTENS = 100  # frames of 20 ms

# `heardPitch(hz)`: how loud the page has played a pitch in the last two seconds, in dB. An init script.
EARS = """(() => {
  const connect = AudioNode.prototype.connect;
  const meters = [];
  let loudest = [];
  AudioNode.prototype.connect = function (to, ...more) {
    if (to === this.context.destination) {
      const meter = Object.assign(this.context.createAnalyser(), { fftSize: 2048, smoothingTimeConstant: 0 });
      connect.call(this, meter);
      meters.push(meter);
    }
    return connect.call(this, to, ...more);
  };
  setInterval(() => {
    const now = Date.now();
    loudest = loudest.filter(({ at }) => now - at < 2000);
    for (const meter of meters) {
      const levels = new Float32Array(meter.frequencyBinCount);
      meter.getFloatFrequencyData(levels);
      loudest.push({ at: now, levels, width: meter.context.sampleRate / meter.fftSize });
    }
  }, 40);
  globalThis.heardPitch = (hz) =>
    Math.max(-200, ...loudest.map(({ levels, width }) => levels[Math.round(hz / width)]));
})()"""


def _beeps(hertz: int, rate: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    at = np.arange(int(_TURN * rate)) / rate
    # A beep that begins and ends softly: an edge has all pitches in it.
    swell = np.clip(np.minimum(at, _BEEP - at) / _SWELL, 0, 1)
    return (9000 * np.sin(np.pi / 2 * swell) ** 2 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def _recording(file: Path, hertz: int) -> Path:
    with wave.open(str(file), "wb") as written:
        written.setparams((1, 2, _RATE, 0, "NONE", ""))
        written.writeframes(np.tile(_beeps(hertz, _RATE), 20).astype("<i2").tobytes())
    return file


def _levels(codes: bytes) -> dict[str, float]:
    """Return how loud each of `PITCHES` is in 20 ms of mu-law."""
    samples = mulaw.decode(codes).astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) * 4 / len(samples)  # a bin each 50 Hz
    return {who: float(spectrum[hertz // 50]) for who, hertz in PITCHES.items()}


class StreamEar:
    """Where Twilio streams calls to, instead of media: it hears of each track what Transcribe would."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, dict[str, float]]] = []
        """When a frame came (seconds of the loop's clock), on which track, and its levels by `PITCHES`."""

    async def take(self, request: web.Request) -> web.WebSocketResponse:
        """Be Twilio's stream."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            said = json.loads(message.data)
            if said["event"] == "media":
                frame = base64.b64decode(said["media"]["payload"])
                now = asyncio.get_running_loop().time()
                self.heard.append((now, said["media"]["track"], _levels(frame)))
        return socket

    def pitches(self, track: str, since: float = 0.0) -> set[str]:
        """Return who was heard on a track since then: for `_HEARD` frames in a row, and not as another's overtone.

        A frame that was lost cuts a beep off, and an edge has all pitches in it.
        """
        found, lasting = set[str](), dict.fromkeys(PITCHES, 0)
        for _, _, levels in (each for each in self.heard if each[1] == track and each[0] >= since):
            enough = max(_LOUD, max(levels.values()) / 2)
            lasting = {who: lasting[who] + 1 if level >= enough else 0 for who, level in levels.items()}
            found |= {who for who, frames in lasting.items() if frames >= _HEARD}
        return found


@asynccontextmanager
async def stream_ear(port: int) -> AsyncIterator[StreamEar]:
    """Listen at ``port`` for Twilio's streams."""
    ear, app = StreamEar(), web.Application()
    app.router.add_get("/twilio/stream", ear.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield ear
    finally:
        await runner.cleanup()


class Floor:
    """The agents' browsers and the telephone network."""

    def __init__(self, town: RoomTown, browsers: Mapping[str, Browser]) -> None:
        self.town = town
        self._browsers = browsers

    @property
    def cast(self) -> Cast:
        return self.town.cast

    async def sits_down(self, member: Member, at: str) -> Page:
        """Open the member's console in the browser whose microphone is ``at``'s, signed in, its phone ready."""
        context = await self._browsers[at].new_context(
            base_url=self.town.site.url, viewport={"width": 1280, "height": 800}, permissions=["microphone"]
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(EARS)
        page = await context.new_page()
        await signed_in_for(context, self.town.site.app[SETTINGS], member)
        await page.goto("/console")
        await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")
        await expect(page.locator("#presence")).to_be_enabled()
        return page

    def calls(self) -> Leg:
        """Let a customer call who beeps all the time."""
        sound = mulaw.encode(_beeps(PITCHES["customer"], mulaw.RATE)) * 1000
        return self.town.twilio.place_call(to=self.cast.number.e164, from_=CALLER, caller_audio=sound)

    async def customer_hears(self, leg: Leg, *whom: str) -> None:
        """Wait until these, and nobody else of `PITCHES`, are heard by a customer."""
        heard: set[str] = set()
        try:
            async with asyncio.timeout(PATIENCE_MS / 1000):
                while (heard := await self._pitches(leg)) != set(whom):
                    pass
        except TimeoutError:
            raise AssertionError(f"the customer hears {heard}, not {whom}") from None

    async def hung_up(self, leg: Leg) -> None:
        """Wait until a customer's call is over."""
        async with asyncio.timeout(PATIENCE_MS / 1000):
            await leg.over.wait()

    async def agent_hears(self, page: Page, *whom: str) -> None:
        """Wait until these, and nobody else of `PITCHES`, are heard from a page."""
        wanted = {hertz: name in whom for name, hertz in PITCHES.items()}
        heard = "(wanted) => Object.entries(wanted).every(([hz, is]) => (heardPitch(Number(hz)) > -60) === is)"
        await page.wait_for_function(heard, arg={str(hertz): is_heard for hertz, is_heard in wanted.items()})

    async def _pitches(self, leg: Leg) -> set[str]:
        clock = self.town.twilio.exchange.clock
        loudest = dict.fromkeys(PITCHES, 0.0)
        tick = clock.tick()
        for _ in range(_LISTENS):
            await clock.until(tick + 1)
            levels = _levels(voice.codes(leg.heard(tick)))
            loudest = {who: max(level, levels[who]) for who, level in loudest.items()}
            tick = max(tick + 1, clock.tick() - 5)
        return {who for who, level in loudest.items() if level > _LOUD}


@asynccontextmanager
async def microphones(folder: Path, *names: str) -> AsyncIterator[Mapping[str, Browser]]:
    """A browser for each of ``names`` of `PITCHES`, whose microphone hears that pitch from a file in ``folder``."""
    async with AsyncExitStack() as stack:
        browsers = {}
        for name in names:
            capture = f"--use-file-for-fake-audio-capture={_recording(folder / f'{name}.wav', PITCHES[name])}"
            browsers[name] = await stack.enter_async_context(chromium(NO_TWILIO, *MICROPHONE, capture))
        yield browsers


@asynccontextmanager
async def phone_floor(town: RoomTown, database: Database, browsers: Mapping[str, Browser]) -> AsyncIterator[Floor]:
    """A floor with these browsers, by the names of their microphones. What is opened in them is closed at the end."""
    expect.set_options(timeout=PATIENCE_MS)
    async with database.begin() as session:
        await session.execute(delete(Presence))  # the town's consoles: here are real ones
    try:
        yield Floor(town, browsers)
    finally:
        for browser in browsers.values():
            for context in browser.contexts:
                await context.close()
