"""One attempt: look the address up, post, and read no more than the status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from db.engine import refuse_in_transaction
from provisioning.egress import guard
from provisioning.egress.guard import Destination, UnreachableError
from provisioning.webhooks.attempts import Result

ATTEMPT_SECONDS = 15.0  # as Standard Webhooks recommends, 15 to 30
_AGENT = "Bilby-Webhooks/1"


async def send(url: str, body: bytes, headers: Mapping[str, str], *, own_url: str) -> Result:
    """Post ``body`` to ``url``. Errors of the receiver and of DNS are in the result; none is raised."""
    refuse_in_transaction("a webhook's receiver")
    try:
        destination = await guard.look_up(url, own_url=own_url)
    except UnreachableError as error:
        return Result(error=error.why)
    return await _post(destination, body, headers)


async def _post(destination: Destination, body: bytes, headers: Mapping[str, str]) -> Result:
    sent = {**headers, "Content-Type": "application/json", "User-Agent": _AGENT}
    try:
        async with (
            guard.client_of(destination, seconds=ATTEMPT_SECONDS) as http,
            http.post(destination.to.url, data=body, headers=sent, allow_redirects=False) as answer,
        ):
            return Result(answer.status, retry_after=_retry_after(answer.headers.get("Retry-After", "")))
    except TimeoutError:
        return Result(error="timeout")
    except aiohttp.ClientSSLError:
        return Result(error="tls")
    except (aiohttp.ClientError, OSError, ValueError):
        return Result(error="no_connection")


def _retry_after(text: str) -> timedelta | None:
    return timedelta(seconds=int(text)) if text.isascii() and text.isdecimal() and len(text) <= 6 else None
