"""Facts about calls over NATS, on web's side. Facts only: no word spoken passes here, and the server's
permissions see to it (`deploy/nats.conf`).

Out: ``call.{org}.{call}.assigned``, when an agent answers, ``call.{org}.{call}.stopped``, when its words are to stop,
and ``member.{org}.{member}.removed``, when somebody's
consoles must close; and, on every connection, ``facts.wanted``: media says again which calls are where. In:
``call.{org}.{call}.started|stream|lost|ended`` from media, which keep the call row's state of transcription true;
``handover.{org}.{call}``, which asks for a new stream, and ``node.{node}.alive``, a heartbeat (whereabouts.py); from
provisioning ``progress.{org}.{order}``, a nudge for open pages (progress.py), and ``progress.{org}.standing``, when
payment has changed what works. A request never waits for NATS: a fact goes into a bounded queue, and at the bound it
is dropped and counted (the call goes on; a supervisor sees it all the same).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from prometheus_client import Counter

from protocol.facts import Alive, Fact, parse

WAITING_FACTS = 1000  # to send, while NATS is away
PENDING_FACTS = 4096  # received, not yet written to the database
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 2

Apply = Callable[[Fact], Awaitable[None]]

_log = structlog.get_logger(__name__)
_sent = Counter("bilby_web_facts_sent", "Facts handed to NATS.")
_received = Counter("bilby_web_facts_received", "Facts from media, by what became of them.", ["result"])
for _result in ("ignored", "failed", "written"):
    _received.labels(_result)  # from 0 on, so that the first one is a rise
_dropped = Counter("bilby_web_facts_dropped", "Facts that NATS was not there to take.")


class Facts:
    """The connection. `run` it in a task of its own; it connects, and connects again, until cancelled."""

    def __init__(self, url: str, apply: Apply, alive: Callable[[str], None] = lambda _: None) -> None:
        self._url = url
        self._apply = apply
        self._alive = alive
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING_FACTS)
        self._connection: Client | None = None
        self._trouble = ""
        self.ready = asyncio.Event()
        """Set once NATS has been reached; it stays set, for losing NATS is no reason to refuse calls."""

    @property
    def connected(self) -> bool:
        """Whether NATS is there now."""
        return self._connection is not None and self._connection.is_connected

    def assigned(self, org: UUID, call: str, agent: UUID) -> None:
        """Tell media that member ``agent`` has answered ``call``. Never waits, never raises."""
        self._put(f"call.{org}.{call}.assigned", {"agent": str(agent)})

    def words_stopped(self, org: UUID, call: str, *, over: bool = False) -> None:
        """Tell media that ``call`` is not to be read any more; ``over``: and that people have hung up since.

        Call it after the row says so. Never waits, never raises.
        """
        self._put(f"call.{org}.{call}.stopped", {"over": over})

    def close_consoles(self, org: UUID, member: UUID) -> None:
        """Close all consoles of ``member``, because what they may watch has changed or they have signed out.

        Call it after the change is committed: tickets issued before now are refused from here on, a page that may
        still watch asks for a new one by itself. Never waits, never raises.
        """
        self._put(f"member.{org}.{member}.removed", {"at": round(time.time() * 1000)})

    def _put(self, subject: str, fact: Mapping[str, str | int | bool]) -> None:
        try:
            self._waiting.put_nowait((subject, json.dumps(fact).encode()))
        except asyncio.QueueFull:
            _dropped.inc()

    async def run(self) -> None:
        """Keep connected until cancelled. A server that refuses us is asked again, and the log says so."""
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
            # In a queue group: one web process sees to it, not all of them.
            moves = await connection.subscribe("handover.>", queue="web", pending_msgs_limit=PENDING_FACTS)
            nudges = await connection.subscribe("progress.>", pending_msgs_limit=PENDING_FACTS)
            beats = await connection.subscribe("node.*.alive", pending_msgs_limit=PENDING_FACTS)
            await _settled(connection)
            _heed_cancellation()
            self._connection, self._trouble = connection, ""
            self.ready.set()
            _log.info("nats connected")
            await self._ask()
            await self._exchange(connection, (facts, moves, nudges, beats), closed)
        finally:
            self._connection = None
            await _close(connection)

    async def _connect(self, connection: Client, closed: asyncio.Event) -> None:
        """Try for ever to reach the server, and to reach it again. ``closed`` is set when nats-py gives up."""

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
        """We may have missed what media said: let it say again what holds."""
        self._put("facts.wanted", {})

    async def _on_error(self, error: Exception) -> None:
        """Log each kind of trouble once until the next connection: an absent server is tried five times a second."""
        _heed_cancellation()
        if type(error).__name__ != self._trouble:
            self._trouble = type(error).__name__
            _log.warning("nats trouble", error=self._trouble)

    async def _exchange(
        self, connection: Client, subscriptions: Sequence[Subscription], closed: asyncio.Event
    ) -> None:
        """Send and receive until ``closed``: a lost server is found again by nats-py itself, without closing."""
        async with asyncio.TaskGroup() as tasks:
            work = [self._send(connection), *(self._receive(subscription) for subscription in subscriptions)]
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

    async def _receive(self, subscription: Subscription) -> None:
        async for arrived in subscription.messages:
            fact = parse(arrived.subject, arrived.data)
            if isinstance(fact, Alive):
                self._alive(fact.node)
            elif fact is None:
                _received.labels("ignored").inc()
            else:
                await self._apply_one(fact)

    async def _apply_one(self, fact: Fact) -> None:
        """Write one fact down. What the database does not take is lost: the next state, or the end, mends it."""
        try:
            await self._apply(fact)
        except Exception as error:  # one fact must not end the exchange of all others
            _received.labels("failed").inc()
            _log.warning("fact not written", call=fact.call, state=fact.state, error=type(error).__name__)
        else:
            _received.labels("written").inc()


@asynccontextmanager
async def open_facts(url: str, apply: Apply, alive: Callable[[str], None] = lambda _: None) -> AsyncIterator[Facts]:
    """Facts that run until the block ends. Entering does not wait for NATS: await `Facts.ready` for that."""
    facts = Facts(url, apply, alive)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(facts.run())
        try:
            yield facts
        finally:
            running.cancel()


def _heed_cancellation() -> None:
    """Stop if the running task was told to, even if it has not noticed.

    nats-py awaits in ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that meets a result; its loop
    of attempts would then never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _settled(connection: Client) -> None:
    """Wait until the server has what we subscribed to, but not for long.

    Not by nats-py's ``flush``: its PING overtakes what is not written yet, and once it is given up the late PONG
    breaks the connection.
    """
    await asyncio.sleep(0)  # what waits to be written
    pong = asyncio.get_running_loop().create_future()
    await connection._send_ping(pong)
    await asyncio.wait({pong}, timeout=CLOSE_SECONDS)


async def _close(connection: Client) -> None:
    """End what may be broken: uvloop's transports answer with RuntimeError when they are gone already."""
    with suppress(OSError, NatsError, TimeoutError, RuntimeError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
