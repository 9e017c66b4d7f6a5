"""Twilio's REST API, from Sydney, with a timeout that holds.

`Client` is twilio's own; only its HTTP client is ours. What had to be put right in it: it gives aiohttp a timeout
of None for every request whatever its constructor is given, it knows no base URL but Twilio's, it uses a way of
signing in that aiohttp is about to drop, it logs URLs, which carry phone numbers, it forgets for how long
Twilio asks to be left alone, and it reads an answer that was cut off before its first character.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiohttp import encode_basic_auth
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from db.engine import refuse_in_transaction
from provisioning.twilio.settings import TWILIO_API, TwilioSettings

REGION, EDGE = "au1", "sydney"  # -> https://api.sydney.au1.twilio.com
SECONDS = 10.0  # for one whole request

_BUSY = (429, 500, 502, 503, 504)

_silent = logging.Logger("twilio", logging.CRITICAL)


class BusyError(TwilioRestException):
    """Twilio is busy, down, or its answer is empty: a later retry may help.

    ``retry_after`` is in seconds, if given.
    """

    def __init__(self, method: str, url: str, response: Response) -> None:
        super().__init__(response.status_code, url, "Twilio is busy", _code(response), method)
        given = str((response.headers or {}).get("Retry-After", ""))
        self.retry_after = float(given) if given.isdecimal() else None


class _HttpClient(AsyncTwilioHttpClient):
    """The HTTP client of Twilio's package, bounded in time and pointed at ``base`` if that is given."""

    def __init__(self, base: str | None, seconds: float) -> None:
        super().__init__(timeout=seconds, logger=_silent)
        self._seconds = seconds
        self._base = base

    async def request(  # type: ignore[override]  # as in twilio's own subclass
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        **_: Any,
    ) -> Response:
        refuse_in_transaction("Twilio")
        if auth is not None:
            headers = {**(headers or {}), "Authorization": encode_basic_auth(*auth)}
        async with asyncio.timeout(self._seconds):
            response = await super().request(method, at(self._base, url), params, data, headers)
        is_empty = method != "DELETE" and not response.text  # twilio's client would take it for an object of Nones
        if response.status_code in _BUSY or is_empty:
            raise BusyError(method, urlsplit(url).path, response)
        return response


def at(base: str | None, url: str) -> str:
    """Return ``url`` on the host of ``base`` (``http://127.0.0.1:8090``), or as it is if there is none."""
    if base is None:
        return url
    scheme, netloc, *_ = urlsplit(base)
    return urlunsplit((scheme, netloc, *urlsplit(url)[2:]))


def _code(response: Response) -> int | None:
    """Return Twilio's error code; None if the answer is not Twilio's but a gateway's."""
    try:
        code = json.loads(response.text)["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, int) else None


@asynccontextmanager
async def connected(
    *, account: str, key: str, secret: str, base: str | None = None, seconds: float = SECONDS
) -> AsyncIterator[Client]:
    """Open a client of ``account`` at ``base`` (None: au1's host) under an API key. Enter it inside the running loop.

    A key is valid in the Region it was made in, and nowhere else.
    """
    http: AsyncTwilioHttpClient = _HttpClient(base, seconds)
    try:
        yield Client(key, secret, account, region=REGION, edge=EDGE, http_client=http)
    finally:
        await http.close()


def client_of(settings: TwilioSettings) -> AbstractAsyncContextManager[Client]:
    """Return the client that ``settings`` describe. Enter it inside the running loop."""
    return connected(
        account=settings.twilio_account_sid,
        key=settings.twilio_api_key_sid,
        secret=settings.twilio_api_key_secret.get_secret_value(),
        base=None if settings.twilio_api_base == TWILIO_API else settings.twilio_api_base,
    )
