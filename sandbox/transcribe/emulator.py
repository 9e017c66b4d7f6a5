"""Amazon Transcribe streaming over WebSocket, emulated so that AWS's own clients cannot tell.

Checks the signed URL and the parameters, takes event-stream audio of one or two channels, and answers
transcript events, partial and final, in the stream's own audio time. As the service documents ("Handling
WebSocket streaming errors"), the upgrade succeeds even for a client that will be refused: an exception frame
tells it why, and a close follows. What listens is a recogniser from `sandbox.recognition.recogniser`.

The `Transcribe` object counts what happens and can make things go wrong, for tests.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from types import MappingProxyType

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from sandbox.recognition.recogniser import RecogniserFactory
from sandbox.transcribe import answer, heard, request as transcribe_request, sigv4
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.request import Vocabulary
from sandbox.transcribe.stream import Limits, Opening, Stream

PATH = "/stream-transcription-websocket"
_LARGEST_FRAME = 1 << 20
_REMEMBERED = 10_000  # openings; older ones are forgotten
_OVER_QUOTA = "You have reached your limit of concurrent streams, {}. Try again later."
_TOO_FAST = "You have reached your limit of streams started in a second, {}. Try again later."
_REPLACED = "A new stream started with the same session ID. The current stream has been terminated."

# How AWS names what an HTTP status refuses.
_REFUSALS = {
    400: AwsError("BadRequestException", "A client error occurred when the stream was created."),
    403: AwsError("AccessDeniedException", "User is not authorized to start a stream."),
    404: AwsError("UnknownOperationException", "Unknown operation"),
    429: AwsError("LimitExceededException", "Your client has exceeded one of the Amazon Transcribe limits."),
    500: AwsError("InternalFailureException", "Internal failure"),
    503: AwsError("ServiceUnavailableException", "The service is currently unavailable. Try your request later."),
}  # fmt: skip


@asynccontextmanager
async def transcribe(
    *,
    port: int,
    access_keys: Mapping[str, str],
    recogniser: RecogniserFactory,
    host: str = "127.0.0.1",
    region: str = "ap-southeast-2",
    session_tokens: Mapping[str, str] | None = None,
    quota: int | None = None,
    starts_per_second: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    tls: ssl.SSLContext | None = None,
    vocabularies: Mapping[str, Vocabulary] = MappingProxyType({}),
) -> AsyncIterator[Transcribe]:
    """Yield the service, listening; ``port`` 0 takes a free one. Everything still open is cut at the end.

    ``access_keys`` are secrets by access key id, ``session_tokens`` the token of each temporary key. ``vocabularies``
    are the account's, by name.
    """
    keys = sigv4.Keys(access_keys, {} if session_tokens is None else session_tokens)
    service = Transcribe(keys=keys, recogniser=recogniser, region=region, quota=quota, limits=limits)
    service.starts_per_second = starts_per_second
    service.vocabularies = dict(vocabularies)
    quiet = logging.getLogger("sandbox.transcribe.emulator.websockets")
    quiet.setLevel(logging.CRITICAL)  # connections cut on purpose are no news
    server = await serve(
        service.handle, host, port,
        process_request=service.refuse_early, process_response=service.add_headers, logger=quiet,
        compression=None, max_size=_LARGEST_FRAME, ping_interval=None, server_header=None, ssl=tls,
    )  # fmt: skip
    async with server:
        service.port = server.sockets[0].getsockname()[1]
        service.url = f"{'ws' if tls is None else 'wss'}://{host}:{service.port}"
        try:
            yield service
        finally:
            service.drop()


class Transcribe:
    """What happens at the service, and what should fail there.

    ``mute``: sound is accepted and nothing comes back, not even a close. ``delay``: seconds by which every
    answer comes late. ``ahead``: of this machine's clock, the service's. ``denial``: the answer to every new stream
    after the upgrade, None to serve it. ``quota``: streams open at once, ``starts_per_second``: streams opened in any
    second, None for any number. ``log``: every opening, in order.
    """

    def __init__(
        self,
        *,
        keys: sigv4.Keys,
        recogniser: RecogniserFactory,
        region: str,
        quota: int | None,
        limits: Limits,
    ) -> None:
        self.mute = False
        self.delay = 0.0
        self.ahead = timedelta(0)
        self.denial: AwsError | None = None
        self.vocabularies: dict[str, Vocabulary] = {}
        self.quota = quota
        self.starts_per_second: int | None = None
        self.log: deque[Opening] = deque(maxlen=_REMEMBERED)
        self.opened = 0
        self.refused = 0
        self.port = 0
        self.url = ""
        self._keys = keys
        self._recogniser = recogniser
        self._region = region
        self._limits = limits
        self._streams: dict[str, Stream] = {}  # by session id
        self._starts: deque[float] = deque()  # within the last second
        self._refusal: tuple[int | None, float] | None = None  # HTTP status, until when
        self._refuses_barely = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def open(self) -> int:
        """Streams open now."""
        return len(self._streams)

    def drop(self) -> None:
        """Cut every connection, without a close."""
        for stream in list(self._streams.values()):
            stream.drop()

    def fail(self, type_: str, text: str = "Something went wrong on purpose.") -> None:
        """End every open stream with an exception frame of this type."""
        for stream in list(self._streams.values()):
            stream.fail(AwsError(type_, text))

    def say(self, frame: bytes) -> None:
        """Send ``frame`` on every open stream, as it is."""
        for stream in list(self._streams.values()):
            stream.say(frame)

    def refuse(self, status: int | None = None, seconds: float = float("inf"), *, bare: bool = False) -> None:
        """Open nothing new for ``seconds``: answer the upgrade with this HTTP status, or cut it if None.

        ``bare``: without AWS's name and text, as whatever stands on the way to it answers.
        """
        self._refusal = (status, time.monotonic() + seconds)
        self._refuses_barely = bare

    def accept(self) -> None:
        """Refuse nobody any more."""
        self._refusal = None

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until ``condition`` is true; it may read anything counted here. Raise TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(change)
                await change

    def changed(self) -> None:
        """Wake those who wait: something was counted."""
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)

    def refuse_early(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer the upgrade with an error, where that is due."""
        status, until = self._refusal or (0, 0.0)
        refuses = time.monotonic() < until
        if refuses and status is None:  # whoever it is
            self._count_refusal()
            connection.transport.abort()
            return self._error(connection, 503)
        if request.path == heard.PATH:
            return self._heard(connection)
        if request.path.partition("?")[0] != PATH:
            return self._error(connection, 404)
        if not refuses:
            return None
        self._count_refusal()
        if self._refuses_barely:
            return connection.respond(HTTPStatus(status or 503), "")
        return self._error(connection, status or 503)

    def add_headers(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """Add the headers with which the service accepts an upgrade."""
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return
        host = request.headers.get("Host", "")
        session_id = dict(sigv4.parameters(request.path.partition("?")[2])).get("session-id")
        self._date(response)
        response.headers["websocket-origin"] = f"wss://{host}"
        response.headers["websocket-location"] = host + request.path
        response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
        response.headers["x-amzn-SessionId"] = session_id or str(connection.id)
        response.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def handle(self, connection: ServerConnection) -> None:
        """Serve one connection, from the upgrade to its end."""
        try:
            opening = self._admit(connection)
        except AwsError as error:
            self._count_refusal()
            await connection.send(answer.exception(error))
            return
        await self._serve(Stream(connection, opening, self._recogniser, self._limits, self))

    def _admit(self, connection: ServerConnection) -> Opening:
        """Check signature, parameters and quota. Raise `AwsError`."""
        assert connection.request is not None
        path, _, query = connection.request.path.partition("?")
        host = connection.request.headers.get("Host", "")
        now = datetime.now(UTC) + self.ahead
        sigv4.verify(path, query, host, keys=self._keys, region=self._region, service="transcribe", now=now)
        request = transcribe_request.parse(dict(sigv4.parameters(query)), self.vocabularies)
        session_id = request.session_id or str(connection.id)
        if self.denial is not None:
            raise self.denial
        if self.quota is not None and self.open >= self.quota and session_id not in self._streams:
            raise AwsError("LimitExceededException", _OVER_QUOTA.format(self.quota))
        self._count_start(time.monotonic())
        return Opening(request, session_id)

    def _count_start(self, now: float) -> None:
        """Raise `AwsError` if too many were started within a second."""
        while self._starts and now - self._starts[0] >= 1.0:
            self._starts.popleft()
        if self.starts_per_second is not None and len(self._starts) >= self.starts_per_second:
            raise AwsError("LimitExceededException", _TOO_FAST.format(self.starts_per_second))
        self._starts.append(now)

    async def _serve(self, stream: Stream) -> None:
        session_id = stream.opening.session_id
        if replaced := self._streams.get(session_id):
            replaced.fail(AwsError("ConflictException", _REPLACED))
        self._streams[session_id] = stream
        self.log.append(stream.opening)
        self.opened += 1
        self.changed()
        try:
            await stream.run()
        finally:
            self.release(stream)

    def release(self, stream: Stream) -> None:
        """Give the stream's place in the quota back."""
        if self._streams.get(stream.opening.session_id) is stream:
            del self._streams[stream.opening.session_id]
        self.changed()

    def _heard(self, connection: ServerConnection) -> Response:
        """Return what was heard in each stream, the oldest first."""
        shown = [
            {"id": opening.session_id, "ended": opening.ended, "channels": [each.as_json() for each in opening.heard]}
            for opening in self.log
        ]
        response = connection.respond(HTTPStatus.OK, json.dumps(shown))
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    def _count_refusal(self) -> None:
        self.refused += 1
        self.changed()

    def _error(self, connection: ServerConnection, status: int) -> Response:
        response = _error(connection, status)
        self._date(response)
        return response

    def _date(self, response: Response) -> None:
        """Add the service's own time: clients correct theirs by it."""
        del response.headers["Date"]
        response.headers["Date"] = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)


def _error(connection: ServerConnection, status: int) -> Response:
    """Return an HTTP error as AWS's JSON services write it."""
    error = _REFUSALS.get(status, _REFUSALS[500])
    response = connection.respond(HTTPStatus(status), json.dumps({"Message": str(error)}))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    response.headers["x-amzn-ErrorType"] = error.type
    return response
