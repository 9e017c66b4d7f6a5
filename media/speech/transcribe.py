"""One Amazon Transcribe WebSocket: presign, send chunks, read results.

The protocol is known here and in `eventstream` only: "Setting up a streaming transcription" (WebSocket) of the
Transcribe guide. One connection with two channels a call takes half the quota and half the price of two. awscrt
signs, amazon-transcribe gives the event-stream codec; its HTTP/2 transport is never started (it uses a whole core,
and hangs on a dropped connection).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar, cast
from urllib.parse import urlencode, urlsplit

from awscrt.auth import AwsCredentials, AwsCredentialsProvider, AwsSignatureType, AwsSigningConfig, aws_sign_request
from awscrt.http import HttpHeaders, HttpRequest
from picows import (
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    ws_connect,
)

from media.amazon.vendor_clock import VendorClock
from media.metrics import TRANSCRIBE_UNREADABLE
from media.speech.eventstream import (
    Result,
    TranscribeError,
    audio_event,
    failure,
    read_event,
    read_exception,
    read_message,
    read_results,
)

_PATH = "/stream-transcription-websocket"
_EXPIRES_SECONDS = 300
_LARGEST_ANSWER = 4 * 1024 * 1024
_READ_BUFFER_BYTES = 4 * 1024  # to begin with
_HIGH_WATER = 256 * 1024  # bytes of audio, 8 s, in the socket's buffer before it counts as stuck
_BY_STATUS = {429: "LimitExceededException", 503: "ServiceUnavailableException"}
_MOST_UNREADABLE = 20  # events in a row

OnEvent = Callable[[Sequence[Result]], None]  # the results of a transcript event, perhaps none
Listener = TypeVar("Listener", bound=WSListener)


@dataclass(frozen=True, slots=True)
class ConnectionTiming:
    """Times of a connection to Transcribe, in seconds."""

    open: float = 8.0
    """For it to open."""
    check: float = 5.0
    """For the endpoint to answer a probe."""
    most: float = 4 * 3600 - 600.0
    """To use it at most: "maximum stream duration: 4 hours", less ten minutes to find a pause."""
    before_expiry: float = 300.0
    """To stop using it before its credentials expire."""
    least: float = 60.0
    """To use it at least, however soon its credentials expire."""

    def lasts(self, expiration: datetime | None, now: datetime) -> float:
        """Return how long a connection can be used that is opened ``now`` with credentials that expire so."""
        if expiration is None:
            return self.most
        return max(self.least, min(self.most, (expiration - now).total_seconds() - self.before_expiry))


@dataclass(frozen=True, slots=True)
class Hearing:
    """What Transcribe is asked to hear in a call: the settings of its number."""

    language: str
    """``en-AU``."""
    vocabulary: str | None = None
    """The name of a custom vocabulary of the same language."""
    redacts: bool = False
    """Leave personal details out of final results. Partial ones still have them: "redaction … is performed only upon
    complete transcription of the audio segments"."""


class Transcribe:
    """Open connections to one endpoint, ``wss://host[:port]``."""

    def __init__(
        self,
        endpoint: str,
        *,
        region: str,
        credentials: AwsCredentialsProvider,
        timing: ConnectionTiming = ConnectionTiming(),
    ) -> None:
        self.endpoint = endpoint
        self.timing = timing
        self._region = region
        self.credentials = credentials
        self._clock = VendorClock()
        self._tls = ssl.create_default_context()  # once: reading the certificate authorities takes 10 ms and more

    async def open(self, on_event: OnEvent, hearing: Hearing) -> Connection:
        """Return a connection that calls ``on_event`` for each transcript event.

        Raise `TranscribeError` within `ConnectionTiming.open`.
        """
        try:
            async with asyncio.timeout(self.timing.open):
                credentials = await self._find_credentials()
                url = await self._presign(credentials, _query(hearing))
                lasts = self.timing.lasts(credentials.expiration, self._clock.now())
                listener = await self._connect(lambda: Connection(on_event, lasts), url)
        except WSHandshakeError as error:
            raise _refused(error) from None
        except TimeoutError:
            raise TranscribeError("Timeout") from None
        except OSError as error:
            raise TranscribeError(type(error).__name__) from None
        if listener is None:  # the socket was closed right after the upgrade
            raise TranscribeError("Dropped")
        return listener

    async def check_reachable(self) -> None:
        """Find credentials and connect to the endpoint as `open` does, but open no stream.

        Any HTTP answer is good. Raise `TranscribeError` within `ConnectionTiming.check`.
        """
        try:
            async with asyncio.timeout(self.timing.check):
                await self._find_credentials()
                if await self._connect(WSListener, f"{self.endpoint}/") is None:
                    raise TranscribeError("NoAnswer")
        except WSHandshakeError as error:
            if error.response is None:
                raise TranscribeError("NoAnswer") from None
        except TimeoutError:
            raise TranscribeError("Timeout") from None
        except OSError as error:
            raise TranscribeError(type(error).__name__) from None

    async def _connect(self, listener: Callable[[], Listener], url: str) -> Listener | None:
        """Open one WebSocket with asyncio's own transports. Return None if it was closed at once.

        picows prefers aiofastnet's transports, but those write the peer's certificate to a temporary file during the
        TLS handshake, and hang where no folder is writable.
        """

        def accepted(_: WSUpgradeRequest, answer: WSUpgradeResponse) -> Listener:
            self._clock.learn(answer.headers.get("Date"))
            return listener()

        try:
            _, opened = await ws_connect(
                accepted,
                url,
                ssl_context=self._tls,
                use_aiofastnet=False,
                max_frame_size=_LARGEST_ANSWER,
                max_redirects=0,
                read_buffer_init_size=_READ_BUFFER_BYTES,
            )
        except WSHandshakeError as error:
            if error.response is not None:
                self._clock.learn(error.response.headers.get("Date"))
            raise
        return cast("Listener | None", opened)

    async def _find_credentials(self) -> AwsCredentials:
        try:
            return await asyncio.wrap_future(self.credentials.get_credentials())
        except Exception as error:  # awscrt raises bare RuntimeErrors when it finds none; they may yet appear
            raise TranscribeError("Credentials") from error

    async def _presign(self, credentials: AwsCredentials, query: str) -> str:
        """Return the signed URL. The signature equals the JavaScript SDK's, with the port in the host."""
        host = urlsplit(self.endpoint).netloc
        request = HttpRequest("GET", f"{_PATH}?{query}", HttpHeaders([("Host", host)]))
        config = AwsSigningConfig(
            signature_type=AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
            credentials_provider=AwsCredentialsProvider.new_static(
                credentials.access_key_id, credentials.secret_access_key, credentials.session_token
            ),
            region=self._region,
            service="transcribe",
            date=self._clock.now(),
            expiration_in_seconds=_EXPIRES_SECONDS,
        )
        await asyncio.wrap_future(aws_sign_request(request, config))
        return f"{self.endpoint}{request.path}"


