"""`<Dial>`: ring everybody, connect the first who answers, say afterwards how it went.

Callees are browsers with a registered Device, or simulated (`Behaviour`). A callee with a ``url`` hears that document
first, and is connected only if still there after it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from sandbox.audio import voice as sound
from sandbox.audio.voice import Voice
from sandbox.twilio.phone import bridge
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Leg, Status, Step
from sandbox.twilio.phone.verbs import Dial, Noun
from sandbox.twilio.webhooks.request import Failure

Follow = Callable[[Exchange, Leg, Step], Awaitable[None]]

_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_CALLER_ID = "Dial: Invalid callerId value"
_CALLER_ID_MISSING = "callerId must be provided for TwilioClient and SIP calls when using Dial"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a `<Dial>` ended; ``callee`` is the leg that answered, or the last one tried."""

    status: Status
    callee: Leg | None = None
    failure: Failure | None = None

    def form(self) -> dict[str, str]:
        """Return parameters for the action URL."""
        form = {"DialCallStatus": self.status, "DialBridged": str(self.status == "completed").lower()}
        if self.callee is not None:
            form["DialCallSid"] = self.callee.sid
        if self.callee is not None and self.status == "completed":
            form["DialCallDuration"] = str(self.callee.seconds())
        if self.failure is not None:
            form |= {"ErrorCode": str(self.failure.code), "ErrorMessage": self.failure.text}
        return form


async def dial(exchange: Exchange, leg: Leg, verb: Dial, base: str, follow: Follow) -> Outcome:
    """Obey ``verb`` for ``leg``; it ends early when the leg does.

    ``follow`` obeys a callee's own document, whose URL may be relative to ``base``.
    """
    failure = _caller_id_refused(exchange, leg, verb)
    if failure is not None:
        exchange.report(failure, leg)
        return Outcome("failed", failure=failure)
    if not verb.answer_on_bridge:
        leg.answer()
    # A phone whose call is not answered hears the ringing from its own exchange; a browser has none but Twilio.
    leg.hears = _ringing(exchange) if leg.answered or leg.from_.startswith("client:") else None
    try:
        return await _dial_batches(_Dialling(exchange, leg, verb, base, follow))
    finally:
        leg.hears = None


async def ring(exchange: Exchange, leg: Leg) -> bool:
    """Ring the party at ``leg``'s end; whether it answered. If not, the leg is over."""
    leg.advance("initiated")
    leg.advance("ringing")
    if exchange.softphones.registered(leg.to):
        return await exchange.softphones.ring(leg)
    behaviour = exchange.behaviour_of(leg.to)
    if behaviour.does == "never":
        await leg.over.wait()
    elif await leg.survives(behaviour.after):
        _take(leg, behaviour.does)
    return leg.answered and not leg.over.is_set()


async def first_of(seconds: float, *works: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of ``works`` to end, for at most ``seconds`` of the wall's clock; the rest are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _dial_batches(dialling: _Dialling) -> Outcome:
    nouns = dialling.verb.nouns
    outcome = Outcome("failed")
    for batch in [(noun,) for noun in nouns] if dialling.verb.sequential else [nouns]:
        outcome = await dialling.attempt(batch)
        if outcome.status == "completed" or dialling.leg.interrupted.is_set():
            break
    return outcome


@dataclass(slots=True)
class _Dialling:
    exchange: Exchange
    leg: Leg
    verb: Dial
    base: str
    follow: Follow

    async def attempt(self, nouns: tuple[Noun, ...]) -> Outcome:
        """Ring ``nouns`` all at once; talk to the first who answers."""
        callees = [self._callee(noun) for noun in nouns]
        won: list[Leg] = []
        try:
            ringing = self._reach_all(nouns, callees, won)
            await first_of(self._wall(self.verb.timeout), ringing, self.leg.interrupted.wait())
            if not won:
                return self._nobody(callees)
            return await self._talk(won[0])
        finally:
            for callee in callees:
                callee.hang_up("canceled")

    def _callee(self, noun: Noun) -> Leg:
        callee = self.exchange.leg(
            "outbound-dial",
            self.verb.caller_id or self.leg.from_,
            noun.to,
            parent=self.leg,
            sound=self.leg.sound,
            customer=not self.leg.customer,
            faults=self.leg.faults,
            parameters_in=noun.parameters,
        )
        method, events = noun.status_callback_method, noun.status_callback_events
        self.exchange.report_to(callee, noun.status_callback, method, events)
        return callee

    async def _reach_all(self, nouns: tuple[Noun, ...], callees: list[Leg], won: list[Leg]) -> None:
        async with asyncio.TaskGroup() as group:
            for noun, callee in zip(nouns, callees, strict=True):
                group.create_task(self._reach(noun, callee, callees, won))

    async def _reach(self, noun: Noun, callee: Leg, callees: list[Leg], won: list[Leg]) -> None:
        if not await ring(self.exchange, callee):
            return
        if noun.url:
            await self.follow(self.exchange, callee, callee.webhook(urljoin(self.base, noun.url), noun.method))
        if callee.over.is_set() or won:
            return
        won.append(callee)
        for other in callees:
            if other is not callee:
                other.hang_up("canceled")

    def _nobody(self, callees: list[Leg]) -> Outcome:
        given_up: Status = "canceled" if self.leg.interrupted.is_set() else "no-answer"
        for callee in callees:
            callee.hang_up(given_up)
        ends = {callee.status for callee in callees}
        reported: tuple[Status, ...] = ("canceled", "no-answer", "busy", "failed")
        return Outcome(next((status for status in reported if status in ends), "no-answer"), callees[-1])

    async def _talk(self, callee: Leg) -> Outcome:
        self.leg.answer()
        bridge.join(self.exchange, self.leg, callee)
        limit = self._wall(self.verb.time_limit)
        await first_of(limit, callee.over.wait(), self.leg.interrupted.wait())
        bridge.part(self.leg, callee)
        callee.hang_up()
        return Outcome("completed", callee)

    def _wall(self, seconds: float) -> float:
        return seconds / self.exchange.clock.speed


def _take(leg: Leg, does: str) -> None:
    match does:
        case "busy":
            leg.hang_up("busy")
        case "fails":
            leg.hang_up("failed")
        case _:
            leg.answer()


def _caller_id_refused(exchange: Exchange, leg: Leg, verb: Dial) -> Failure | None:
    # "callerId must be the calling number, called number, or a validated outgoing number. Additionally, if the
    # calling leg is a client leg, the caller ID is required and must be a validated outgoing number."
    if all(noun.to.startswith("client:") for noun in verb.nouns):
        return None
    client = leg.from_.startswith("client:")
    if not verb.caller_id:
        if client:
            return Failure(13214, f"{_CALLER_ID}: {_CALLER_ID_MISSING}")
        # Without the attribute it is the caller's own, and who withholds theirs has none that a telephone could show.
        return None if _E164.fullmatch(leg.from_) else Failure(13214, f"{_CALLER_ID}: {leg.from_}")
    if exchange.number(verb.caller_id) or (not client and verb.caller_id in (leg.from_, leg.to)):
        return None
    return Failure(13214, f"{_CALLER_ID}: {verb.caller_id}")


def _ringing(exchange: Exchange) -> Voice | None:
    if not exchange.settings.tones:
        return None
    tone = Voice(sound.ringing(), repeats=True)
    tone.begin(exchange.clock.tick())
    return tone
