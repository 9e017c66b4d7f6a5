"""The door to Transcribe's quota: a call waits here for a slot, and for its turn to open a connection.

A fresh AWS account has 25 concurrent streams and 25 starts a second, whoever starts them: so slots and starts are
shared by all nodes (slots.py decides, pulse.py carries it). A slot is held across reopenings: whoever had one keeps
it until its call ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from media.quota.allocator import Allocator
from media.quota.membership import Heartbeat, Membership

log = structlog.get_logger()


class Admission:
    """This process's calls in the line of all nodes. ``tell`` is given what the others must know at once."""

    def __init__(self, node: str, slots: int, *, least_nodes: int = 1) -> None:
        self.tell: Callable[[Heartbeat], None] = lambda _: None
        self.slots = Allocator(node, slots, time.monotonic(), least_nodes=least_nodes)
        self._loop = asyncio.get_running_loop()
        self._waiters: dict[int, asyncio.Future[None]] = {}
        self._calls = 0
        self._telling: asyncio.Handle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._rules = False

    @property
    def is_full(self) -> bool:
        """Whether somebody who asks now has to wait for another's slot."""
        return self.slots.is_full(time.monotonic())

    @property
    def rules(self) -> bool:
        """Whether this node is the warden."""
        return self._rules

    @property
    def roll(self) -> Membership:
        """The other nodes."""
        return self.slots.roll

    @asynccontextmanager
    async def slot(self, since_ms: int | None = None, patience: float | None = None) -> AsyncIterator[Slot]:
        """Hold a slot; entering waits for one, before all who came ``since_ms`` (1970) or later: now, if None.

        Raises TimeoutError after ``patience`` seconds.
        """
        number = self.slots.ask(_now_ms() if since_ms is None else since_ms)
        try:
            async with asyncio.timeout(patience):
                await self._granted(number)
            yield Slot(self)
        finally:
            self.slots.free(number)
            self.act()

    async def turn(self) -> None:
        """Wait until one more connection may be opened for a slot that is held."""
        number = self.slots.ask(_now_ms(), slot=False)
        try:
            await self._granted(number)
        finally:
            self.slots.free(number)
            self.act()

    def beat(self, calls: int) -> Heartbeat:
        """Once a second: what this node says of itself, with ``calls`` live on it."""
        self._calls = calls
        self.act()
        return self.slots.beat(calls)

    def hear(self, node: str, beat: Heartbeat) -> None:
        """``beat`` came from another node."""
        self.slots.hear(node, beat, time.monotonic())
        self.act()

    def connected(self) -> None:
        """NATS is there, or there again."""
        self.slots.connected(time.monotonic(), _now_ms())
        self.act()

    def lost(self) -> None:
        """NATS is gone, perhaps for a moment."""
        self.slots.lost()

    def alone(self) -> None:
        """NATS says that no other node listens."""
        self.slots.alone(time.monotonic())
        self.act()

    def proven(self) -> None:
        """NATS has answered."""
        self.slots.proven(time.monotonic())

    def act(self) -> None:
        """Grant what can be granted, wake whom it was granted to, let the others know."""
        now = time.monotonic()
        self.slots.tick(now)
        for number in self.slots.take_granted():
            waiter = self._waiters.get(number)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        if self.slots.changed:
            self.ask_to_tell()
        self._set_alarm(now)
        self._note_rule(now)

    def ask_to_tell(self) -> None:
        """Tell the others what is here; once for all that changes in this turn of the loop."""
        if self._telling is None:
            self._telling = self._loop.call_soon(self._tell)

    def close(self) -> Heartbeat:
        """Nothing is held any more; the node's last words."""
        for handle in (self._telling, self._alarm):
            if handle is not None:
                handle.cancel()
        return self.slots.farewell()

    async def _granted(self, number: int) -> None:
        waiter = self._waiters[number] = self._loop.create_future()
        try:
            self.act()
            await waiter
        finally:
            del self._waiters[number]

    def _tell(self) -> None:
        self._telling = None
        self.tell(self.slots.beat(self._calls))

    def _set_alarm(self, now: float) -> None:
        due = self.slots.due(now)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if due is None else self._loop.call_later(due - now, self.act)

    def _note_rule(self, now: float) -> None:
        rules = self.slots.rules(now)
        if rules != self._rules:
            self._rules = rules
            log.info("slots given out here" if rules else "slots not given out here any longer")


class Slot:
    """A slot that is held. The right to a first start came with it; each further one waits for its turn."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._started = False

    async def start(self) -> None:
        """Wait until a connection may be opened."""
        if self._started:
            await self._admission.turn()
        self._started = True


def _now_ms() -> int:
    return round(time.time() * 1000)
