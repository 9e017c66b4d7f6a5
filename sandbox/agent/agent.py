"""One agent at work: sends console heartbeats, follows the phone's events, answers, joins, and ends the wrap-up.

Whatever `web` or Twilio does not do is tried again. A call at the softphone needs neither the sign-in nor the event
stream, so it goes on while they are away.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from runtime import background
from sandbox.agent.desk import Desk, DeskError, Invite
from sandbox.agent.duties import Act, Answer, Choose, FinishWrapUp, Leave, Rejoin, next_act
from sandbox.agent.line import Line

_READY_SECONDS = 90.0  # on a machine that does much else

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Habits:
    """How an agent works. Times are in seconds.

    ``stands_in``: only while no colleague is at work, so that whoever tries a console gets the calls.
    """

    stands_in: bool = False
    answers_after: float = 1.0
    rejoins_after: float = 2.0
    """When a call ends, `web` hears of it a moment later than the softphone."""
    leaves_after: float = 30.0
    """When a call begins, `web` tells of it later than it answers the claim, on a starved machine much later."""
    repeats_after: float = 5.0
    """What was done already, when `web` has not yet told what came of it."""
    beats_every: float = 5.0
    looks_every: float = 0.5
    pauses: float = 0.5
    """After something that did not work."""


class Agent:
    """A member without a browser. `work` it in a task of its own."""

    def __init__(self, desk: Desk, phones: aiohttp.ClientSession, twilio_url: str, habits: Habits) -> None:
        self._desk = desk
        self._habits = habits
        self._told: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._did: tuple[Act | None, float] = None, 0.0
        self._console = secrets.token_hex(16)
        self._member = ""  # hex
        self._line = Line(phones, twilio_url, self._token, self._changed.set)

    @property
    def state(self) -> str:
        """What colleagues see of the agent; empty until it is known."""
        return str(self._told["presence"]["state"]) if self._told else ""

    async def work(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for duty in (self._follow(), self._beat(), self._line.run(), self._act()):
                tasks.create_task(duty)

    async def settled(self) -> None:
        """Wait until the agent is available, or need not be."""
        await self._settled.wait()

    async def _follow(self) -> None:
        while True:
            with suppress(DeskError):
                async for parts in self._desk.events():
                    self._told |= parts
                    self._changed.set()
            await asyncio.sleep(self._habits.pauses)

    async def _beat(self) -> None:
        while True:
            facts = {"registered": self._line.is_registered, "microphone": True}
            with suppress(DeskError):
                await self._desk.command("/phone/beat", console=self._console, **facts)
            beaten_at = time.monotonic()
            while self._line.is_registered == facts["registered"]:
                await asyncio.sleep(self._habits.looks_every)
                if time.monotonic() - beaten_at >= self._habits.beats_every:
                    break

    async def _act(self) -> None:
        while True:
            self._changed.clear()
            act = self._due()
            if act is None and self._line.is_registered and self.state not in ("", "unreachable"):
                self._settled.set()
            try:
                if act is not None and not self._has_done(act):
                    await self._do(act)
            except (DeskError, ConnectionError) as error:
                _log.info("agent refused", act=type(act).__name__, reason=str(error))
                await asyncio.sleep(self._habits.pauses)
            await _within(self._habits.looks_every, self._changed.wait())

    def _due(self) -> Act | None:
        if not self._told or not self._line.is_registered:
            return None
        return next_act(self._told, room=self._line.room, me=self._member if self._habits.stands_in else "")

    def _has_done(self, act: Act) -> bool:
        last, at = self._did
        return last == act and time.monotonic() - at < self._habits.repeats_after

    async def _do(self, act: Act) -> None:
        """Raise `DeskError`, ConnectionError."""
        so_far = time.monotonic() - self._line.since
        match act:
            case Choose(state):
                await self._desk.command("/phone/presence", state=state)
            case Answer(call):
                await asyncio.sleep(self._habits.answers_after)
                if self._due() != act:
                    return
                await self._desk.command(f"/phone/calls/{call}/claim")
                await self._line.join(call)
            case Rejoin(call) if so_far >= self._habits.rejoins_after:
                await self._desk.command(f"/phone/calls/{call}/rejoin")
                await self._line.join(call)
            case Leave() if so_far >= self._habits.leaves_after:
                await self._line.leave()
            case FinishWrapUp(call):
                await self._desk.command(f"/phone/calls/{call}/wrap-up", done=True)
            case _:
                return  # it is not time for it yet
        self._did = act, time.monotonic()

    async def _token(self) -> str:
        while True:
            with suppress(DeskError):
                given = await self._desk.command("/voice/token")
                self._member = str(given["identity"])
                return str(given["token"])
            await asyncio.sleep(self._habits.pauses)


@asynccontextmanager
async def agent(web_url: str, twilio_url: str, invite: Invite, habits: Habits = Habits()) -> AsyncIterator[Agent]:
    """Yield an agent who works for as long as the block lasts, ready by its beginning. Raise TimeoutError."""
    async with (
        asyncio.timeout(_READY_SECONDS) as starting,
        aiohttp.ClientSession(web_url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        aiohttp.ClientSession() as phones,
    ):
        one = Agent(Desk(http, invite), phones, twilio_url, habits)
        async with background.running(one.work()):
            await one.settled()
            starting.reschedule(None)
            yield one


async def _within(seconds: float, waiting: Awaitable[object]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
