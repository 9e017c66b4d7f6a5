"""One connection to NATS that restores itself. Publishing never waits: a bounded queue holds what is to be sent.

nats-py reconnects by itself. This adds what it lacks: a first connection that may take any time, a new client after
an error that ends the old one, prompt cancellation, and proof that NATS has processed what was sent to it.

The proof is an echo: a message on a subject to which nobody subscribes. NATS answers it itself ("no responders"), in
order: what was subscribed or published before is done. A server that is stalled keeps its sockets open and answers
nothing. (nats-py's own `flush` does not do: its PING overtakes data that is not written yet, and one that is
cancelled breaks the connection when the late PONG arrives.)
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from protocol.messages import MEDIA_ECHO, WEB_ECHO
from runtime import background
from runtime.settings import nats_servers

MAX_QUEUED = 4096
CLOSE_SECONDS = 2.0
_RESTART_SECONDS = 1.0
_BROKEN = (OSError, NatsError, TimeoutError, RuntimeError)  # RuntimeError: uvloop, for a closed transport
_NO_RESPONDERS = "503"
_DENIED = re.compile(r'permissions violation for (?:publish|subscription) (?:to )?"([^"]+)"')
_log = structlog.get_logger(__name__)


def is_no_responders(message: Msg) -> bool:
    """Return whether NATS itself answers that nobody subscribes to what was asked."""
    return (message.headers or {}).get("Status") == _NO_RESPONDERS


@dataclass(frozen=True, slots=True)
class Echo:
    """How a process asks NATS for an echo, every ``seconds``."""

    subject: str
    inbox_prefix: str = "_INBOX"
    seconds: float = 1.0


MEDIA = Echo(MEDIA_ECHO.all)
WEB = Echo(WEB_ECHO.all, inbox_prefix=WEB_ECHO.all, seconds=0.25)


class NatsConnection:
    """A connection to NATS at ``url``, named ``name`` in its log. `run` it in a task of its own.

    ``url`` may be a comma-separated list, of which the first URL that NATS accepts is used: while a password is
    replaced, one with the old password and one with the new.

    ``sent`` and ``dropped`` are called for each queued message that was handed to NATS, or that found no room.
    """

    def __init__(
        self,
        url: str,
        name: str,
        echo: Echo | None = None,
        *,
        most_queued: int = MAX_QUEUED,
        sent: Callable[[], object] = lambda: None,
        dropped: Callable[[], object] = lambda: None,
    ) -> None:
        self.client: Client | None = None
        self.confirmed_once = asyncio.Event()
        """Set at the first echo: NATS has our subscriptions. Never cleared."""
        self.confirmed_at = 0.0
        """When the newest echo that came back was asked for, in seconds of `time.monotonic`; 0 before the first."""
        self.denied: set[str] = set()
        """Subjects that NATS does not let us publish or subscribe to, as far as it was tried."""
        self._servers, self._name, self._echo = nats_servers(url), name, echo
        self._sent, self._dropped = sent, dropped
        self._subscribe: list[Callable[[Client], Awaitable[None]]] = []
        self._restored: list[Callable[[], None]] = []
        self._lost: list[Callable[[], None]] = []
        self._confirmed: list[Callable[[], None]] = []
        self._queue: deque[tuple[str, bytes, str]] = deque()
        self._most_queued = most_queued
        self._has_messages, self._room = asyncio.Event(), asyncio.Event()
        self._inbox = ""
        self._last_error = ""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self.client is not None and self.client.is_connected

    def attach(
        self,
        *,
        subscribe: Callable[[Client], Awaitable[None]] | None = None,
        restored: Callable[[], None] | None = None,
        lost: Callable[[], None] | None = None,
        confirmed: Callable[[], None] | None = None,
    ) -> None:
        """Add callbacks; all are called in the order in which they were attached.

        ``subscribe`` with each new client, ``restored`` after nats-py's own reconnection, which keeps subscriptions,
        ``lost`` when the connection is lost, ``confirmed`` with each echo.
        """
        self._subscribe += [subscribe] if subscribe else []
        self._restored += [restored] if restored else []
        self._lost += [lost] if lost else []
        self._confirmed += [confirmed] if confirmed else []

    def publish_later(self, subject: str, body: bytes, reply: str = "") -> None:
        """Queue a message for sending. Never waits, never raises. A full queue drops its oldest message."""
        if len(self._queue) == self._most_queued:
            self._queue.popleft()
            self._dropped()
        self._queue.append((subject, body, reply))
        self._has_messages.set()

    def publish_now_or_never(self, subject: str, body: bytes, reply: str = "") -> None:
        """Queue a message that would be wrong later: while disconnected it is dropped."""
        if self.is_connected:
            self.publish_later(subject, body, reply)

    def discard_queue(self) -> None:
        """Send nothing of what is queued."""
        self._queue.clear()

    async def wait_for_room(self) -> None:
        """Wait until at most half of the queue is taken. Call it before queueing many messages."""
        if len(self._queue) > self._most_queued // 2:
            self._room.clear()
            with suppress(TimeoutError):  # while NATS is away, nothing is sent
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._room.wait()

    async def publish(self, subject: str, body: bytes) -> None:
        """Send at once, ahead of the queue; for use before closing. Do nothing without a connection."""
        if self.client is not None and self.client.is_connected:
            with suppress(*_BROKEN):
                await self.client.publish(subject, body)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep a connection until the block ends. Entering does not wait for NATS: see `confirmed_once`."""
        async with background.running(self.run()):
            yield

    async def is_confirmed_within(self, seconds: float) -> bool:
        """Wait for the first echo. Return whether it came within ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.confirmed_once.wait()
        return self.confirmed_once.is_set()

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        while True:
            try:
                await self._serve()
            except (OSError, NatsError, TimeoutError) as error:
                self._note_error(error)
            except Exception:  # an error of the client library must not end the process
                _log.exception("NATS client failed")
            await asyncio.sleep(_RESTART_SECONDS)

    async def _serve(self) -> None:
        """Run one client: connect, subscribe, and send what is queued until nats-py closes it."""
        client, closed = Client(), asyncio.Event()
        try:
            await self._connect(client, closed)
            _raise_if_cancelled()
            self.client = client
            for subscribe in self._subscribe:
                await subscribe(client)
            await self._subscribe_to_echoes(client)
            _raise_if_cancelled()
            self._last_error = ""
            await self._work_until(client, closed)
        finally:
            with suppress(*_BROKEN):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await client.close()

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        """Connect, and let nats-py reconnect, for ever. ``closed`` is set when it gives up all the same."""

        async def on_closed() -> None:
            closed.set()

        await client.connect(
            self._servers,
            dont_randomize=True,
            name=self._name,
            no_echo=True,
            connect_timeout=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # a float works; its annotation is narrow
            ping_interval=10,
            pending_size=1 << 20,
            flush_timeout=CLOSE_SECONDS,
            inbox_prefix=self._echo.inbox_prefix if self._echo else "_INBOX",
            error_cb=self._on_error,
            reconnected_cb=self._on_restored,
            disconnected_cb=self._on_lost,
            closed_cb=on_closed,
        )

    async def _work_until(self, client: Client, closed: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(part) for part in (self._send_queued(client), self._ask_for_echoes())]
            await closed.wait()
            for task in work:
                task.cancel()

    async def _send_queued(self, client: Client) -> None:
        while True:
            await self._has_messages.wait()
            self._has_messages.clear()
            while self._queue:
                subject, body, reply = self._queue.popleft()
                if len(self._queue) <= self._most_queued // 2:
                    self._room.set()
                try:
                    await client.publish(subject, body, reply=reply)
                except NatsError:  # disconnected, and nats-py's own buffer is full
                    self._dropped()
                else:
                    self._sent()

    async def _subscribe_to_echoes(self, client: Client) -> None:
        if self._echo is not None:
            self._inbox = client.new_inbox()
            await client.subscribe(f"{self._inbox}.*", cb=self._on_echo)

    async def _ask_for_echoes(self) -> None:
        """Ask again and again; the inbox says when each echo was asked for."""
        while self._echo is not None:
            asked_at = round(time.monotonic() * 1000)
            self.publish_now_or_never(self._echo.subject, b"", f"{self._inbox}.{asked_at}")
            await asyncio.sleep(self._echo.seconds)

    async def _on_echo(self, message: Msg) -> None:
        if is_no_responders(message):
            self._confirm(int(message.subject.rpartition(".")[2]) / 1000)

    def _confirm(self, asked_at: float) -> None:
        if not self.confirmed_once.is_set():
            self.confirmed_once.set()
            _log.info("NATS connected")
        self.confirmed_at = max(self.confirmed_at, asked_at)
        for confirmed in self._confirmed:
            confirmed()

    async def _on_error(self, error: Exception) -> None:
        _raise_if_cancelled()
        denied = _DENIED.search(str(error).lower())
        if denied is not None:
            self.denied.add(denied[1])
            if self._echo is not None and denied[1] == self._echo.subject.lower():
                self._confirm(time.monotonic() - self._echo.seconds)  # rules of an older release: an answer, too
        self._note_error(error)

    def _note_error(self, error: Exception) -> None:
        """Log each kind of error once until the next connection: nats-py tries five times a second."""
        if type(error).__name__ != self._last_error:
            self._last_error = type(error).__name__
            _log.warning("NATS error", error=self._last_error)

    async def _on_lost(self) -> None:
        for lost in self._lost:
            lost()

    async def _on_restored(self) -> None:
        self._last_error = ""
        _log.info("NATS reconnected")
        for restored in self._restored:
            restored()


def _raise_if_cancelled() -> None:
    """Raise CancelledError if the running task was cancelled but has not noticed.

    nats-py awaits in ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that meets a result. Its retry
    loop would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
