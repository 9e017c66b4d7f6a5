"""Answer requests: ``/twilio/stream``, ``/console``, ``/healthz``, ``/readyz``, ``/metrics``.

picows asks before it upgrades a connection, so a refusal is an ordinary answer with a status.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from twilio.request_validator import RequestValidator, add_port, remove_port

from media import metrics
from media.config import Settings
from media.sockets.acceptor import CURRENT, Answer
from media.sockets.console import Console, Consoles
from media.sockets.twilio_stream import Stream, Streams
from protocol.nats import NatsConnection


class Router:
    """Answers each request with a socket, a page or a refusal."""

    def __init__(self, settings: Settings, connection: NatsConnection, streams: Streams, consoles: Consoles) -> None:
        self._web_public_url = settings.web_public_url
        self._connection = connection
        self._streams = streams
        self._consoles = consoles
        self._signatures = _signatures(settings)

    def answer(self, request: WSUpgradeRequest) -> Answer:
        """Return what picows has to do with ``request``."""
        _normalise(request)
        match request.path.partition(b"?")[0]:
            case b"/twilio/stream":
                return self._stream(request)
            case b"/console":
                return self._console(request)
            case b"/healthz":
                return _page(HTTPStatus.OK, b"ok\n")
            case b"/readyz":
                return self._ready()
            case b"/metrics":
                return _page(HTTPStatus.OK, metrics.render(), "text/plain; version=0.0.4; charset=utf-8")
        return _page(HTTPStatus.NOT_FOUND, b"not found\n")

    def _stream(self, request: WSUpgradeRequest) -> Answer:
        given = request.headers.get("X-Twilio-Signature", "").encode(errors="replace")
        # Compare with every signature, even after a match, so that the time taken reveals nothing.
        if not sum(hmac.compare_digest(given, expected) for expected in self._signatures):
            metrics.REFUSED.labels("stream", "signature").inc()
            return _page(HTTPStatus.FORBIDDEN, b"signature\n")
        if self._streams.calls.draining:
            metrics.REFUSED.labels("stream", "draining").inc()
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        return Stream(self._streams)

    def _console(self, request: WSUpgradeRequest) -> Answer:
        if request.headers.get("Origin") != self._web_public_url:
            metrics.REFUSED.labels("console", "origin").inc()
            return _page(HTTPStatus.FORBIDDEN, b"origin\n")
        connection = CURRENT.get()
        if connection is not None and not connection.ask_for_console(request.headers.get("X-Forwarded-For")):
            metrics.REFUSED.labels("console", "crowded").inc()
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"too many consoles without a ticket\n")
        return Console(self._consoles)

    def _ready(self) -> Answer:
        if self._streams.calls.draining:
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        if not self._connection.confirmed_once.is_set():
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"waiting for NATS\n")
        return _page(HTTPStatus.OK, b"ready\n")


def _normalise(request: WSUpgradeRequest) -> None:
    """Rewrite Connection and Upgrade as picows expects them: one lower-case word each.

    They are lists of tokens, in any case and over several lines (RFC 9110, 5.3 and 7.6.1); some browsers and proxies
    send ``Connection: keep-alive, Upgrade``.
    """
    for header, wanted in (("Connection", "upgrade"), ("Upgrade", "websocket")):
        lines = request.headers.getall(header, [])
        if any(token.strip().lower() == wanted for line in lines for token in line.split(",")):
            request.headers[header] = wanted


def _signatures(settings: Settings) -> list[bytes]:
    """Return all signatures that Twilio may send: each spelling of the URL, without parameters, under each token."""
    tokens = [token.get_secret_value() for token in settings.twilio_auth_tokens]
    urls = _spellings(f"{settings.media_public_url}/twilio/stream")
    return [RequestValidator(token).compute_signature(url, {}).encode() for token in tokens for url in urls]


def _spellings(url: str) -> set[str]:
    """Return ``url`` as the TwiML has it, and with and without its port, as Twilio's own validators accept it.

    The scheme never changes. Twilio's validators add port 80 for ``wss``; 443 is what it means. Both are accepted.
    """
    parts = urlsplit(url)
    default = 443 if parts.scheme == "wss" else 80
    explicit = parts if parts.port else parts._replace(netloc=f"{parts.netloc}:{default}")
    return {url, explicit.geturl(), add_port(parts), remove_port(parts)}


def _page(status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> Answer:
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    if status < HTTPStatus.BAD_REQUEST:
        response = WSUpgradeResponse.create_ok_response(body, headers)
    else:
        response = WSUpgradeResponse.create_error_response(status, body, headers)
    return WSUpgradeResponseWithListener(response, None)
