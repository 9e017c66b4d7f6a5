"""Start new streams for live calls that lost theirs: a socket broke, a media node died or hands its calls over.

Twilio does not reconnect a stream; it reports ``stream-error`` and the call continues. The report may come late or
never, if the proxy or the whole host failed with the stream. So media reports broken sockets itself, and missing
heartbeats reveal dead nodes. A new stream is started by Twilio's Streams REST API; it reaches any node that is ready,
and its ticket says how old the call is. Each loss starts one stream: `StreamRegistry` ensures it within a process,
and between processes the stream's name, which contains its predecessor's and which Twilio accepts once.

The state is in memory; web asks media for it on every connection (`web.bus`). If everything was restarted at once, no
node knows the calls either: so a new process compares the answers with the database, and a call that goes on but that
no node has reported counts as lost.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from aiohttp import web
from prometheus_client import Counter

from db.call_progress import is_over
from db.engine import DatabaseUnavailableError
from db.queries.organisations import entitlements
from protocol.facts import Fact
from protocol.times import milliseconds
from provisioning.twilio.numbers_api import TwilioError, translate_errors
from web.bus import BUS
from web.calls.streams.registry import GRACE_SECONDS, LiveStream, StreamRegistry
from web.calls.streams.start import StreamStart, stream_start
from web.config import SETTINGS
from web.request import access
from web.request.errors import NotFoundError
from web.resources import TWILIO

WORKERS = 10  # concurrent starts: a node may lose hundreds of calls
WAITING = 2000
MOST_LOOKED_AT = 5000  # calls in the database, the oldest first
WATCH_SECONDS = 0.25
_ASLEEP_SECONDS = 1.0  # a tick this late means that we were stalled and heartbeats are unread
_DEAF_SECONDS = 1.5  # without an answer of NATS, heartbeats may be held up; less than a node's silence may last
_NO_CALL = (21220, 20404)  # Twilio's codes: the call is not in progress; there is no such call
_UNREPORTED = "restart"  # in place of a predecessor whose SID nobody knows: the same for every web process
_log = structlog.get_logger(__name__)
_restarts = Counter("bilby_web_stream_restarts", "Streams lost on live calls, by what became of them.", ["result"])
for _result in ("started", "refused", "failed", "missing"):
    _restarts.labels(_result)  # start at 0, so that the first one shows as an increase
_silent = Counter("bilby_web_calls_of_silent_nodes", "Calls whose media node stopped sending heartbeats.")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a process looks for calls that no media node has, and how it bears with silent nodes; in seconds."""

    ask_again: float = 5.0
    """From the first connection to NATS until nodes are asked a second time for their streams."""
    answer: float = 5.0
    """For their answers, and between two looks."""
    looks: int = 10
    """A call that rings during the restart is answered within half a minute, and is found by a later look."""
    longest_call: float = 4 * 3600.0
    """Twilio ends any call after four hours: an older row has missed its end."""
    grace: float = GRACE_SECONDS
    """More for all nodes, after we were disconnected ourselves."""


