"""Parties who meet in a conference of the emulated Twilio, each with a tone of their own, and who hears which."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import numpy as np
from aiohttp import web

from sandbox.audio import mulaw, voice
from sandbox.twilio.conference.participant import Participant
from sandbox.twilio.conference.room import Room
from sandbox.twilio.emulator import Twilio
from sandbox.twilio.phone.leg import Leg
from tests.kit.vendors.twilio_customer import SECONDS, Asked, Customer, markup, town

ROOM = "call_7"
PITCHES = {"customer": 500, "agent": 800, "second": 1100, "supervisor": 1700, "outside": 2000}  # Hz, of 50 each
BUFFER = 3  # ticks, of the largest jitter buffer
LOUD = 300.0  # of 16-bit samples, amplitude: more is heard
EVENTS = "start end join leave mute hold modify announcement"
_NUMBERS = {name: f"+6149157000{at}" for at, name in enumerate(PITCHES, 1)}


class Meeting:
    """One room and whoever is in it. Callbacks about it go to ``/room``, actions to ``/done``."""

    def __init__(self, emulator: Twilio, customer: Customer) -> None:
        self.emulator = emulator
        self.customer = customer
        self.legs: dict[str, Leg] = {}
        self._documents: dict[str, str] = {}
        customer.says("/voice", self._document)
        customer.says("/done", "<Hangup/>")

    async def join(self, who: str, *, before: str = "", action: str = "/done", **attributes: str) -> Leg:
        """Let ``who`` call and come into the room, with further ``attributes`` of its `<Conference>`."""
        given = {
            "participantLabel": who,
            "beep": "false",
            "statusCallback": f"{self.customer.url}/room",
            "statusCallbackEvent": EVENTS,
        } | attributes
        written = " ".join(f"{name}='{value}'" for name, value in given.items())
        dial = f"<Dial action='{self.customer.url}{action}'>"
        self._documents[_NUMBERS[who]] = f"{before}{dial}<Conference {written}>{ROOM}</Conference></Dial>"
        leg = self.emulator.place_call(from_=_NUMBERS[who], caller_audio=tone(PITCHES[who]))
        self.legs[who] = leg
        await self.until(lambda: self.participant(who) is not None or leg.over.is_set())
        return leg

    async def until(self, condition: Any) -> None:
        """Wait until ``condition`` holds."""
        async with asyncio.timeout(SECONDS):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.005)

    @property
    def room(self) -> Room:
        """The newest conference."""
        return list(self.emulator.exchange.rooms)[-1]

    def participant(self, who: str) -> Participant | None:
        """How ``who`` is in the room, if at all."""
        room = self.emulator.exchange.rooms.find(ROOM)
        return room.participants.get(self.legs[who].sid) if room is not None and who in self.legs else None

    def present(self, who: str) -> Participant:
        """How ``who`` is in the room."""
        participant = self.participant(who)
        assert participant is not None
        return participant

    async def speaking(self) -> None:
        """Wait until the room has heard all who came."""
        tick = self.emulator.exchange.clock.tick
        await self.until(lambda: all((leg.voice.begins or 10**9) + BUFFER < tick() for leg in self.legs.values()))

    def heard(self) -> dict[str, set[str]]:
        """By listener, whose tones are in the frame that they hear now."""
        tick = self.emulator.exchange.clock.tick()
        return {who: tones_in(leg.heard(tick)) for who, leg in self.legs.items() if self.participant(who)}

    def events(self, *names: str) -> list[dict[str, str]]:
        """The status callbacks that came, in the order of their numbers; only ``names`` if there are any."""
        forms = sorted(self.customer.of("/room"), key=lambda form: int(form["SequenceNumber"]))
        return [form for form in forms if not names or form["StatusCallbackEvent"] in names]

    async def told(self, event: str, times: int = 1, **fields: str) -> dict[str, str]:
        """The ``times``th callback of ``event``."""
        return await self.customer.until_asked("/room", times, StatusCallbackEvent=event, **fields)

    def _document(self, asked: Asked) -> web.Response:
        return markup(self._documents[asked.form["From"]])


@asynccontextmanager
async def meeting(**settings: Any) -> AsyncIterator[Meeting]:
    """An emulated Twilio with an empty room."""
    async with town(**settings) as (emulator, customer):
        yield Meeting(emulator, customer)


def tone(hertz: float, seconds: float = 600.0) -> bytes:
    """A tone in mu-law; a second of it, again and again."""
    second = 4000 * np.sin(2 * np.pi * hertz * np.arange(mulaw.RATE) / mulaw.RATE)
    return mulaw.encode(second.astype(np.int16)) * int(seconds)


def sound_file(seconds: float = 600.0) -> web.Response:
    """A WAV file of a tone that is nobody's."""
    samples = 4000 * np.sin(2 * np.pi * 2600 * np.arange(int(mulaw.RATE * seconds)) / mulaw.RATE)
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, mulaw.RATE, 0, "NONE", ""))
        written.writeframes(samples.astype("<i2").tobytes())
    return web.Response(body=file.getvalue(), content_type="audio/wav")


def tones_in(frame: str) -> set[str]:
    """Whose tones sound in a frame of 20 ms, by the energy at each pitch; ``other`` if anything else is loud."""
    samples = mulaw.decode(voice.codes(frame)).astype(float)
    spectrum = np.abs(np.fft.rfft(samples)) * 2 / len(samples)  # one bin for each 50 Hz
    found = {who for who, hertz in PITCHES.items() if spectrum[hertz // 50] > LOUD}
    rest = spectrum.copy()
    for hertz in PITCHES.values():
        rest[hertz // 50] = 0
    return found | ({"other"} if rest.max() > LOUD else set())
