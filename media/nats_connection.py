"""One connection to NATS that restores itself. Publishing never waits: a bounded queue holds what is to be sent.

nats-py reconnects by itself. This adds what it lacks: a first connection that may take any time, a new client after
an error that ends the old one, and prompt cancellation.
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

MAX_QUEUED = 4096
CLOSE_SECONDS = 2.0
_RESTART_SECONDS = 1.0
_BROKEN = (OSError, NatsError, TimeoutError, RuntimeError)  # RuntimeError: uvloop, for a closed transport
log = structlog.get_logger()


class NatsConnection:
    """Call ``connected`` with the client after each new connection, ``restored`` after nats-py's own reconnection."""

    def __init__(
        self, url: str, connected: Callable[[Client], Awaitable[None]], restored: Callable[[], Awaitable[None]]
    ) -> None:
        self.client: Client | None = None
        self.lost: Callable[[], None] = lambda: None  # called when the connection is lost
        self._url = url
        self._connected = connected
        self._restored = restored
        self._queue: deque[tuple[str, bytes, str]] = deque(maxlen=MAX_QUEUED)
        self._has_messages, self._room = asyncio.Event(), asyncio.Event()
        self._last_error = ""

    @property
    def is_connected(self) -> bool:
        return self.client is not None and self.client.is_connected

    def publish_later(self, subject: str, body: bytes, reply: str = "") -> None:
        """Queue a message for sending. A full queue drops its oldest message."""
        if len(self._queue) == MAX_QUEUED:
            BUS_DROPPED.inc()
        self._queue.append((subject, body, reply))
        self._has_messages.set()

    async def wait_for_room(self) -> None:
        """Wait until at most half of the queue is taken. Call it before queueing many messages."""
        if len(self._queue) > MAX_QUEUED // 2:
            self._room.clear()
            with suppress(TimeoutError):  # while NATS is away, nothing is sent
                await asyncio.wait_for(self._room.wait(), CLOSE_SECONDS)

    async def publish(self, subject: str, body: bytes) -> None:
        """Send at once, ahead of the queue; for use before closing. Do nothing without a connection."""
        if self.client is not None and self.client.is_connected:
            with suppress(*_BROKEN):
                await self.client.publish(subject, body)

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        while True:
            try:
                await self._serve()
            except Exception:  # an error of the client library must not end calls
                log.exception("NATS client failed")
            await asyncio.sleep(_RESTART_SECONDS)

    async def _serve(self) -> None:
        """Run one client: connect, send what is queued, until nats-py closes it."""
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
                error_cb=self._on_error,
                reconnected_cb=self._on_restored,
                disconnected_cb=on_lost,
                closed_cb=on_closed,
            )
            _raise_if_cancelled()
            await self._connected(client)
            _raise_if_cancelled()
            self._last_error = ""
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
            await self._has_messages.wait()
            self._has_messages.clear()
            while self._queue:
                subject, body, reply = self._queue.popleft()
                if len(self._queue) <= MAX_QUEUED // 2:
                    self._room.set()
                try:
                    await client.publish(subject, body, reply=reply)
                except NatsError:  # disconnected, and nats-py's own buffer is full
                    BUS_DROPPED.inc()

    async def _on_error(self, error: Exception) -> None:
        """Log each kind of error once until the next connection: nats-py tries five times a second."""
        _raise_if_cancelled()
        if type(error).__name__ != self._last_error:
            self._last_error = type(error).__name__
            log.warning("NATS error", error=self._last_error)

    async def _on_restored(self) -> None:
        self._last_error = ""
        log.info("NATS reconnected")
        await self._restored()


def _raise_if_cancelled() -> None:
    """Raise CancelledError if the running task was cancelled but has not noticed.

    nats-py awaits in ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that meets a result. Its retry
    loop would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
