"""Events about calls over NATS, on web's side. Never a transcript: NATS permissions deny them to web.

`protocol.messages` lists what web publishes and subscribes to. On every connection it publishes ``facts.wanted``,
which asks media to repeat the state of its calls: events may have been missed.

A request never waits for NATS: events go into a bounded queue, and what finds no room is dropped and counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from aiohttp import web
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import Counter

from protocol.facts import Fact, parse
from protocol.messages import (
    ALIVE,
    ASSIGNED,
    CALL_EVENTS,
    FACTS_WANTED,
    HANDOVERS,
    HELD,
    PHRASE_RULES,
    PHRASES_WANTED,
    PROGRESS,
    REMOVED,
    RESUMED,
    STOPPED,
    Assigned,
    HoldReport,
    Removed,
    RulePart,
    Stopped,
)
from protocol.nats import WEB, NatsConnection
from protocol.phrases import PhraseRule

WAITING_FACTS = 1000  # to send, while NATS is disconnected
_ONE_QUEUE_EACH = (CALL_EVENTS, HANDOVERS, PROGRESS, PHRASES_WANTED)
PENDING_FACTS = 4096  # received, not yet written to the database

Apply = Callable[[Fact], Awaitable[None]]
Note = Callable[[Fact], Fact]

_log = structlog.get_logger(__name__)
_sent = Counter("bilby_web_facts_sent", "Facts handed to NATS.")
_received = Counter("bilby_web_facts_received", "Facts from media, by what became of them.", ["result"])
for _result in ("ignored", "failed", "written"):
    _received.labels(_result)  # start at 0, so that the first one shows as an increase
_dropped = Counter("bilby_web_facts_dropped", "Facts that NATS was not there to take.")


class Bus:
    """Web's events. `run`, in a task of its own, stays connected until it is cancelled.

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
        self._apply = apply
        self._note = note
        self._alive = alive
        self.connection = NatsConnection(
            url, "web", WEB, most_queued=WAITING_FACTS, sent=_sent.inc, dropped=_dropped.inc
        )
        """The process's own; others may attach to it before `run`."""
        self.connection.attach(subscribe=self._subscribe, restored=self.ask)
        self._noted = {subject: asyncio.Queue[Fact](PENDING_FACTS) for subject in _ONE_QUEUE_EACH}
        self.ready = self.connection.confirmed_once
        """Set at the first connection, and never cleared: calls work without NATS."""

    @property
    def connected(self) -> bool:
        """Whether NATS is connected now."""
        return self.connection.is_connected

    @property
    def proven_at(self) -> float:
        """Time of asking for the newest echo that NATS sent back, in seconds of `time.monotonic`; 0 before the first.

        A NATS server that is stalled keeps its sockets open, so `connected` stays true while nothing is delivered.
        """
        return self.connection.confirmed_at

    def assigned(self, org: UUID, call: str, agent: UUID) -> None:
        """Tell media that member ``agent`` has answered ``call``. Never waits, never raises."""
        self.connection.publish_later(ASSIGNED.to(org, call), ASSIGNED.write(Assigned(str(agent))))

    def words_stopped(self, org: UUID, call: str, *, over: bool = False) -> None:
        """Tell media to stop the transcription of ``call``; ``over``: and that the call itself has ended.

        Call it after the row is committed. Never waits, never raises.
        """
        self.connection.publish_later(STOPPED.to(org, call), STOPPED.write(Stopped(over)))

    def held(self, org: UUID, call: str, at: datetime | None = None) -> None:
        """Tell media that the customer of ``call`` was put on hold: nothing is transcribed until `resumed`.

        ``at``: when, by the clock that `resumed` goes by as well; None means now. Never waits, never raises.
        """
        self.connection.publish_later(HELD.to(org, call), HELD.write(_hold_report(at)))

    def resumed(self, org: UUID, call: str, at: datetime | None = None) -> None:
        """Tell media that the customer of ``call`` is on hold no longer. Parameters as in `held`."""
        self.connection.publish_later(RESUMED.to(org, call), RESUMED.write(_hold_report(at)))

    def phrase_rules(self, org: UUID, version: int, rules: Sequence[PhraseRule]) -> None:
        """Send media the phrase rules of ``org`` that are on, read at ``version`` (ms since 1970). Never waits."""
        parts = [RulePart(version, len(rules), number, rule) for number, rule in enumerate(rules)]
        for part in parts or [RulePart(version, 0)]:
            self.connection.publish_later(PHRASE_RULES.to(org), PHRASE_RULES.write(part))

    def close_consoles(self, org: UUID, member: UUID) -> None:
        """Close all consoles of ``member``: their rights have changed, or they have signed out.

        Call it after the change is committed. Media refuses tickets issued before now; a page that may still watch
        asks for a new one by itself. Never waits, never raises.
        """
        self.connection.publish_later(REMOVED.to(org, member), REMOVED.write(Removed(round(time.time() * 1000))))

    async def run(self) -> None:
        """Stay connected, and apply what arrives, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.connection.run())
            for noted in self._noted.values():
                tasks.create_task(self._write(noted))

    async def _subscribe(self, client: Client) -> None:
        for subject, noted in self._noted.items():
            # Of these, exactly one web process handles each: they have a queue group.
            group = "web" if subject in (HANDOVERS, PHRASES_WANTED) else ""
            await client.subscribe(
                subject.all, queue=group, cb=partial(self._receive, noted), pending_msgs_limit=PENDING_FACTS
            )
        await client.subscribe(ALIVE.all, cb=self._on_alive, pending_msgs_limit=PENDING_FACTS)
        self.ask()

    def ask(self) -> None:
        """Ask all media nodes to report their streams. Never waits, never raises."""
        self.connection.publish_later(FACTS_WANTED.to(), b"{}")

    async def _on_alive(self, message: Msg) -> None:
        [node] = ALIVE.names(message.subject)
        self._alive(node)

    async def _receive(self, noted: asyncio.Queue[Fact], message: Msg) -> None:
        """Note a fact as it arrives: where a call is must not wait for the database."""
        fact = parse(message.subject, message.data)
        if fact is None:
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


def _hold_report(at: datetime | None) -> HoldReport:
    return HoldReport(round((time.time() if at is None else at.timestamp()) * 1000))


BUS: web.AppKey[Bus] = web.AppKey("bus")
