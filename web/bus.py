"""Events about calls over NATS, on web's side. Never a transcript: NATS permissions deny them to web
(`deploy/nats.conf`).

Published: ``call.{org}.{call}.assigned`` when an agent answers; ``call.{org}.{call}.stopped`` when its transcription
must stop; ``member.{org}.{member}.removed`` when a member's consoles must close; and ``facts.wanted`` on every
connection, which asks media to repeat the state of its calls.

Subscribed: ``call.{org}.{call}.started|stream|lost|ended`` from media, which update the call's row;
``handover.{org}.{call}``, which asks for a new stream; ``node.{node}.alive``, a heartbeat
(`web.calls.stream_registry`); from provisioning ``progress.{org}.{order}``, which makes open pages refresh
(`web.organisation.onboarding_events`), and ``progress.{org}.standing`` when payment changed the entitlements.

A request never waits for NATS: events go into a bounded queue, and when it is full they are dropped and counted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog
from aiohttp import web
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from prometheus_client import Counter

from protocol.facts import Alive, Fact, parse

WAITING_FACTS = 1000  # to send, while NATS is disconnected
PENDING_FACTS = 4096  # received, not yet written to the database
PROBE_SECONDS = 0.25  # between two PINGs of ours
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 2

Apply = Callable[[Fact], Awaitable[None]]
Note = Callable[[Fact], Fact]

_log = structlog.get_logger(__name__)
_sent = Counter("bilby_web_facts_sent", "Facts handed to NATS.")
_received = Counter("bilby_web_facts_received", "Facts from media, by what became of them.", ["result"])
for _result in ("ignored", "failed", "written"):
    _received.labels(_result)  # start at 0, so that the first one shows as an increase
_dropped = Counter("bilby_web_facts_dropped", "Facts that NATS was not there to take.")


class Facts:
    """The connection to NATS. `run`, in a task of its own, connects and reconnects until it is cancelled.

    ``note`` takes each fact as it arrives and returns what of it is to be written; ``apply`` writes one fact after
    the other and may wait for the database. ``alive`` takes the name of a node that sent a heartbeat.
    """

    def __init__(
        self,
        url: str,
        apply: Apply,
        alive: Callable[[str], None] = lambda _: None,
        note: Note = lambda fact: fact,
    ) -> None:
        self._url = url
        self._apply = apply
        self._note = note
        self._alive = alive
        self._proven_at = 0.0
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING_FACTS)
        self._connection: Client | None = None
        self._last_error = ""
        self.ready = asyncio.Event()
        """Set at the first connection, and never cleared: calls work without NATS."""

    @property
    def connected(self) -> bool:
        """Whether NATS is connected now."""
        return self._connection is not None and self._connection.is_connected

    @property
    def proven_at(self) -> float:
        """When the newest PING that NATS answered was sent, in seconds of `time.monotonic`; 0 before the first.

        A NATS server that is stalled keeps its sockets open, so `connected` stays true while nothing is delivered.
        """
        return self._proven_at

    def assigned(self, org: UUID, call: str, agent: UUID) -> None:
        """Tell media that member ``agent`` has answered ``call``. Never waits, never raises."""
        self._put(f"call.{org}.{call}.assigned", {"agent": str(agent)})

    def words_stopped(self, org: UUID, call: str, *, over: bool = False) -> None:
        """Tell media to stop the transcription of ``call``; ``over``: and that the call itself has ended.

        Call it after the row is committed. Never waits, never raises.
        """
        self._put(f"call.{org}.{call}.stopped", {"over": over})

    def close_consoles(self, org: UUID, member: UUID) -> None:
        """Close all consoles of ``member``: their rights have changed, or they have signed out.

        Call it after the change is committed. Media refuses tickets issued before now; a page that may still watch
        asks for a new one by itself. Never waits, never raises.
        """
        self._put(f"member.{org}.{member}.removed", {"at": round(time.time() * 1000)})

    def _put(self, subject: str, fact: Mapping[str, str | int | bool]) -> None:
        try:
            self._waiting.put_nowait((subject, json.dumps(fact).encode()))
        except asyncio.QueueFull:
            _dropped.inc()

    async def run(self) -> None:
        """Stay connected until cancelled. Connecting is retried for ever, and failures are logged."""
        while True:
            try:
                await self._while_connected()
            except (OSError, NatsError, TimeoutError) as error:
                _log.warning("nats lost", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _while_connected(self) -> None:
        closed = asyncio.Event()
        connection = Client()
        try:
            await self._connect(connection, closed)
            facts = await connection.subscribe("call.>", pending_msgs_limit=PENDING_FACTS)
            # In a queue group: exactly one web process handles each.
            moves = await connection.subscribe("handover.>", queue="web", pending_msgs_limit=PENDING_FACTS)
            nudges = await connection.subscribe("progress.>", pending_msgs_limit=PENDING_FACTS)
            beats = await connection.subscribe("node.*.alive", pending_msgs_limit=PENDING_FACTS)
            await _settled(connection)
            _heed_cancellation()
            self._connection, self._last_error = connection, ""
            self.ready.set()
            _log.info("nats connected")
            await self._ask()
            await self._exchange(connection, (facts, moves, nudges, beats), closed)
        finally:
            self._connection = None
            await _close(connection)

    async def _connect(self, connection: Client, closed: asyncio.Event) -> None:
        """Connect, retrying for ever, also later. ``closed`` is set when nats-py gives up."""

        async def on_closed() -> None:
            closed.set()

        await connection.connect(
            self._url,
            name="web",
            error_cb=self._on_error,
            closed_cb=on_closed,
            reconnected_cb=self._ask,
            connect_timeout=2,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; nats-py only sleeps by it
            max_reconnect_attempts=-1,
            ping_interval=10,
            pending_size=1 << 20,
            flush_timeout=CLOSE_SECONDS,
        )

    async def _ask(self) -> None:
        """Ask media to repeat the state of its calls: events may have been missed."""
        self._put("facts.wanted", {})

    async def _on_error(self, error: Exception) -> None:
        """Log each kind of error once per outage: nats-py retries five times a second."""
        _heed_cancellation()
        if type(error).__name__ != self._last_error:
            self._last_error = type(error).__name__
            _log.warning("nats error", error=self._last_error)

    async def _exchange(
        self, connection: Client, subscriptions: Sequence[Subscription], closed: asyncio.Event
    ) -> None:
        """Send and receive until ``closed``: nats-py reconnects by itself without closing."""
        async with asyncio.TaskGroup() as tasks:
            work = [self._send(connection), self._probe(connection)]
            for subscription in subscriptions:
                noted: asyncio.Queue[Fact] = asyncio.Queue(PENDING_FACTS)
                work += [self._receive(subscription, noted), self._write(noted)]
            running = [tasks.create_task(part) for part in work]
            await closed.wait()
            for task in running:
                task.cancel()

    async def _send(self, connection: Client) -> None:
        while True:
            subject, payload = await self._waiting.get()
            try:
                await connection.publish(subject, payload)
            except NatsError as error:
                _dropped.inc()
                _log.warning("fact dropped", error=type(error).__name__)
            else:
                _sent.inc()

    async def _probe(self, connection: Client) -> None:
        """Send PINGs, one at a time: NATS answers in order, so a PONG arrives after all that was sent before it."""
        while True:
            if connection.is_connected:
                asked_at, pong = time.monotonic(), asyncio.get_running_loop().create_future()
                with suppress(OSError, NatsError, RuntimeError):  # it has just gone
                    await connection._send_ping(pong)
                while connection.is_connected and not pong.done():
                    await asyncio.wait({pong}, timeout=PROBE_SECONDS)
                if pong.done():
                    self._proven_at = asked_at
            await asyncio.sleep(PROBE_SECONDS)

    async def _receive(self, subscription: Subscription, noted: asyncio.Queue[Fact]) -> None:
        """Note facts as they arrive: where a call is must not wait for the database."""
        async for arrived in subscription.messages:
            fact = parse(arrived.subject, arrived.data)
            if isinstance(fact, Alive):
                self._alive(fact.node)
            elif fact is None:
                _received.labels("ignored").inc()
            else:
                await noted.put(self._note(fact))

    async def _write(self, noted: asyncio.Queue[Fact]) -> None:
        while True:
            await self._apply_one(await noted.get())

    async def _apply_one(self, fact: Fact) -> None:
        """Apply one event. If the database fails, it is lost; the call's next event corrects the row."""
        try:
            await self._apply(fact)
        except Exception as error:  # one event must not stop all others
            _received.labels("failed").inc()
            _log.warning("fact not written", call=fact.call, state=fact.state, error=type(error).__name__)
        else:
            _received.labels("written").inc()


