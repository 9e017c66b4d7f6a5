"""Status callbacks: who hears of a leg's events, and how they are delivered.

Each call's callbacks go out one after the other. Twilio promises neither order nor once-only delivery; the knobs
make both failures happen on purpose.
"""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.twilio.faults import FAITHFUL, CallbackFaults
from sandbox.twilio.phone.leg import ENDED, Leg, Status
from sandbox.twilio.phone.verbs import Event
from sandbox.twilio.webhooks.request import Failure, Webhook, Webhooks

JUMBLE_HOLD = 0.3  # seconds that callbacks wait for others to be mixed up with
MAX_WAITING = 1000  # callbacks of one call; more are dropped, as an outage would
_SIP: dict[Status, str] = {"completed": "200", "busy": "486", "failed": "404", "no-answer": "487", "canceled": "487"}


class Callbacks:
    """Delivers in the background, one call (or conference) at a time. ``faults`` may be changed while it runs."""

    def __init__(
        self,
        webhooks: Webhooks,
        spawn: Callable[[Coroutine[None, None, None]], object],
        report: Callable[[Failure], None],
        *,
        faults: CallbackFaults = FAITHFUL,
        seed: int = 0,
    ) -> None:
        self.faults = faults
        self._webhooks = webhooks
        self._spawn = spawn
        self._report = report
        self._random = random.Random(seed)
        self._waiting: dict[str, deque[Webhook]] = {}

    def send(self, key: str, webhook: Webhook) -> None:
        """Deliver ``webhook`` after those of ``key`` (a call or conference) that still wait."""
        if self._happens(self.faults.lost):
            return
        if key not in self._waiting:
            self._waiting[key] = deque(maxlen=MAX_WAITING)
            self._spawn(self._deliver(key))
        self._waiting[key].append(webhook)

    async def _deliver(self, key: str) -> None:
        waiting = self._waiting[key]
        try:
            while waiting:
                await asyncio.sleep(max(self.faults.late, JUMBLE_HOLD if self.faults.jumbled else 0))
                for _ in range(len(waiting)):
                    await self._post(self._next(waiting))
        finally:
            del self._waiting[key]

    def _next(self, waiting: deque[Webhook]) -> Webhook:
        if self.faults.jumbled:
            waiting.rotate(-self._random.randrange(len(waiting)))
        return waiting.popleft()

    async def _post(self, webhook: Webhook) -> None:
        token = str(uuid.uuid4())
        for _ in range(2 if self._happens(self.faults.doubled) else 1):
            answer = await self._webhooks.ask(webhook, token)
            if isinstance(answer, Failure):
                self._report(_failed(webhook, answer))

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate


def _failed(webhook: Webhook, answer: Failure) -> Failure:
    if "ConferenceSid" in webhook.form:
        return Failure(16011, f"Conference Event: Error Response to Callback URL ({answer.text})", webhook.url)
    return Failure(15003, f"Call Progress: Warning Response to Callback URL ({answer.text})", webhook.url)


def subscribe(callbacks: Callbacks, leg: Leg, url: str, method: str, events: frozenset[Event]) -> None:
    """Report ``events`` of ``leg`` to ``url``, numbered from 0. An empty ``url`` reports to nobody."""
    sequence = 0

    def watch(leg: Leg, event: Event) -> None:
        nonlocal sequence
        if event in events:
            callbacks.send(leg.sid, leg.webhook(url, method, **_progress(leg, sequence)))
            sequence += 1

    if url:
        leg.watchers.append(watch)


def _progress(leg: Leg, sequence: int) -> dict[str, str]:
    form = {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": format_datetime(datetime.now(UTC)),
    }
    return form | _outcome(leg) if leg.status in ENDED else form


def _outcome(leg: Leg) -> dict[str, str]:
    """Return seconds and minutes that were talked, and how the carrier put it."""
    seconds = leg.seconds()
    return {
        "CallDuration": str(seconds),
        "Duration": str(math.ceil(seconds / 60)),
        "SipResponseCode": _SIP[leg.status],
    }
