"""Wire one media process together: listen, run the one ticker and the timers, drain, and leave.

picows serves both kinds of socket: a plain bridge on `websockets` needs 1.8 times the CPU of all of media
(docs/performance.md).
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
from media.amazon.json_api import AmazonError, JsonApi
from media.amazon.translate import translate
from media.amazon.vocabularies import VocabularyChecks
from media.config import Settings
from media.live.hub import Hub
from media.live.translations import Problem, Translate, TranslationError, Translations
from media.live.wall_rows import TELL_SECONDS as ROWS_SECONDS
from media.nodes.accepted_tickets import AcceptedTickets
from media.nodes.bus import Bus
from media.nodes.last_heard import IN_FLIGHT_SECONDS
from media.nodes.member_consoles import MemberConsoles
from media.nodes.own_calls import OwnCalls
from media.nodes.phrase_book import PhraseBook
from media.nodes.readers import Readers
from media.nodes.replication import LIVENESS_SECONDS, RENEW_SECONDS, Replication
from media.quota.admission import Admission
from media.quota.heartbeat import HEARTBEAT_SECONDS, Heartbeats
from media.sockets.acceptor import Acceptor, Limits
from media.sockets.console import ConsoleLimits, Consoles
from media.sockets.routes import Router
from media.sockets.twilio_stream import Streams
from media.speech.call import Call, CallTiming
from media.speech.calls import GOING_AWAY, Calls
from media.speech.transcribe import Transcribe
from media.speech.transcribe_health import TranscribeHealth
from media.speech.transcription import USUAL, Timing
from protocol.nats import MEDIA, NatsConnection
from runtime.settings import stop
from runtime.tls import server_context

TICK_SECONDS = 0.1
log = structlog.get_logger()


class Server:
    """One media process. Use `serving` to run it and `drain` before leaving."""

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
        in_flight: float = IN_FLIGHT_SECONDS,
    ) -> None:
        self.force_stop = False
        self.hub = hub = Hub()
        self._tasks = asyncio.TaskGroup()
        self._port = settings.media_port
        self._is_one_of_many = settings.media_workers > 1
        self.admission = Admission(node, settings.transcribe_max_streams, least_nodes=settings.media_workers)
        self._transcribe_health = TranscribeHealth(transcribe)
        url = settings.nats_url.get_secret_value()
        self.connection = connection = NatsConnection(url, "media", MEDIA, dropped=metrics.BUS_DROPPED.inc)
        amazon = partial(JsonApi, region=settings.aws_region, credentials=transcribe.credentials)
        VocabularyChecks(connection, amazon(settings.transcribe_api_base, "transcribe"))
        live: dict[str, Call] = {}
        own = OwnCalls(live, hub)
        self.replication = Replication(connection, node, hub, own, self.admission.membership, in_flight=in_flight)
        bus = Bus(connection, node, hub, own, self.replication)
        self.calls = Calls(
            live,
            hub,
            bus,
            self.replication,
            PhraseBook(connection),
            self.admission,
            self._transcribe_health.open,
            self._tasks,
            settings.transcribe_language,
            timing=timing,
            call_timing=call_timing,
        )
        self._heartbeats = Heartbeats(
            connection, node, self.admission, self.calls.announce, self.replication.alive, self.replication.joined
        )
        tickets = AcceptedTickets(connection, settings.stream_shared_secret.accepted, hub.close_consoles)
        self.streams = Streams(self.calls, tickets, settings.twilio_account_sid)
        of_members = MemberConsoles(connection, node, console_limits.of_a_member, console_limits.settle)
        translator = _translator(amazon(settings.translate_api_base, "translate"))
        translations = Translations(hub, translator if settings.live_translation == "on" else None, self._tasks)
        self._readers = Readers(connection, node, hub, own)
        self.consoles = Consoles(
            hub,
            self.replication.requests,
            tickets,
            of_members,
            self._readers,
            self._tasks,
            console_limits,
            translations,
        )
        self._acceptor = self._acceptor_of(settings, limits)

    def _acceptor_of(self, settings: Settings, limits: Limits) -> Acceptor:
        return Acceptor(
            Router(settings, self.connection, self.streams, self.consoles).answer,
            settings.media_host,
            settings.media_port,
            shared=self._is_one_of_many,
            tls=server_context(settings.tls_folder) if settings.tls_folder else None,
            limits=limits,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Listen and run; yield the port.

        Leaving ends every call after its last results, or at once if `force_stop`.
        """
        port = await self._listen()
        async with self._tasks:
            timers = (self._tick_all(), self._renew(), self._check_liveness(), self._send_heartbeats())
            parts = (*timers, self._acceptor.run(), self.connection.run(), self._transcribe_health.run())
            background = [self._tasks.create_task(part) for part in parts]
            try:
                yield port
            finally:
                self._acceptor.close()
                self.calls.leave()
                for socket in self.streams:
                    socket.close(GOING_AWAY, "going away")
                await self.calls.end(at_once=self.force_stop)
                for console in self.consoles:
                    console.close(GOING_AWAY, "going away")
                await self._heartbeats.send_last(self.admission.close())
                for task in background:
                    task.cancel()

    async def _listen(self) -> int:
        try:
            return await self._acceptor.open()
        except OSError as error:
            stop("media", f"MEDIA_PORT: {self._port}: {error}")

    async def drain(self, seconds: float) -> None:
        """Accept no new calls and wait up to ``seconds`` for live ones to end; hand the rest over to other nodes."""
        if self._is_one_of_many:
            self._acceptor.close()  # else the kernel would still give this process a share of the new sockets
        await self.calls.drain(seconds)

    async def _tick_all(self) -> None:
        """Run the one timer: calls ten times a second, rows twice, sockets and gauges once."""
        due, ticks = time.monotonic(), 0
        while True:
            due += TICK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            metrics.LOOP_LAG.observe(max(0.0, now - due))
            due = max(due, now - TICK_SECONDS)
            self.calls.tick(now)
            ticks += 1
            if ticks % round(ROWS_SECONDS / TICK_SECONDS) == 0:
                self.hub.tell_rows()
            if ticks % 10 == 0:
                self.calls.count()
                for socket in (*self.streams, *self.consoles):
                    socket.tick(now)
                self._readers.tick(now)
                self._update_gauges()

    def _update_gauges(self) -> None:
        metrics.LIVE_CALLS.set(len(self.calls))
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
            heartbeat = self.admission.heartbeat(len(self.calls))
            self._heartbeats.send(structs.replace(heartbeat, transcribe=self._transcribe_health.last_error))
            self.replication.keep_mirrored()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _check_liveness(self) -> None:
        while True:
            await asyncio.sleep(LIVENESS_SECONDS)
            self.replication.check_liveness()


_PROBLEMS: dict[str, Problem] = {
    "UnsupportedLanguagePairException": "language",
    "TooManyRequestsException": "busy",
    "ThrottlingException": "busy",
    "LimitExceededException": "busy",
}


def _translator(service: JsonApi) -> Translate:
    async def translated(text: str, source: str, target: str) -> str:
        try:
            return await translate(service, text, source, target)
        except AmazonError as error:
            log.warning("Amazon Translate refused", kind=error.kind)
            raise TranslationError(_PROBLEMS.get(error.kind, "unavailable")) from None

    return translated