BUS: web.AppKey[Facts] = web.AppKey("bus")


@asynccontextmanager
async def open_facts(
    url: str, apply: Apply, alive: Callable[[str], None] = lambda _: None, note: Note = lambda fact: fact
) -> AsyncIterator[Facts]:
    """Run `Facts` until the block ends. Entering does not wait for NATS: await `Facts.ready` for that."""
    facts = Facts(url, apply, alive, note)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(facts.run())
        try:
            yield facts
        finally:
            running.cancel()


def _heed_cancellation() -> None:
    """Raise CancelledError if the running task was cancelled but the cancellation was swallowed.

    nats-py awaits in ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that races with a result; its
    retry loop would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _settled(connection: Client) -> None:
    """Wait, for a limited time, until the server has our subscriptions.

    nats-py's ``flush`` does not do: its PING overtakes data not written yet, and after a timeout the late PONG breaks
    the connection.
    """
    await asyncio.sleep(0)  # what waits to be written
    pong = asyncio.get_running_loop().create_future()
    await connection._send_ping(pong)
    await asyncio.wait({pong}, timeout=CLOSE_SECONDS)


async def _close(connection: Client) -> None:
    """Close a connection that may be broken: uvloop's closed transports raise RuntimeError."""
    with suppress(OSError, NatsError, TimeoutError, RuntimeError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
