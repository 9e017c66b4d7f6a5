"""Admit calls to Transcribe: a call waits here for a slot, and for its turn to open a connection.

A fresh AWS account allows 25 concurrent streams and 25 starts a second for all processes together, so slots and
starts are shared by all nodes (`media.quota.allocator` decides, `media.quota.heartbeat` carries the messages). A call
keeps its slot when it reopens its connection; the slot is free when the call ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from media.quota.allocator import Allocator
from media.quota.membership import Membership
from protocol.messages import Heartbeat

log = structlog.get_logger()


class Admission:
    """Queue this process's calls for slots.

    ``announce`` is called with each heartbeat that the other nodes need at once.
    """

    def __init__(self, node: str, slots: int, *, least_nodes: int = 1) -> None:
        self.announce: Callable[[Heartbeat], None] = lambda _: None
        self.slots = Allocator(node, slots, time.monotonic(), least_nodes=least_nodes)
        self._loop = asyncio.get_running_loop()
        self._waiters: dict[int, asyncio.Future[None]] = {}
        self._calls = 0
        self._announcement: asyncio.Handle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._is_leader = False

    @property
    def is_full(self) -> bool:
        """Whether a new request has to wait until another call gives its slot back."""
        return self.slots.is_full(time.monotonic())

    @property
    def is_leader(self) -> bool:
        """Whether this node grants the slots."""
        return self._is_leader

    @property
    def membership(self) -> Membership:
        """The other live nodes."""
        return self.slots.membership

    @asynccontextmanager
    async def slot(self, since_ms: int | None = None, patience: float | None = None) -> AsyncIterator[Slot]:
        """Hold a slot for as long as the block runs.

        Entering waits, ahead of every request with a later ``since_ms`` (ms since 1970; None means now).
        Raise TimeoutError after ``patience`` seconds.
        """
        number = self.slots.ask(_now_ms() if since_ms is None else since_ms)
        try:
            async with asyncio.timeout(patience):
                await self._granted(number)
            yield Slot(self)
        finally:
            self.slots.free(number)
            self.update()

    async def turn(self) -> None:
        """Wait until one more connection may be opened for a slot that is already held."""
        number = self.slots.ask(_now_ms(), slot=False)
        try:
            await self._granted(number)
        finally:
            self.slots.free(number)
            self.update()

    def heartbeat(self, calls: int) -> Heartbeat:
        """Return this node's heartbeat, with ``calls`` live calls. Called once a second."""
        self._calls = calls
        self.update()
        return self.slots.heartbeat(calls)

    def receive(self, node: str, heartbeat: Heartbeat) -> None:
        """Handle a heartbeat of another node."""
        self.slots.receive(node, heartbeat, time.monotonic())
        self.update()

    def connected(self) -> None:
        """Handle a new or restored connection to NATS."""
        self.slots.connected(time.monotonic(), _now_ms())
        self.update()

    def lost(self) -> None:
        """Handle a lost connection to NATS."""
        self.slots.lost()

    def no_other_nodes(self) -> None:
        """Handle NATS's report that no other media node is subscribed."""
        self.slots.no_other_nodes(time.monotonic())
        self.update()

    def confirmed(self) -> None:
        """Handle an answer from NATS: the connection works."""
        self.slots.confirmed(time.monotonic())

    def update(self) -> None:
        """Grant what can be granted, wake the calls that got it, and announce what changed."""
        now = time.monotonic()
        self.slots.tick(now)
        for number in self.slots.take_granted():
            waiter = self._waiters.get(number)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        if self.slots.changed:
            self.request_announcement()
        self._set_alarm(now)
        self._track_leadership(now)

    def request_announcement(self) -> None:
        """Announce this node's state soon: once for all changes of this turn of the event loop."""
        if self._announcement is None:
            self._announcement = self._loop.call_soon(self._announce)

    def close(self) -> Heartbeat:
        """Stop, and return the last heartbeat: this node holds nothing any more."""
        for handle in (self._announcement, self._alarm):
            if handle is not None:
                handle.cancel()
        return self.slots.last_heartbeat()

    async def _granted(self, number: int) -> None:
        waiter = self._waiters[number] = self._loop.create_future()
        try:
            self.update()
            await waiter
        finally:
            del self._waiters[number]

    def _announce(self) -> None:
        self._announcement = None
        self.announce(self.slots.heartbeat(self._calls))

    def _set_alarm(self, now: float) -> None:
        due = self.slots.due(now)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if due is None else self._loop.call_later(due - now, self.update)

    def _track_leadership(self, now: float) -> None:
        leads = self.slots.is_leader(now)
        if leads != self._is_leader:
            self._is_leader = leads
            log.info("became slot leader" if leads else "no longer slot leader")


class Slot:
    """A slot that is held. It includes the right to the first start; each further start waits for its turn."""

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
