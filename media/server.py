"""Hold the process's calls, consoles and sockets, run the one ticker, and drain.

`media.sockets.routes` admits sockets.

picows serves both kinds of socket: it needs less than half the CPU per frame of `websockets` (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from msgspec import structs

from media import metrics
from media.config import Settings
from media.live.bus import Bus
from media.live.hub import Hub
from media.live.member_consoles import MemberConsoles
from media.live.own_calls import OwnCalls
from media.live.replication import LIVENESS_SECONDS, RENEW_SECONDS, Replication
from media.quota.admission import Admission
from media.quota.heartbeat import HEARTBEAT_SECONDS, Heartbeats
from media.sockets.acceptor import Acceptor, Limits
from media.sockets.console import Console, ConsoleLimits
from media.sockets.routes import Router
from media.sockets.twilio_stream import TAKEN_OVER, Stream
from media.sockets.websocket import WebSocket
from media.speech.call import Call, CallTiming
from media.speech.seam import Known
from media.speech.transcribe_health import Transcribe, TranscribeHealth
from media.speech.transcription import USUAL, Timing
from protocol.messages import STARTED
from protocol.nats import MEDIA, NatsConnection
from protocol.tickets import ConsoleTicket, Revoked, StreamTicket, UsedTickets
from runtime import tracing
from runtime.tls import server_context

TICK_SECONDS = 0.1
GOING_AWAY = 1001
HANDOVER_SECONDS = 15.0  # for web to restart the streams elsewhere, and for the last results here
log = structlog.get_logger()


class Server:
    """The process's calls, consoles and sockets. Use `serving` to run it and `drain` before leaving."""

    def __init__(
        self,
        settings: Settings,
        transcribe: Transcribe,
        node: str,
        timing: Timing = USUAL,
        *,
        limits: Limits = Limits(),  # noqa: B008 (frozen, like the next)
        console_limits: ConsoleLimits = ConsoleLimits(),  # noqa: B008
        call_timing: CallTiming = CallTiming(),  # noqa: B008
    ) -> None:
        self.settings = settings
        self._timing = timing
        self.stream_secrets = settings.stream_shared_secret.accepted
        self.account_sid = settings.twilio_account_sid
        self.hub = Hub()
        self._calls: dict[str, Call] = {}
        self.console_limits = console_limits
        self._call_timing = call_timing
        self._used_tickets, self._revoked = UsedTickets(), Revoked()
        self.admission = Admission(node, settings.transcribe_max_streams, least_nodes=settings.media_workers)
        self.connection = connection = NatsConnection(
            settings.nats_url.get_secret_value(), "media", MEDIA, dropped=metrics.BUS_DROPPED.inc
        )
        own = OwnCalls(self._calls, self.hub)
        self.replication = Replication(connection, node, self.hub, own, self.admission.membership)
        self.bus = Bus(
            connection,
            node,
            self.hub,
            self._used_tickets,
            self._revoked,
            own,
            self.replication,
            self._on_moved,
            self._on_stopped,
        )
        self._member_consoles = MemberConsoles(connection, node, console_limits.of_a_member, console_limits.settle)
        self._heartbeats = Heartbeats(connection, node, self.admission, self._announce, self.replication.alive)
        self.draining = False
        self.force_stop = False
        self._transcribe_health = TranscribeHealth(transcribe)
        self._streams: set[Stream] = set()
        self.consoles: set[Console] = set()
        self._call_tasks: set[asyncio.Task[None]] = set()
        self._acceptor = Acceptor(
            Router(self).answer,
            settings.media_host,
            settings.media_port,
            shared=settings.media_workers > 1,
            tls=server_context(settings.tls_folder) if settings.tls_folder else None,
            limits=limits,
        )
        self._tasks = asyncio.TaskGroup()
        self._empty = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Listen and run; yield the port.

        Leaving ends every call after its last results, or at once if `force_stop`.
        """
        port = await self._acceptor.open()
        async with self._tasks:
            timers = (self._tick_all(), self._renew(), self._check_liveness(), self._send_heartbeats())
            parts = (*timers, self._acceptor.run(), self.connection.run(), self._transcribe_health.run())
            background = [self._tasks.create_task(part) for part in parts]
            try:
                yield port
            finally:
                self._acceptor.close()
                await self._end_calls()
                self._close_consoles()
                await self._heartbeats.send_last(self.admission.close())
                for task in background:
                    task.cancel()

    async def drain(self, seconds: float) -> None:
        """Accept no new calls and wait up to ``seconds`` for live ones to end; hand the rest over to other nodes."""
        self.draining = True
        if self.settings.media_workers > 1:
            self._acceptor.close()  # else the kernel would still give this process a share of the new sockets
        log.info("draining", calls=len(self._calls), seconds=seconds)
        for call in tuple(self._calls.values()):
            if call.is_stopped:  # its transcription is stopped for good: nothing to wait for or to hand over
                call.end("completed")
        if not await self.wait_until_idle(seconds):
            for call in self._calls.values():
                self.bus.hand_over(call.org, call.sid, call.place)
            if not await self.wait_until_idle(HANDOVER_SECONDS):
                log.warning("drain timed out, calls lost their transcript", calls=len(self._calls))

    async def wait_until_idle(self, seconds: float) -> bool:
        """Return whether all calls ended within ``seconds``."""
        self._empty.clear()
        if self._calls:
            try:
                await asyncio.wait_for(self._empty.wait(), seconds)
            except TimeoutError:
                return False
        return True

    def attach_stream(self, ticket: StreamTicket, stream: Stream) -> Call:
        """Attach an admitted stream to its call: a new call, or the live one that it continues."""
        call = self._calls.get(ticket.call)
        if call is None:
            call = self._calls[ticket.call] = self._new_call(ticket)
            if ticket.began is not None:
                self.replication.request_snapshot(ticket.call)
            self.replication.keep_mirrored()
            task = self._tasks.create_task(self._run_call(call))
            self._call_tasks.add(task)
            task.add_done_callback(self._call_tasks.discard)
        call.attach(stream, TAKEN_OVER)
        log.info("stream started", call=call.sid, stream=stream.sid)
        return call

    def are_stopped(self, call: str) -> bool:
        """Return whether the transcription of ``call`` was stopped, so that no stream of it may open."""
        return self.hub.are_stopped(call)

    def use_once(self, jti: str, exp: float) -> bool:
        """Mark a ticket used, on this node and the others. Return False if it was used before."""
        fresh = self._used_tickets.use_once(jti, exp)
        if fresh:
            self.bus.announce_used_ticket(jti, exp)
        return fresh

    def is_revoked(self, ticket: ConsoleTicket) -> bool:
        """Return whether the member lost the right to a console after ``ticket`` was issued."""
        return self._revoked.covers(ticket)

    def open(self, console: Console) -> None:
        """Show an admitted console its calls, as soon as the other nodes have sent theirs."""
        self._member_consoles.opened(console)
        if self.replication.is_watching(console.org):
            console.begin()
        else:
            self._tasks.create_task(self._begin_when_watching(console))

    def closed(self, console: Console) -> None:
        """Count an admitted console no longer."""
        self._member_consoles.closed(console)

    async def _begin_when_watching(self, console: Console) -> None:
        await self.replication.watch(console.org)
        console.begin()

    def register(self, socket: WebSocket) -> None:
        """Add an open socket, which is not admitted yet."""
        if isinstance(socket, Stream):
            self._streams.add(socket)
        elif isinstance(socket, Console):
            self.consoles.add(socket)

    def forget(self, socket: WebSocket) -> None:
        """Remove a closed socket."""
        if isinstance(socket, Stream):
            self._streams.discard(socket)
        elif isinstance(socket, Console):
            self.consoles.discard(socket)

    def _new_call(self, ticket: StreamTicket) -> Call:
        return Call(
            ticket,
            agent=ticket.agent or self.bus.agent_of(ticket.call),
            open_=self._transcribe_health.open,
            admission=self.admission,
            publish=self.hub.publish,
            publish_status=self.bus.publish_event,
            is_known=self.hub.find(ticket.org, ticket.call) is not None,
            known_around=partial(self._known_around, ticket.org, ticket.call),
            timing=self._timing,
            call_timing=self._call_timing,
        )

    def _known_around(self, org: str, sid: str, began_ms: int, ms: int) -> Known:
        """Return what is known of a call around its time ``ms``, also from the node that had it before."""
        live, heard = self.hub.find(org, sid), self.replication.heard_until(sid)
        heard_ms = min(ms, round(heard * 1000) - began_ms) if heard else 0
        return (
            Known(heard_ms=heard_ms) if live is None else Known(live.known_before(ms), heard_ms, live.known_after(ms))
        )

    def _on_moved(self, sid: str, at_ms: int, stream: str) -> None:
        """Handle another node's ``stream`` of one of our calls, attached at ``at_ms`` (ms since 1970).

        The newer stream wins. Both nodes compare the same values, in whatever order they hear of each other;
        otherwise both could give the call up.
        """
        call = self._calls.get(sid)
        if call is None:
            return
        if (at_ms, stream) < (call.attached_ms, call.stream_sid) and not self.draining:
            self.bus.publish_event(call.org, sid, STARTED, call.place)
            return
        log.info("call moved to another node", call=sid)
        call.move(TAKEN_OVER, "another node took over", at_ms)

    def _on_stopped(self, sid: str, over: bool) -> None:
        """Stop the transcription of a call, whichever node has it; ``over``: the call itself has ended, too."""
        call = self._calls.get(sid)
        if call is None:
            return
        if not call.is_stopped:
            log.info("transcription stopped by request", call=sid)
            call.stop_words()
        if over:
            call.end("completed")

    def _announce(self) -> None:
        """Announce all streams here again; `web` answers for calls that were stopped meanwhile."""
        for call in self._calls.values():
            call.announce_again()

    async def _run_call(self, call: Call) -> None:
        """Run a call until it ends. An error ends this call only."""
        began = time.monotonic()
        structlog.contextvars.bind_contextvars(call=call.sid)  # of this task, hence on every log line of the call
        try:
            await call.run()
        except Exception:
            log.exception("call failed", call=call.sid)
        finally:
            self._calls.pop(call.sid, None)
            await self.replication.send_final_snapshot(call.org, call.sid)
            tracing.record("call heard", time.monotonic() - began, call.sid)
            log.info("call ended", call=call.sid)
            if not self._calls:
                self._empty.set()

    async def _tick_all(self) -> None:
        """Run the one timer: calls ten times a second, sockets and gauges once a second."""
        due, turn = time.monotonic(), 0
        while True:
            due += TICK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            metrics.LOOP_LAG.observe(max(0.0, now - due))
            due = max(due, now - TICK_SECONDS)
            self._tick_calls(now)
            turn += 1
            if turn % 10 == 0:
                for call in self._calls.values():
                    call.count()
                for socket in (*self._streams, *self.consoles):
                    socket.tick(now)
                self._update_gauges()

    def _tick_calls(self, now: float) -> None:
        """Tick every call.

        A separate function, since the loop above would keep the last call alive until its next turn.
        """
        for call in tuple(self._calls.values()):
            try:
                call.tick(now)
            except Exception:
                log.exception("call failed", call=call.sid)
                call.end("failed")

    def _update_gauges(self) -> None:
        metrics.LIVE_CALLS.set(len(self._calls))
        metrics.CONSOLES.set(len(self.consoles))
        slots = self.admission.slots
        metrics.SLOTS_HELD.set(len(slots.held))
        metrics.SLOTS_WAITING.set(slots.waiting)
        for leader in (metrics.SLOTS_LEADER, metrics.SLOTS_LEADER_OLD_NAME):
            leader.set(self.admission.is_leader)
        metrics.CUT_OFF.set(slots.is_cut_off(time.monotonic()))
        metrics.NODES.set(1 + len(slots.membership.alive(time.monotonic())))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.replication.renew()

    async def _send_heartbeats(self) -> None:
        while True:
            heartbeat = self.admission.heartbeat(len(self._calls))
            self._heartbeats.send(structs.replace(heartbeat, transcribe=self._transcribe_health.last_error))
            self.replication.keep_mirrored()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _check_liveness(self) -> None:
        while True:
            await asyncio.sleep(LIVENESS_SECONDS)
            self.replication.check_liveness()

    async def _end_calls(self) -> None:
        """Hand every call over and wait for its last results, unless `force_stop`."""
        for call in tuple(self._calls.values()):
            self.bus.hand_over(call.org, call.sid, call.place)
            call.move(GOING_AWAY, "going away")
        for stream in tuple(self._streams):
            stream.close(GOING_AWAY, "going away")
        tasks = list(self._call_tasks)
        if self.force_stop:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _close_consoles(self) -> None:
        for console in tuple(self.consoles):
            console.close(GOING_AWAY, "going away")