class StreamRecovery:
    """Starts new streams. One per process; `run` it in a task of its own."""

    def __init__(self, app: web.Application, timing: Timing = Timing()) -> None:
        self._app = app
        self._timing = timing
        self._deaf_at = time.monotonic()  # when we last could not hear the nodes
        self._registry = StreamRegistry(timing.grace)
        self._wanted: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._later: list[tuple[float, str]] = []  # a heap of (monotonic time, call)

    def note(self, fact: Fact) -> Fact:
        """Apply a media event. Return it, without its state if it is outdated because another node has the call."""
        if self._registry.is_elsewhere(fact) and fact.kind in ("stream", "ended"):
            return replace(fact, state=None)
        if self._registry.note(fact):
            self._mark_lost(fact.call)
        return fact

    def alive(self, node: str) -> None:
        """Record a heartbeat of a media node."""
        self._registry.alive(node, time.monotonic())

    def find(self, call: str) -> LiveStream | None:
        """Return the stream of ``call``, None if unknown."""
        return self._registry.find(call)

    def is_past(self, call: str, stream: str) -> bool:
        """Return whether ``stream`` of ``call`` has been replaced."""
        return self._registry.is_past(call, stream)

    def lost(self, org: UUID, call: str, stream: str, began: int | None) -> None:
        """Handle the loss of ``stream``, which Twilio reports; empty if nobody knows its SID. A new one is started.

        ``began`` is the start of its transcription (ms since 1970), for a call that media has not reported.
        """
        if self._registry.find(call) is None:
            self._registry.register(call, org, stream, began)
        self._mark_lost(call, stream)

    async def run(self) -> None:
        """Start wanted streams until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._find_unreported())
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    async def _watch(self) -> None:
        """Find dead nodes, streams that did not arrive, and delayed starts that are due."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            before, slept = (now := time.monotonic()), now - before
            bus = self._app[BUS]
            if slept > _ASLEEP_SECONDS or not bus.connected or now - bus.proven_at > _DEAF_SECONDS:
                self._deaf_at = now
                self._registry.extend_deadlines(now)
            for call in self._registry.orphans(bus.proven_at):
                _silent.inc()
                self._mark_lost(call)
            for call in self._registry.missing(bus.proven_at):
                _restarts.labels("missing").inc()
                _log.warning("stream did not arrive", call=call)
                self._mark_lost(call)
            while self._later and self._later[0][0] <= now:
                self._want(heapq.heappop(self._later)[1])

    async def _find_unreported(self) -> None:
        """Look for calls that began before this process and that no node has, several times."""
        timing, bus = self._timing, self._app[BUS]
        await bus.ready.wait()
        before = datetime.now(UTC)  # of later calls we hear everything
        await asyncio.sleep(timing.ask_again)
        bus.ask()
        looked_at = set[str]()
        for _ in range(timing.looks):
            await self._hear_answers()
            try:
                await self._look(before, looked_at)
            except DatabaseUnavailableError as error:
                _log.warning("unreported calls not read", error=type(error).__name__)

    async def _hear_answers(self) -> None:
        """Wait as long as answers may take; longer without NATS, or while no node is alive to answer."""
        answer = self._timing.answer
        while True:
            await asyncio.sleep(answer)
            if time.monotonic() - self._deaf_at >= answer and self._registry.has_nodes:
                return

    async def _look(self, before: datetime, looked_at: set[str]) -> None:
        """Start streams of calls in the database that no node has reported, each once: the row may be wrong."""
        since = before - timedelta(seconds=self._timing.longest_call)
        found = await access.conversations(self._app, since=since, before=before, most=MOST_LOOKED_AT)
        for one in found:
            call = one.call_sid
            if call in looked_at or self._registry.find(call) is not None:
                continue
            looked_at.add(call)
            _log.warning("call not reported", call=call)
            self.lost(one.organisation_id, call, "", milliseconds(one.started_at))

    def _mark_lost(self, call: str, stream: str | None = None) -> None:
        now = time.monotonic()
        delay = self._registry.mark_lost(call, now, stream)
        if delay is None:
            return
        if delay:
            heapq.heappush(self._later, (now + delay, call))
        else:
            self._want(call)

    def _want(self, call: str) -> None:
        try:
            self._wanted.put_nowait(call)
        except asyncio.QueueFull:
            heapq.heappush(self._later, (time.monotonic() + 1, call))

    async def _work(self) -> None:
        while True:
            call = await self._wanted.get()
            live = self._registry.find(call)
            if live is None or live.leaving != live.stream:
                continue
            before = live.stream
            try:
                await self._start(call, live, before)
            except DatabaseUnavailableError as error:
                self._try_again(call, type(error).__name__)
            except TwilioError as error:
                if error.retryable:
                    self._try_again(call, error.cause)
                else:
                    self._note_refused(call, before, error)
            except NotFoundError:  # the organisation is gone
                self._registry.forget(call)
            except Exception as error:  # one failure must not stop the worker
                _log.exception("stream start failed", call=call)
                self._try_again(call, type(error).__name__)

    def _try_again(self, call: str, why: str) -> None:
        _restarts.labels("failed").inc()
        _log.warning("stream not restarted yet", call=call, why=why)
        self._registry.release_claim(call)
        self._mark_lost(call)

    def _note_refused(self, call: str, before: str, error: TwilioError) -> None:
        """Forget a call that has ended. For any other, wait for a stream to reach media, and try again if none does.

        Twilio also refuses a name that is in use (another web process was faster, or the answer to our own order was
        lost) and a third stream of the call.
        """
        _restarts.labels("refused").inc()
        _log.info("stream not restarted", call=call, why=error.cause)
        if error.code in _NO_CALL:
            self._registry.forget(call)
        else:
            self._registry.refused(call, before, time.monotonic())

    async def _start(self, call: str, live: LiveStream, before: str) -> None:
        start = await self._next_start(call, live, before)
        if start is None:
            self._registry.forget(call)
            return
        if live.leaving != live.stream:  # it has arrived after all
            return
        stream = await self._order(call, start)
        _restarts.labels("started").inc()
        _log.info("stream restarted", call=call, before=before, stream=stream)
        if self._registry.started(call, before, stream, time.monotonic()):
            self._mark_lost(call, stream)

    async def _order(self, call: str, start: StreamStart) -> str:
        """Ask Twilio to start a stream. Return its SID. Raise `TwilioError`."""
        with translate_errors():
            started = await self._app[TWILIO].calls(call).streams.create_async(**start.arguments())
            return str(started.sid)

    async def _next_start(self, call: str, live: LiveStream, before: str) -> StreamStart | None:
        """Return the stream to start after ``before``; None if the call is over or must not be transcribed."""
        async with access.by_fact(self._app, live.org) as rows:
            row = await rows.calls.get(call)
            if row is None or is_over(row.status) or not entitlements(rows.organisation).transcribes:
                return None
            if row.words_stopped_at is not None:
                return None
            return stream_start(
                self._app[SETTINGS],
                org=live.org,
                call=call,
                direction=row.direction,
                agent=row.agent_id,
                hearing=await rows.hearings.of(row.number_id),
                began=live.began,
                name=f"after-{before or _UNREPORTED}",
                on="customer" if await rows.conferences.get(row.id) is not None else None,
            )


STREAM_RECOVERY: web.AppKey[StreamRecovery] = web.AppKey("stream_recovery")
