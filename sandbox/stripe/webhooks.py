"""Events on their way to the endpoint: signed, repeated until they are taken, twice or jumbled on request."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import aiohttp
from stripe import WebhookSignature

from runtime.answers import first_bytes
from sandbox.stripe.account import Account, Object

SECONDS = 20.0  # an answer is waited for
REORDER_HOLD = 0.3  # seconds that events wait for others to be mixed up with
MAX_WAITING = 1000  # more are dropped, as a long outage would
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: ``status`` is HTTP's, 0 when nobody answered."""

    event: str
    kind: str
    attempt: int
    status: int
    text: str


class Webhooks:
    """Delivers the events of one account in the background, oldest first."""

    def __init__(
        self,
        account: Account,
        http: aiohttp.ClientSession,
        spawn: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._account = account
        self._http = http
        self._spawn = spawn
        self._manner = account.settings.manner
        self._random = random.Random(self._manner.seed)
        self._waiting: deque[tuple[Object, int]] = deque(maxlen=MAX_WAITING)
        self._under_way = 0  # events not yet taken or given up
        self._running = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.log: deque[Delivery] = deque(maxlen=_SHOWN)

    def send(self, event: Object) -> None:
        """Deliver ``event`` after those that wait, if the endpoint asked for its kind."""
        wanted = self._account.settings.enabled_events
        if self._account.settings.webhook_url and (event["type"] in wanted or "*" in wanted):
            for _ in range(2 if self._random.random() < self._manner.duplicate else 1):
                self._under_way += 1
                self._queue(event, 1)

    async def settled(self, seconds: float = 30.0) -> None:
        """Wait until every event was taken, or given up. Raise `TimeoutError`."""
        async with asyncio.timeout(seconds):
            await self._idle.wait()

    def _queue(self, event: Object, attempt: int) -> None:
        self._idle.clear()
        if len(self._waiting) == MAX_WAITING:
            self._done()  # for the oldest, which falls out
        self._waiting.append((event, attempt))
        if not self._running:
            self._running = True
            self._spawn(self._deliver())

    async def _deliver(self) -> None:
        try:
            await asyncio.sleep(REORDER_HOLD if self._manner.reorder else 0)
            while self._waiting:
                if self._manner.reorder:
                    self._waiting.rotate(-self._random.randrange(len(self._waiting)))
                event, attempt = self._waiting.popleft()
                await self._try(event, attempt)
        finally:
            self._running = False

    async def _try(self, event: Object, attempt: int) -> None:
        status, text = await self._post(event)
        self.log.append(Delivery(event["id"], event["type"], attempt, status, text))
        pauses = self._manner.retry_seconds
        if 200 <= status < 300:
            event["pending_webhooks"], self._account.dirty = 0, True
            self._done()
        elif attempt > len(pauses):
            self._done()
        else:
            self._spawn(self._later(event, attempt, pauses[attempt - 1]))

    async def _later(self, event: Object, attempt: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._queue(event, attempt + 1)

    def _done(self) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self._idle.set()

    async def _post(self, event: Object) -> tuple[int, str]:
        payload = json.dumps(event, indent=2, ensure_ascii=False)
        signature = WebhookSignature.generate_signature_header(payload, self._account.settings.webhook_secret)
        headers = {
            "Stripe-Signature": signature,
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with self._http.post(
                self._account.settings.webhook_url,
                data=payload.encode(),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                allow_redirects=False,
            ) as response:
                return response.status, (await first_bytes(response, 500)).decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, type(error).__name__
