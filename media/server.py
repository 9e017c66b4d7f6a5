"""One listener: ``/twilio/stream``, ``/console``, ``/healthz``, ``/readyz``, ``/metrics``; and draining.

picows serves both kinds of socket: measured against `websockets` it costs less than half the CPU a frame
(docs/performance.md). Its factory is called for each request, before anything is upgraded, so refusing is an answer
with a status like any other.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server
from twilio.request_validator import RequestValidator

from media import metrics
from media.admission import Admission
from media.bus import RENEW_SECONDS, Bus
from media.call import Call
from media.config import Settings
from media.console import Console
from media.hub import Hub
from media.listener import MOST_BYTES, READ_BUFFER_BYTES
from media.stream import TAKEN_OVER, Stream
from media.ticket import Spent, StreamTicket
from media.transcribe import Transcribe
from media.transcript import LiveCall

TICK_SECONDS = 0.1
_PING_SECONDS = 15.0
log = structlog.get_logger()


class Server:
    """The process's calls, consoles and sockets. `run` serves until `drained`."""

    def __init__(self, settings: Settings, transcribe: Transcribe, node: str) -> None:
        self.settings = settings
        self.stream_secret = settings.stream_shared_secret.get_secret_value()
        self.account_sid = settings.twilio_account_sid
        self.hub = Hub()
        self._spent = Spent()
        self.bus = Bus(settings.nats_url.get_secret_value(), node, self.hub, self._spent, self._own_calls)
        self.draining = False
        self.hurried = False
        self._transcribe = transcribe
        self._admission = Admission(settings.transcribe_max_streams)
        self._calls: dict[str, Call] = {}
        self._streams: set[Stream] = set()
        self.consoles: set[Console] = set()
        self._holds: set[asyncio.Task[None]] = set()
        self._signatures = _signatures(settings)
        self._tasks = asyncio.TaskGroup()
        self._empty = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Listen and run; gives the port. Leaving ends every call, with its last words unless hurried."""
        listener = await self._listen()
        port: int = listener.sockets[0].getsockname()[1]
        async with self._tasks:
            work = (self._tick_all(), self.bus.run(), self._renew())
            background = [self._tasks.create_task(part) for part in work]
            try:
                yield port
            finally:
                listener.close()
                await self._end_calls()
                self._close_consoles()
                for task in background:
                    task.cancel()

    async def drain(self, seconds: float) -> None:
        """Take no new calls, and wait until the live ones are over, `seconds` at most."""
        self.draining = True
        log.info("draining", calls=len(self._calls), seconds=seconds)
        if self._calls:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), seconds)
            except TimeoutError:
                log.warning("drain gave up", calls=len(self._calls))

    def begin(self, ticket: StreamTicket, stream: Stream) -> Call:
        """A stream showed a ticket: it opens a call, or takes over the one that is live."""
        call = self._calls.get(ticket.call)
        if call is None:
            call = self._calls[ticket.call] = self._new_call(ticket)
            hold = self._tasks.create_task(self._hold(call))
            self._holds.add(hold)
            hold.add_done_callback(self._holds.discard)
        call.attach(stream, TAKEN_OVER)
        log.info("stream started", call=call.sid, stream=stream.sid)
        return call

    def spend(self, jti: str, exp: float) -> bool:
        """Use a ticket up, on this node and the others; False if it was used before."""
        fresh = self._spent.spend(jti, exp)
        if fresh:
            self.bus.tell_spent(jti, exp)
        return fresh

    def opened(self, console: Console) -> None:
        """A console has its snapshot; calls on other nodes follow as events."""
        self._tasks.create_task(self.bus.watch(console.org))

    def forget(self, socket: Stream | Console) -> None:
        """A socket is gone."""
        if isinstance(socket, Stream):
            self._streams.discard(socket)
        else:
            self.consoles.discard(socket)

    async def _listen(self) -> asyncio.Server:
        return await ws_create_server(
            self._accept,
            self.settings.media_host,
            self.settings.media_port,
            max_frame_size=MOST_BYTES,
            read_buffer_init_size=READ_BUFFER_BYTES,
            enable_auto_ping=True,
            auto_ping_idle_timeout=_PING_SECONDS,
            auto_ping_reply_timeout=_PING_SECONDS,
        )

    def _new_call(self, ticket: StreamTicket) -> Call:
        return Call(
            ticket,
            agent=ticket.agent or self.bus.agent_of(ticket.call),
            open_=self._transcribe.open,
            admission=self._admission,
            publish=self.hub.publish,
            tell=self.bus.tell,
        )

    async def _hold(self, call: Call) -> None:
        """Own a call's life; one that fails ends alone."""
        try:
            await call.run()
        except Exception:
            log.exception("call failed", call=call.sid)
        finally:
            self._calls.pop(call.sid, None)
            log.info("call ended", call=call.sid)
            if not self._calls:
                self._empty.set()

    def _own_calls(self, of: str) -> Iterable[LiveCall]:
        """This node's live calls of an organisation, or the one with this CallSid."""
        for call in self._calls.values():
            if of in (call.org, call.sid) and (live := self.hub.find(call.org, call.sid)) is not None:
                yield live

    async def _tick_all(self) -> None:
        """The one timer: calls ten times a second, sockets and gauges once."""
        due, turn = time.monotonic(), 0
        while True:
            due += TICK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            metrics.LOOP_LAG.observe(max(0.0, now - due))
            due = max(due, now - TICK_SECONDS)
            for call in tuple(self._calls.values()):
                self._tick(call, now)
            turn += 1
            if turn % 10 == 0:
                for socket in (*self._streams, *self.consoles):
                    socket.tick(now)
                self._gauge()

    def _tick(self, call: Call, now: float) -> None:
        try:
            call.tick(now)
        except Exception:
            log.exception("call failed", call=call.sid)
            call.end("failed")

    def _gauge(self) -> None:
        metrics.LIVE_CALLS.set(len(self._calls))
        metrics.CONSOLES.set(len(self.consoles))
        metrics.SLOTS_HELD.set(self._admission.held)
        metrics.SLOTS_WAITING.set(self._admission.waiting)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.bus.renew()

    async def _end_calls(self) -> None:
        """Take no more sound; wait for the last words, unless told to hurry."""
        for stream in tuple(self._streams):
            stream.close(1001, "going away")
        for call in tuple(self._calls.values()):
            call.end("node stopped")
        holds = list(self._holds)
        if self.hurried:
            for hold in holds:
                hold.cancel()
        await asyncio.gather(*holds, return_exceptions=True)

    def _close_consoles(self) -> None:
        for console in tuple(self.consoles):
            console.close(1001, "going away")

    def _accept(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener | None:
        """Answer one request: a socket, a page, or a refusal."""
        match request.path.partition(b"?")[0]:
            case b"/twilio/stream":
                return self._accept_stream(request)
            case b"/console":
                return self._accept_console(request)
            case b"/healthz":
                return _answer(HTTPStatus.OK, b"ok\n")
            case b"/readyz":
                return self._ready()
            case b"/metrics":
                return _answer(HTTPStatus.OK, metrics.render(), "text/plain; version=0.0.4; charset=utf-8")
        return _answer(HTTPStatus.NOT_FOUND, b"not found\n")

    def _accept_stream(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        given = request.headers.get("X-Twilio-Signature", "").encode()
        if not any([hmac.compare_digest(given, expected) for expected in self._signatures]):  # noqa: C419
            metrics.REFUSED.labels("stream", "signature").inc()
            return _answer(HTTPStatus.FORBIDDEN, b"signature\n")
        if self.draining:
            metrics.REFUSED.labels("stream", "draining").inc()
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        stream = Stream(self)
        self._streams.add(stream)
        return stream

    def _accept_console(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        if request.headers.get("Origin") != self.settings.web_public_url:
            metrics.REFUSED.labels("console", "origin").inc()
            return _answer(HTTPStatus.FORBIDDEN, b"origin\n")
        console = Console(self)
        self.consoles.add(console)
        return console

    def _ready(self) -> WSUpgradeResponseWithListener:
        if self.draining:
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        if not self.bus.ready.is_set():
            return _answer(HTTPStatus.SERVICE_UNAVAILABLE, b"waiting for NATS\n")
        return _answer(HTTPStatus.OK, b"ready\n")


def _signatures(settings: Settings) -> list[bytes]:
    """What Twilio signs the handshake with, one for each token: the URL as the TwiML gives it, no parameters."""
    url = f"{settings.media_public_url}/twilio/stream"
    tokens = [token.get_secret_value() for token in settings.twilio_auth_tokens]
    return [RequestValidator(token).compute_signature(url, {}).encode() for token in tokens]


def _answer(
    status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8"
) -> WSUpgradeResponseWithListener:
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    if status < HTTPStatus.BAD_REQUEST:
        response = WSUpgradeResponse.create_ok_response(body, headers)
    else:
        response = WSUpgradeResponse.create_error_response(status, body, headers)
    return WSUpgradeResponseWithListener(response, None)