class Connection(WSListener):
    """One open connection. `send` never waits; `closed` reports how it ended."""

    def __init__(self, on_event: OnEvent, lasts_seconds: float) -> None:
        self.lasts_seconds = lasts_seconds
        self._on_event = on_event
        self._transport: WSTransport | None = None
        self._failure: TranscribeError | None = None
        self._ended = False
        self._unreadable = 0  # events in a row
        self._closed = asyncio.Event()

    def send(self, pcm: bytes) -> None:
        """Send audio. A connection that is closed or stuck ignores it, and `closed` reports that."""
        if self._transport is None:
            return
        socket = self._transport.underlying_transport
        if socket.is_closing():
            return
        if socket.get_write_buffer_size() > _HIGH_WATER:
            self.abort(TranscribeError("Stuck"))
            return
        self._transport.send(WSMsgType.BINARY, audio_event(pcm))

    def end(self) -> None:
        """Send an empty audio event: no more audio. Transcribe answers with its last final results and closes."""
        if not self._ended:
            self._ended = True
            self.send(b"")

    def abort(self, why: TranscribeError | None = None) -> None:
        """Disconnect at once; `closed` raises ``why``."""
        self._failure = self._failure or why
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def closed(self) -> None:
        """Wait for the end. Raise `TranscribeError` unless `end` asked for it."""
        await self._closed.wait()
        if self._failure is not None:
            raise self._failure
        if not self._ended:
            raise TranscribeError("Dropped")

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.BINARY:
            self._on_event_message(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self._closed.set()

    def _on_event_message(self, event: bytes) -> None:
        """Handle an event. One that cannot be read is skipped, as the next may be readable."""
        try:
            headers, payload = read_event(event)
            kind = headers.get(":message-type")
            if kind in ("exception", "error"):
                self.abort(read_exception(headers, payload))
            elif kind == "event" and headers.get(":event-type") == "TranscriptEvent":
                self._on_event(read_results(payload))
        except TranscribeError as error:
            self._skip(error)
        else:
            self._unreadable = 0

    def _skip(self, error: TranscribeError) -> None:
        TRANSCRIBE_UNREADABLE.inc()
        self._unreadable += 1
        if self._unreadable > _MOST_UNREADABLE:
            self.abort(error)


@lru_cache(maxsize=256)
def _query(hearing: Hearing) -> str:
    """Return the parameters of a stream, in the order in which they are signed."""
    asked = {
        "enable-channel-identification": "true",
        "enable-partial-results-stabilization": "true",
        "language-code": hearing.language,
        "media-encoding": "pcm",
        "number-of-channels": "2",
        "partial-results-stability": "high",
        "sample-rate": "8000",
    }
    if hearing.vocabulary is not None:
        asked["vocabulary-name"] = hearing.vocabulary
    if hearing.redacts:
        asked |= {"content-redaction-type": "PII", "pii-entity-types": "ALL"}
    return urlencode(sorted(asked.items()))


def _refused(error: WSHandshakeError) -> TranscribeError:
    """Return the error of a handshake not answered with 101: named in a header, or else derived from the status."""
    if error.response is None:
        return TranscribeError("Dropped")
    status = int(error.response.status)
    named = error.response.headers.get("x-amzn-errortype", "").split(":")[0]
    text = read_message(bytes(error.raw_body or b""))
    return failure(named or _BY_STATUS.get(status, f"HTTP{status}"), text)
