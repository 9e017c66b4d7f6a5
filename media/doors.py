"""The doors of the one listener: ``/twilio/stream``, ``/console``, ``/healthz``, ``/readyz``, ``/metrics``.

picows asks for each request, before anything is upgraded, so refusing is an answer with a status like any other.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from typing import Protocol

from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from twilio.request_validator import RequestValidator

from media import metrics
from media.bus import Bus
from media.config import Settings
from media.console import Console, Consoles
from media.stream import Calls, Stream

Answer = WSListener | WSUpgradeResponseWithListener


class House(Calls, Consoles, Protocol):
    """What lies behind the doors."""

    settings: Settings
    bus: Bus
    draining: bool

    def admit(self, socket: Stream | Console) -> None: ...


class Doors:
    """Answers one request at a time: a socket, a page, or a refusal."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._signatures = _signatures(house.settings)

    def answer(self, request: WSUpgradeRequest) -> Answer:
        """What picows is to do with ``request``."""
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
        given = request.headers.get("X-Twilio-Signature", "").encode()
        # Every one is compared, whichever fits: the time taken tells nothing.
        if not sum(hmac.compare_digest(given, expected) for expected in self._signatures):
            metrics.REFUSED.labels("stream", "signature").inc()
            return _page(HTTPStatus.FORBIDDEN, b"signature\n")
        if self._house.draining:
            metrics.REFUSED.labels("stream", "draining").inc()
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        stream = Stream(self._house)
        self._house.admit(stream)
        return stream

    def _console(self, request: WSUpgradeRequest) -> Answer:
        if request.headers.get("Origin") != self._house.settings.web_public_url:
            metrics.REFUSED.labels("console", "origin").inc()
            return _page(HTTPStatus.FORBIDDEN, b"origin\n")
        console = Console(self._house)
        self._house.admit(console)
        return console

    def _ready(self) -> Answer:
        if self._house.draining:
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"draining\n")
        if not self._house.bus.ready.is_set():
            return _page(HTTPStatus.SERVICE_UNAVAILABLE, b"waiting for NATS\n")
        return _page(HTTPStatus.OK, b"ready\n")


def _signatures(settings: Settings) -> list[bytes]:
    """What Twilio signs the handshake with, one for each token: the URL as the TwiML gives it, no parameters."""
    url = f"{settings.media_public_url}/twilio/stream"
    tokens = [token.get_secret_value() for token in settings.twilio_auth_tokens]
    return [RequestValidator(token).compute_signature(url, {}).encode() for token in tokens]


def _page(status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> Answer:
    headers = {"Content-Type": kind, "Cache-Control": "no-store"}
    if status < HTTPStatus.BAD_REQUEST:
        response = WSUpgradeResponse.create_ok_response(body, headers)
    else:
        response = WSUpgradeResponse.create_error_response(status, body, headers)
    return WSUpgradeResponseWithListener(response, None)
