"""One party's connection: a Twilio Call resource while it lives, and after.

A leg's state changes through `advance`, `answer` and `hang_up` alone, between two awaits; whoever must know
watches. Whoever waits on a leg's behalf waits through it (`sleep`, `unless_interrupted`), and is thrown out with
`Interrupted` when the leg ends or is sent to another document.
"""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from sandbox.audio.clock import Clock
from sandbox.audio.live_voice import LiveVoice
from sandbox.audio.voice import SILENCE, Frames, Sound, Voice
from sandbox.twilio.faults import NONE, Faults
from sandbox.twilio.phone.verbs import Event
from sandbox.twilio.webhooks.request import Webhook

if TYPE_CHECKING:
    from sandbox.twilio.phone.streams import CallStream

Status = Literal[
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"
]
Direction = Literal["inbound", "outbound-api", "outbound-dial"]
SpeakOn = Literal["bridge", "answer"]
T = TypeVar("T")

ENDED: frozenset[Status] = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
API_VERSION = "2010-04-01"
_EVENTS: dict[Status, Event] = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}


class Interrupted(Exception):  # noqa: N818 - not an error: the leg has ended or was sent elsewhere
    """The leg that one waited for has ended, or was redirected."""


@dataclass(frozen=True, slots=True)
class Inline:
    """TwiML given by value instead of by URL."""

    twiml: str


Step = Webhook | Inline


@dataclass(frozen=True, slots=True)
class CallSound:
    """What the two parties of a call say, and from when: once they are ``bridge``d, or since the ``answer``.

    ``stand_in``: the agent's recording is heard only if the agent who answers has no microphone.
    """

    caller: Frames = ()
    agent: Frames = ()
    speak_on: SpeakOn = "bridge"
    stand_in: bool = False


