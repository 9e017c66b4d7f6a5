"""Connect to an address that a customer chose: resolve, look at every address, and connect to one of those alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from provisioning.egress.targets import Target, WrongUrlError, refused, target

RESOLVE_SECONDS = 5.0

Why = Literal["forbidden_address", "no_such_host", "timeout"]


class UnreachableError(Exception):
    """Nothing is connected to: ``why``."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that was looked at, and the addresses of its host."""

    to: Target
    found: Sequence[ResolveResult]


class _Pinned(AbstractResolver):
    """Answers with the addresses that were looked at: between looking and connecting, a name may get others."""

    def __init__(self, found: Sequence[ResolveResult]) -> None:
        self._found = list(found)

    async def resolve(self, *_: object, **__: object) -> list[ResolveResult]:
        return self._found

    async def close(self) -> None: ...


async def look_up(url: str, *, own_url: str) -> Destination:
    """Return where ``url`` is; ``own_url`` is the installation's own address. Raise `UnreachableError`."""
    try:
        to = target(url, own_url=own_url)
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await _resolve(to)
    except WrongUrlError:
        raise UnreachableError("forbidden_address") from None
    except (OSError, UnicodeError) as error:
        raise UnreachableError("timeout" if isinstance(error, TimeoutError) else "no_such_host") from None
    if not found or refused([ip_address(each["host"]) for each in found], own_url=own_url):
        raise UnreachableError("forbidden_address")
    return Destination(to, found)


def client_of(destination: Destination, *, seconds: float) -> aiohttp.ClientSession:
    """Return a client that connects to ``destination`` and nowhere else; its requests must not follow redirects."""
    connector = aiohttp.TCPConnector(resolver=_Pinned(destination.found), use_dns_cache=False, force_close=True)
    timeout = aiohttp.ClientTimeout(total=seconds)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())


async def _resolve(to: Target) -> Sequence[ResolveResult]:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    return [
        ResolveResult(hostname=to.host, host=str(destination[0]), port=to.port, family=family, proto=proto, flags=0)
        for family, _, proto, _, destination in infos
    ]
