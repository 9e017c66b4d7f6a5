"""One connection to NATS, always being restored. Publishing never waits: a bounded queue holds what is to be sent.

nats-py reconnects by itself; this adds what it lacks: a first connection that may take for ever, a start anew after
whatever ends it, and an end that comes when it is asked for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from media.metrics import BUS_DROPPED

MOST_WAITING = 4096
CLOSE_SECONDS = 2.0
_RESTART_SECONDS = 1.0
_BROKEN = (OSError, NatsError, TimeoutError, RuntimeError)  # the last by uvloop's transports that are gone already
log = structlog.get_logger()


class NatsConnection:
    """``connected`` is called with the client when a connection stands, ``restored`` when nats-py found it again."""

    def __init__(
        self, url: str, connected: Callable[[Client], Awaitable[None]], restored: Callable[[], Awaitable[None]]
    ) -> None:
        self.client: Client | None = None
        self.lost: Callable[[], None] = lambda: None  # called when a connection has gone
        self._url = url
        self._connected = connected
        self._restored = restored
        self._waiting: deque[tuple[str, bytes, str]] = deque(maxlen=MOST_WAITING)
        self._something, self._room = asyncio.Event(), asyncio.Event()
        self._trouble = ""

    @property
    def is_connected(self) -> bool:
        return self.client is not None and self.client.is_connected

    def offer(self, subject: str, body: bytes, reply: str = "") -> None:
        """Send when there is a connection; the oldest goes when too much waits."""
        if len(self._waiting) == MOST_WAITING:
            BUS_DROPPED.inc()
        self._waiting.append((subject, body, reply))
        self._something.set()

    async def room(self) -> None:
        """Wait until less than half of the queue is taken: before offering more than a little."""
        if len(self._waiting) > MOST_WAITING // 2:
            self._room.clear()
            with suppress(TimeoutError):  # while NATS is away, nothing goes
                await asyncio.wait_for(self._room.wait(), CLOSE_SECONDS)

    async def publish(self, subject: str, body: bytes) -> None:
        """Send at once, before an end: what is offered would be left behind. Nothing if there is no connection."""
        if self.client is not None and self.client.is_connected:
            with suppress(*_BROKEN):
                await self.client.publish(subject, body)

    async def run(self) -> None:
        """Be connected, however long that takes and however it ends, until cancelled."""
        while True:
            try:
                await self._serve()
            except Exception:  # whatever the client library does, calls go on
                log.exception("bus failed")
            await asyncio.sleep(_RESTART_SECONDS)

    async def _serve(self) -> None:
        """One client's life: connect, send what waits, until nats-py gives it up."""
        self.client = client = Client()
        closed = asyncio.Event()

        async def on_closed() -> None:
            closed.set()

        async def on_lost() -> None:
            self.lost()

        try:
            await client.connect(
                self._url,
                name="media",
                no_echo=True,
                connect_timeout=2,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,  # type: ignore[arg-type]  # a float works; its annotation is narrow
                pending_size=1 << 20,
                error_cb=self._note_trouble,
                reconnected_cb=self._note_restored,
                disconnected_cb=on_lost,
                closed_cb=on_closed,
            )
            _heed_cancellation()
            await self._connected(client)
            _heed_cancellation()
            self._trouble = ""
            await self._send_until(client, closed)
        finally:
            with suppress(*_BROKEN):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.close()

    async def _send_until(self, client: Client, closed: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_waiting(client))
            await closed.wait()
            sending.cancel()

    async def _send_waiting(self, client: Client) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                subject, body, reply = self._waiting.popleft()
                if len(self._waiting) <= MOST_WAITING // 2:
                    self._room.set()
                try:
                    await client.publish(subject, body, reply=reply)
                except NatsError:  # away, and its buffer is full
                    BUS_DROPPED.inc()

    async def _note_trouble(self, error: Exception) -> None:
        """Log each kind of trouble once until the next connection: an absent server is tried five times a second."""
        _heed_cancellation()
        if type(error).__name__ != self._trouble:
            self._trouble = type(error).__name__
            log.warning("bus trouble", error=self._trouble)

    async def _note_restored(self) -> None:
        self._trouble = ""
        log.info("bus restored")
        await self._restored()


def _heed_cancellation() -> None:
    """Stop if the running task was told to, even if it has not noticed.

    nats-py awaits in ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that meets a result; its loop
    of attempts would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
