"""Twilio's REST API, from Sydney, with a timeout that holds.

`Client` is twilio's own; only its HTTP client is ours. What had to be put right in it: it gives aiohttp a timeout
of None for every request whatever its constructor was told, it knows no base URL but Twilio's, it uses a way of
signing in that aiohttp is about to drop, and it logs URLs, which carry phone numbers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from aiohttp import encode_basic_auth
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

REGION, EDGE = "au1", "sydney"  # -> https://api.sydney.au1.twilio.com
SECONDS = 10.0  # for one whole request

_silent = logging.Logger("twilio", logging.CRITICAL)


class _HttpClient(AsyncTwilioHttpClient):
    """twilio's, bounded in time and pointed at ``base`` if that is given."""

    def __init__(self, base: str | None) -> None:
        super().__init__(timeout=SECONDS, logger=_silent)
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
        if auth is not None:
            headers = {**(headers or {}), "Authorization": encode_basic_auth(*auth)}
        async with asyncio.timeout(SECONDS):
            return await super().request(method, at(self._base, url), params, data, headers)


def at(base: str | None, url: str) -> str:
    """``url`` on the host of ``base`` (``http://127.0.0.1:8090``), or as it is if there is none."""
    if base is None:
        return url
    scheme, netloc, *_ = urlsplit(base)
    return urlunsplit((scheme, netloc, *urlsplit(url)[2:]))


@asynccontextmanager
async def connected(*, account: str, key: str, secret: str, base: str | None = None) -> AsyncIterator[Client]:
    """A client of ``account`` under an API key of region au1. Enter it inside the running loop."""
    http: AsyncTwilioHttpClient = _HttpClient(base)
    try:
        yield Client(key, secret, account, region=REGION, edge=EDGE, http_client=http)
    finally:
        await http.close()