@dataclass(eq=False, slots=True)
class Leg:
    """``customer`` legs are people on the telephone: when they have said everything, they hang up."""

    account_sid: str
    direction: Direction
    from_: str
    to: str
    clock: Clock
    sound: CallSound = field(default_factory=CallSound)
    customer: bool = True
    status: Status = "queued"
    parent: Leg | None = None
    faults: Faults = NONE
    phone_number_sid: str = ""
    fallback: str = ""
    """Of the number called: asked "in the event of a fatal error while executing your call", at any document."""
    fallback_method: str = "POST"
    parameters_in: tuple[tuple[str, str], ...] = ()  # a <Client>'s <Parameter>s
    sid: str = field(default_factory=lambda: f"CA{uuid.uuid4().hex}")
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: datetime | None = None
    ended: datetime | None = None
    voice: Voice = field(init=False)
    hears: Sound | None = None
    digits: str = ""
    queue_time: str = "0"  # milliseconds that a call made by REST waited for its turn
    ended_by_api: bool = False
    streams: dict[str, CallStream] = field(default_factory=dict)  # by sid
    watchers: list[Callable[[Leg, Event], None]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    keyed: asyncio.Event = field(default_factory=asyncio.Event)  # a key was pressed, or none ever will be
    _redirect: Step | None = None
    _answered_at: float | None = None
    _seconds: float = 0.0

    def __post_init__(self) -> None:
        self.voice = Voice(self.sound.caller if self.customer else self.sound.agent)

    # -- state ----------------------------------------------------------------------------------------------

    @property
    def answered(self) -> bool:
        """Whether it was ever picked up."""
        return self._answered_at is not None

    def advance(self, status: Status) -> None:
        """Go on to ``status`` and tell the watchers. Nothing changes after the end."""
        if self.over.is_set() or status == self.status:
            return
        self.status = status
        if status in ENDED:
            self._end()
        event: Event | None = "completed" if status in ENDED else _EVENTS.get(status)
        for watcher in list(self.watchers) if event else ():
            watcher(self, event or "completed")

    def answer(self) -> None:
        """Pick up, unless somebody already has."""
        if not self.answered and not self.over.is_set():
            self._answered_at = self.clock.now()
            self.started = datetime.now(UTC)
            self.advance("in-progress")

    def hang_up(self, unanswered: Status = "no-answer") -> None:
        """End the leg, as ``unanswered`` if nobody ever picked up."""
        self.advance("completed" if self.answered else unanswered)

    def redirect(self, step: Step) -> None:
        """Leave the current document for ``step``."""
        self._redirect = step
        self.interrupted.set()
        self.keyed.set()

    def take_redirect(self) -> Step | None:
        """Return where it was redirected to; None if it was not."""
        step, self._redirect = self._redirect, None
        if not self.over.is_set():
            self.interrupted.clear()
        return None if self.over.is_set() else step

    def _end(self) -> None:
        self.ended = datetime.now(UTC)
        if self._answered_at is not None:
            self._seconds = self.clock.now() - self._answered_at
        for stream in self.streams.values():
            stream.stop()
        self.over.set()
        self.interrupted.set()
        self.keyed.set()

    # -- waiting --------------------------------------------------------------------------------------------

    async def survives(self, seconds: float) -> bool:
        """Wait simulated ``seconds``; whether the leg is still there."""
        return not await _happens(self.over, seconds / self.clock.speed)

    async def sleep(self, seconds: float) -> None:
        """Wait simulated ``seconds``. Raise `Interrupted`."""
        if await _happens(self.interrupted, seconds / self.clock.speed):
            raise Interrupted

    async def key(self, known: int, seconds: float) -> bool:
        """Wait simulated ``seconds`` for more than ``known`` keys; whether they came. Raise `Interrupted`."""
        if len(self.digits) <= known and not self.interrupted.is_set():
            self.keyed.clear()
            await _happens(self.keyed, seconds / self.clock.speed)
        if self.interrupted.is_set():
            raise Interrupted
        return len(self.digits) > known

    async def unless_interrupted(self, work: Coroutine[None, None, T]) -> T:
        """Return the outcome of ``work``, which raises nothing. Raise `Interrupted` if that comes first."""
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work)
            watching = group.create_task(self.interrupted.wait())
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            watching.cancel()
        if working.cancelled():
            raise Interrupted
        return working.result()

    # -- status callbacks -----------------------------------------------------------------------------------

    def speak_live(self, *, microphone: bool) -> None:
        """Let the person at this leg speak, unless a recording does so in their place."""
        recorded = self.sound.agent and not (microphone and self.sound.stand_in)
        if self.customer or (microphone and not recorded):
            self.voice = LiveVoice(self.clock)

    def accompany(self, customer: Leg) -> None:
        """Be the agent of ``customer``'s call: say what was recorded for that, as far as it has not been said yet."""
        if not self.sound.stand_in:
            return
        self.sound = customer.sound
        if isinstance(self.voice, LiveVoice) and (self.sound.stand_in or not self.sound.agent):
            return
        self.voice = Voice(self.sound.agent)
        if customer.voice.begins is not None:
            self.voice.begin(customer.voice.begins)

    def said(self, tick: int) -> str:
        """Return the frame of the inbound track: what this party says."""
        return self.voice.frame(tick)

    def press(self, digits: str) -> None:
        """Press keys during the call."""
        self.digits += digits.replace("w", "")
        self.keyed.set()
        if isinstance(self.voice, LiveVoice):
            for digit in digits:
                self.voice.press(digit)

    def heard(self, tick: int) -> str:
        """Return the frame of the outbound track: what Twilio plays to this party."""
        return SILENCE if self.hears is None else self.hears.frame(tick)

    def seconds(self) -> int:
        """CallDuration: from answer to end; 0 while it goes on."""
        return math.ceil(self._seconds)

    def talked(self) -> int:
        """Return seconds since the answer, until now or the end; 0 before it."""
        if self._answered_at is None or self.over.is_set():
            return self.seconds()
        return int(self.clock.now() - self._answered_at)

    def form(self) -> dict[str, str]:
        """Return the parameters that every voice webhook about this leg carries."""
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Direction": self.direction,
            "From": self.from_,
            "Caller": self.from_,
            "To": self.to,
            "Called": self.to,
        }
        parent = {} if self.parent is None else {"ParentCallSid": self.parent.sid}
        return form | parent | _places("From", self.from_) | _places("To", self.to)

    def webhook(self, url: str, method: str = "POST", fallback: str = "", **more: str) -> Webhook:
        """Return a request about this leg as it is now."""
        return Webhook(url, method, self.form() | more, fallback or self.fallback, self.fallback_method)

    def about(self, step: Step) -> Step:
        """Return ``step`` with this leg's parameters as they are now."""
        return self.webhook(step.url, step.method, step.fallback) if isinstance(step, Webhook) else step


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _places(whose: str, address: str) -> dict[str, str]:
    """Return what Twilio knows of a number: of an Australian one no more than its country."""
    if not address.startswith("+"):
        return {}
    country = "AU" if address.startswith("+61") else ""
    return {f"{whose}City": "", f"{whose}State": "", f"{whose}Zip": "", f"{whose}Country": country}
