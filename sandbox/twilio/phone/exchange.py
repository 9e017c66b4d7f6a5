"""The telephone exchange: everything the emulated Twilio knows while it runs, and its tasks.

`phone`, `dial`, `streams` and the REST files act on it; it knows none of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from sandbox import demo
from sandbox.audio import voice as audio_voice
from sandbox.audio.clock import Clock
from sandbox.twilio.conference.rooms import Rooms
from sandbox.twilio.phone.leg import CallSound, Direction, Leg
from sandbox.twilio.phone.softphones import Softphones
from sandbox.twilio.phone.verbs import Event
from sandbox.twilio.settings import Behaviour, Number, TwilioSettings
from sandbox.twilio.webhooks.callbacks import Callbacks, subscribe
from sandbox.twilio.webhooks.request import Failure, Webhooks

MAX_ALERTS = 1000
LAST: frozenset[Event] = frozenset({"completed"})

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Alert:
    """One line of Twilio's debugger."""

    code: int
    text: str
    call: str = ""  # CallSid
    url: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Exchange:
    """One emulator's state. Numbers and behaviours may be changed while it runs."""

    def __init__(self, settings: TwilioSettings, http: aiohttp.ClientSession, tasks: asyncio.TaskGroup) -> None:
        self.settings = settings
        self.clock = Clock(settings.speed)
        self.hearing: Callable[[], str] = str  # what to tell people about who puts the words into writing
        self.numbers: dict[str, Number] = {number.phone_number: number for number in settings.numbers}
        self.app_voice_url = settings.twiml_app_voice_url
        self.behaviours: dict[str, Behaviour] = dict(settings.behaviours)
        self.sounds: dict[str, CallSound] = {}  # of simulated parties, by address; others have the bundled call's
        self.agent_conference = settings.agent_conference
        self.random = random.Random(settings.seed)
        self.legs: dict[str, Leg] = {}
        self.alerts: list[Alert] = []
        self.arrivals: list[Callable[[Leg], None]] = []  # called with every new leg
        self.softphones = Softphones()
        self.sockets: set[web.WebSocketResponse] = set()  # of browsers
        self.webhooks = Webhooks(http, settings.auth_token, settings.webhook_seconds)
        self.callbacks = Callbacks(
            self.webhooks,
            self.spawn,
            self.report,
            faults=settings.callback_faults,
            seed=settings.seed,
        )
        self.rooms = Rooms(settings, self.clock, self.callbacks.send)
        self._group = tasks
        self._tasks: set[asyncio.Task[None]] = set()
        self._demo: CallSound | None = None

    # -- tasks ----------------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run ``work`` beside everything else. It may fail without taking the exchange along: that is an alert."""
        task = self._group.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self, seconds: float = 5.0) -> None:
        """Hang up everybody, close browsers, and let the last callbacks go out for at most ``seconds``."""
        for leg in list(self.live()):
            leg.hang_up()
        for socket in list(self.sockets):
            await socket.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def stop(self) -> None:
        """Cancel what still runs."""
        for task in list(self._tasks):
            task.cancel()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:
            log.exception("the emulated Twilio failed")
            self.report(Failure(12400, f"Internal Failure: {error!r}"))

    # -- legs -----------------------------------------------------------------------------------------------

    def leg(self, direction: Direction, from_: str, to: str, **more: Any) -> Leg:
        """Return a new leg in the exchange."""
        more.setdefault("faults", self.settings.faults)
        leg = Leg(self.settings.account_sid, direction, from_, to, self.clock, **more)
        self._forget()
        self.legs[leg.sid] = leg
        for arrival in self.arrivals:
            arrival(leg)
        return leg

    def live(self) -> Iterator[Leg]:
        """Return the legs that have not ended."""
        return (leg for leg in self.legs.values() if not leg.over.is_set())

    def number(self, phone_number: str) -> Number | None:
        """Return the account's number, if it is one."""
        return self.numbers.get(phone_number)

    def set_number(self, phone_number: str, **changes: Any) -> None:
        """Change settings of one of the account's numbers."""
        self.numbers[phone_number] = replace(self.numbers[phone_number], **changes)

    def behaviour_of(self, address: str) -> Behaviour:
        """Return how the simulated party at ``address`` takes a call."""
        usual = self.settings.agent if address.startswith("client:") else self.settings.customer
        return self.behaviours.get(address, usual)

    def report_to(self, leg: Leg, url: str, method: str, events: frozenset[Event] = LAST) -> None:
        """Send status callbacks about ``leg`` to ``url``; empty: none are sent."""
        subscribe(self.callbacks, leg, url, method, events)

    def sound_of(self, address: str) -> CallSound:
        """Return what the simulated party at ``address`` says when it is called by REST or calls from a browser."""
        return self.sounds.get(address) or self.demo_sound()

    def demo_sound(self) -> CallSound:
        """Return the bundled call's sound."""
        if self._demo is None:
            caller, agent = (audio_voice.frames(demo.track(speaker)) for speaker in ("caller", "agent"))
            self._demo = CallSound(caller, agent, stand_in=True)
        return self._demo

    def _forget(self) -> None:
        if len(self.legs) >= self.settings.max_legs:
            oldest = next((leg.sid for leg in self.legs.values() if leg.over.is_set()), None)
            self.legs.pop(oldest or "", None)

    # -- the debugger ---------------------------------------------------------------------------------------

    def report(self, failure: Failure, leg: Leg | None = None) -> None:
        """Write an alert, as Twilio's debugger would show it."""
        self.alerts.append(Alert(failure.code, failure.text, leg.sid if leg else "", failure.url))
        del self.alerts[:-MAX_ALERTS]
        log.info("alert", code=failure.code, call=leg.sid if leg else None)  # its text may hold numbers


EXCHANGE = web.AppKey("exchange", Exchange)
