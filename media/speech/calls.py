"""This node's live calls: begun by a stream, run until their last results, handed over before the node leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import structlog

from media.live.holds import Hold
from media.live.hub import Hub
from media.live.transcript import Phrase, Utterance
from media.nodes.bus import Bus
from media.nodes.phrase_book import PhraseBook
from media.nodes.replication import Replication
from media.quota.admission import Admission
from media.speech.call import AttachedStream, Call, CallTiming
from media.speech.seam import Known
from media.speech.transcribe import Hearing
from media.speech.transcription import USUAL, Open, Timing
from media.words.phrases import heard, said_before
from protocol.messages import STARTED
from protocol.tickets import StreamTicket
from runtime import tracing

GOING_AWAY, TAKEN_OVER = 1001, 4409  # codes of a WebSocket's close
HANDOVER_SECONDS = 15.0  # for web to restart the streams elsewhere, and for the last results here
log = structlog.get_logger()


class Calls:
    """The node's calls, kept in ``live`` by CallSid. Their tasks run in ``tasks``.

    ``language``: of calls whose number sets none.
    """

    def __init__(
        self,
        live: dict[str, Call],
        hub: Hub,
        bus: Bus,
        replication: Replication,
        phrase_book: PhraseBook,
        admission: Admission,
        open_: Open,
        tasks: asyncio.TaskGroup,
        language: str,
        timing: Timing = USUAL,
        call_timing: CallTiming = CallTiming(),  # noqa: B008 (frozen)
    ) -> None:
        self.draining = False
        self._live = live
        self._hub = hub
        self._bus = bus
        self._replication = replication
        self._phrase_book = phrase_book
        self._admission = admission
        self._open = open_
        self._language = language
        self._tasks = tasks
        self._timing = timing
        self._call_timing = call_timing
        self._running: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        bus.on_moved, bus.on_stopped = self._on_moved, self._on_stopped
        hub.holds.on_change = self._on_hold

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the CallSids."""
        return iter(tuple(self._live))

    def attach_stream(self, ticket: StreamTicket, stream: AttachedStream, vocabulary: str | None = None) -> Call:
        """Attach an admitted stream to its call: a new call, or the live one that it continues."""
        call = self._live.get(ticket.call)
        if call is None:
            hearing = Hearing(ticket.language or self._language, vocabulary, ticket.redacts)
            call = self._live[ticket.call] = self._new_call(ticket, hearing)
            if ticket.began is not None:
                self._replication.requests.send(ticket.call)
            self._phrase_book.request(ticket.org)
            self._replication.keep_mirrored()
            task = self._tasks.create_task(self._run(call))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        call.attach(stream, TAKEN_OVER)
        log.info("stream started", call=call.sid, stream=stream.sid)
        return call

    def are_stopped(self, call: str) -> bool:
        """Return whether the transcription of ``call`` was stopped, so that no stream of it may open."""
        return self._hub.are_stopped(call)

    def announce(self) -> None:
        """Announce all streams here again; `web` answers for calls that were stopped meanwhile."""
        for call in self._live.values():
            call.announce_again()
        for org in {call.org for call in self._live.values()}:
            self._phrase_book.request(org, even_if_known=True)

    def tick(self, now: float) -> None:
        """Tick every call, ten times a second."""
        for call in tuple(self._live.values()):
            try:
                call.tick(now)
            except Exception:
                log.exception("call failed", call=call.sid)
                call.end("failed")

    def count(self) -> None:
        """Update the counters of every call, once a second."""
        for call in self._live.values():
            call.count()

    async def drain(self, seconds: float) -> None:
        """Wait up to ``seconds`` for calls to end; hand the rest over to other nodes. No new ones may come."""
        self.draining = True
        log.info("draining", calls=len(self._live), seconds=seconds)
        for call in tuple(self._live.values()):
            if call.is_stopped:  # its transcription is stopped for good: nothing to wait for or to hand over
                call.end("completed")
        if not await self.wait_until_idle(seconds):
            for call in self._live.values():
                self._bus.hand_over(call.org, call.sid, call.place)
            if not await self.wait_until_idle(HANDOVER_SECONDS):
                log.warning("drain timed out, calls lost their transcript", calls=len(self._live))

    async def wait_until_idle(self, seconds: float) -> bool:
        """Return whether all calls ended within ``seconds``."""
        self._idle.clear()
        if self._live:
            try:
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
            except TimeoutError:
                return False
        return True

    def leave(self) -> None:
        """Hand every call over, and end it here after its last results."""
        for call in tuple(self._live.values()):
            self._bus.hand_over(call.org, call.sid, call.place)
            call.move(GOING_AWAY, "going away")

    async def end(self, *, at_once: bool) -> None:
        """Wait for the last results of every call, unless ``at_once``."""
        running = list(self._running)
        if at_once:
            for task in running:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _new_call(self, ticket: StreamTicket, hearing: Hearing) -> Call:
        return Call(
            ticket,
            hearing=hearing,
            agent=ticket.agent or self._bus.agent_of(ticket.call),
            open_=self._open,
            admission=self._admission,
            publish=self._hub.publish,
            publish_status=self._bus.publish_event,
            is_known=self._hub.find(ticket.org, ticket.call) is not None,
            known_around=partial(self._known_around, ticket.org, ticket.call),
            hold=self._hub.holds.of(ticket.call),
            phrases_in=partial(self._phrases_in, ticket.org, ticket.call),
            timing=self._timing,
            call_timing=self._call_timing,
        )

    def _known_around(self, org: str, sid: str, began_ms: int, ms: int) -> Known:
        """Return what is known of a call around its time ``ms``, also from the node that had it before."""
        live, heard = self._hub.find(org, sid), self._replication.last_heard.until(sid)
        heard_ms = min(ms, round(heard * 1000) - began_ms) if heard else 0
        return (
            Known(heard_ms=heard_ms) if live is None else Known(live.known_before(ms), heard_ms, live.known_after(ms))
        )

    async def _run(self, call: Call) -> None:
        """Run a call until it ends. An error ends this call only."""
        began = time.monotonic()
        structlog.contextvars.bind_contextvars(call=call.sid)  # of this task, hence on every log line of the call
        try:
            await call.run()
        except Exception:
            log.exception("call failed", call=call.sid)
        finally:
            self._live.pop(call.sid, None)
            await self._replication.send_final_snapshot(call.org, call.sid)
            tracing.record("call heard", time.monotonic() - began, call.sid)
            log.info("call ended", call=call.sid)
            if not self._live:
                self._idle.set()

    def _on_moved(self, sid: str, at_ms: int, stream: str) -> None:
        """Handle another node's ``stream`` of one of our calls, attached at ``at_ms`` (ms since 1970).

        The newer stream wins. Both nodes compare the same values, in whatever order they hear of each other;
        otherwise both could give the call up.
        """
        call = self._live.get(sid)
        if call is None:
            return
        if (at_ms, stream) < (call.attached_ms, call.stream_sid) and not self.draining:
            self._bus.publish_event(call.org, sid, STARTED, call.place)
            return
        log.info("call moved to another node", call=sid)
        call.move(TAKEN_OVER, "another node took over", at_ms)

    def _on_stopped(self, sid: str, over: bool) -> None:
        """Stop the transcription of a call, whichever node has it; ``over``: the call itself has ended, too."""
        call = self._live.get(sid)
        if call is None:
            return
        if not call.is_stopped:
            log.info("transcription stopped by request", call=sid)
            call.stop_words()
        if over:
            call.end("completed")

    def _phrases_in(self, org: str, sid: str, utterance: Utterance) -> list[Phrase]:
        live = self._hub.find(org, sid)
        rules = self._phrase_book.of(org)
        if live is None or rules is None or not rules.rules:
            return []
        said = said_before(utterance, reversed(live.utterances.values()))
        return heard(rules, utterance, live.phrases, said)

    def _on_hold(self, sid: str, hold: Hold) -> None:
        call = self._live.get(sid)
        if call is not None:
            call.set_hold(hold)
