"""One attempt: resolve, look at every address, connect to one of those, post, and read no more than the status."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from db.engine import refuse_in_transaction
from provisioning.webhooks.addresses import Target, WrongUrlError, refused, target
from provisioning.webhooks.attempts import Result

RESOLVE_SECONDS = 5.0
ATTEMPT_SECONDS = 15.0  # as Standard Webhooks recommends, 15 to 30
_AGENT = "Bilby-Webhooks/1"


class _Pinned(AbstractResolver):
    """Answers with the addresses that were looked at: between looking and connecting, a name may get others."""

    def __init__(self, found: Sequence[ResolveResult]) -> None:
        self._found = list(found)

    async def resolve(self, *_: object, **__: object) -> list[ResolveResult]:
        return self._found

    async def close(self) -> None: ...


async def send(url: str, body: bytes, headers: Mapping[str, str], *, own_url: str) -> Result:
    """Post ``body`` to ``url``. Never raises for what the other side does, or its name."""
    refuse_in_transaction("a webhook's receiver")
    try:
        to = target(url, own_url=own_url)
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await _resolve(to)
    except WrongUrlError:
        return Result(error="forbidden_address")
    except (OSError, UnicodeError):
        return Result(error="no_such_host")
    except TimeoutError:
        return Result(error="timeout")
    if not found or refused([ip_address(each["host"]) for each in found], own_url=own_url):
        return Result(error="forbidden_address")
    return await _post(to, found, body, headers)


async def _resolve(to: Target) -> Sequence[ResolveResult]:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    return [
        ResolveResult(hostname=to.host, host=str(place[0]), port=to.port, family=family, proto=proto, flags=0)
        for family, _, proto, _, place in infos
    ]


async def _post(to: Target, found: Sequence[ResolveResult], body: bytes, headers: Mapping[str, str]) -> Result:
    sent = {**headers, "Content-Type": "application/json", "User-Agent": _AGENT}
    connector = aiohttp.TCPConnector(resolver=_Pinned(found), use_dns_cache=False, force_close=True)
    timeout = aiohttp.ClientTimeout(total=ATTEMPT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.post(to.url, data=body, headers=sent, allow_redirects=False) as answer,
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
