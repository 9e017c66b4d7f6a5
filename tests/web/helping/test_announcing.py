"""How a supervisor who comes is announced, measured by ear: what each leg of the call plays, frame by frame.

Nobody speaks: whatever sounds while the supervisor comes in is their announcement.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy import update

from db.base import Listening
from db.engine import Database
from db.models import Organisation
from sandbox.audio import mulaw, voice
from sandbox.audio.clock import TICKS_PER_SECOND
from sandbox.twilio.emulator import Leg
from sandbox.twilio.phone.leg import CallSound
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown, room_town
from tests.kit.web.site import Browser
from tests.web.helping.test_commands import comes, helped
from web.config import Settings

PITCHES = {"tone": 1400, "sentence": 300}  # Hz, of the emulated Twilio's beep, and of what stands for its voice
LOUD = 300.0  # of 32768
BEEP = TICKS_PER_SECOND // 5
AFTER = TICKS_PER_SECOND // 2  # ticks without a sound after which an announcement is over
HEARD: Mapping[Listening, Mapping[str, set[str]]] = {
    "prompt": {},
    "tone": {"customer": {"tone"}, "agent": {"tone"}},
    "words": {"customer": {"sentence"}, "agent": {"sentence"}},
}


@pytest_asyncio.fixture
async def town(settings: Settings, database: Database, cast: Cast) -> AsyncIterator[RoomTown]:
    """As fast as life: a frame may be fetched five seconds late, which is time enough on a slow machine."""
    timing = {"speed": 1.0, "tones": True, "say_seconds_per_char": 0.02}
    async with room_town(settings, database, cast, **timing) as opened:
        for member in (cast.bob, cast.sam):
            opened.twilio.exchange.sounds[f"client:{member.id.hex}"] = CallSound((), ())
        yield opened


class Ear:
    """What legs have played since they were listened to: by leg, which sounds in each frame."""

    def __init__(self, town: RoomTown, legs: Mapping[str, Leg]) -> None:
        self._clock = town.twilio.exchange.clock
        self._legs = legs
        self._next = self._clock.tick()
        self.heard: dict[str, list[str]] = {name: [] for name in legs}

    async def listen(self) -> None:
        """Hear every frame, until cancelled."""
        while True:
            await self._clock.until(self._next + 1)
            for tick in range(self._next, self._clock.tick()):
                for name, leg in self._legs.items():
                    self.heard[name].append(_sound(leg.heard(tick)))
                self._next = tick + 1

    async def quiet(self) -> None:
        """Wait until no leg has played anything for a while."""
        since = self._next + AFTER
        while self._next < since or any("".join(frames[-AFTER:]) for frames in self.heard.values()):
            await self._clock.until(self._next + 1)

    def sounds(self) -> dict[str, Counter[str]]:
        """What each has heard, and for how many frames; nobody who heard nothing."""
        heard = {name: Counter(filter(None, frames)) for name, frames in self.heard.items()}
        return {name: sounds for name, sounds in heard.items() if sounds}


def _sound(frame: str) -> str:
    """What sounds in a frame of 20 ms; empty if nothing does."""
    samples = mulaw.decode(voice.codes(frame)).astype(float)
    spectrum = np.abs(np.fft.rfft(samples)) * 2 / len(samples)  # a bin each 50 Hz
    if spectrum.max() < LOUD:
        return ""
    return next((name for name, hertz in PITCHES.items() if spectrum[hertz // 50] == spectrum.max()), "other")


@asynccontextmanager
async def listening(town: RoomTown, **legs: Leg) -> AsyncIterator[Ear]:
    ear = Ear(town, legs)
    async with asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(ear.listen())
        yield ear
        hearing.cancel()


def _coaches(town: RoomTown, leg: Leg, agent: Leg) -> bool:
    participant = town.participant(leg)
    return participant is not None and participant.coaching and participant.coach == agent.sid


async def _announces(database: Database, cast: Cast, how: Listening) -> None:
    async with database.begin() as session:
        await session.execute(update(Organisation).where(Organisation.id == cast.a.id).values(listening=how))


@pytest.mark.parametrize("how", HEARD)
async def test_customer_and_agent_hear_that_a_supervisor_comes(
    town: RoomTown, sam: Browser, database: Database, cast: Cast, how: Listening
) -> None:
    await _announces(database, cast, how)
    _, customer, agent = await town.talking(cast.bob)
    async with listening(town, customer=customer, agent=agent) as ear:
        await ear.quiet()
        assert ear.sounds() == {}
        _, leg = await comes(town, sam, customer)
        await ear.quiet()
        announced = ear.sounds()
        assert {each: set(heard) for each, heard in announced.items()} == HEARD[how]
        assert all(heard.get("tone", 0) <= BEEP for heard in announced.values())
        assert (await helped(sam, customer, "whisper"))[0] == 200
        await town.until(lambda: _coaches(town, leg, agent))
        await ear.quiet()
        assert ear.sounds() == announced, "once is enough"


async def test_where_nobody_may_listen_nobody_comes_and_nothing_sounds(
    town: RoomTown, sam: Browser, database: Database, cast: Cast
) -> None:
    await _announces(database, cast, "off")
    _, customer, agent = await town.talking(cast.bob)
    async with listening(town, customer=customer, agent=agent) as ear:
        status, _said = await helped(sam, customer, "listen")
        await ear.quiet()
        assert status == 409
        assert ear.sounds() == {}
