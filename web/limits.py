"""Who may ask how often. The counts stand in the database, so that all web processes keep one."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from aiohttp import web

from db import rate_limits
from db.rate_limits import Limit
from web import keys
from web.errors import TooManyError

SIGN_IN_ADDRESS = Limit("sign-in address", count=5, seconds=15 * 60)
SIGN_IN_NETWORK = Limit("sign-in network", count=30, seconds=15 * 60)
SIGN_IN_LINK = Limit("sign-in link", count=60, seconds=15 * 60)
SIGN_UP_ADDRESS = Limit("sign-up address", count=5, seconds=15 * 60)
SIGN_UP_NETWORK = Limit("sign-up network", count=20, seconds=15 * 60)
SIGN_UP_LINK = Limit("sign-up link", count=60, seconds=15 * 60)


async def spend(request: web.Request, limit: Limit, subject: str) -> None:
    """Count one more for ``subject``. Raises `TooManyError`, which says when to come back."""
    async with request.app[keys.database].begin() as session:
        wait = await rate_limits.spend(session, limit, subject)
    if wait is not None:
        raise TooManyError(wait)


def network(request: web.Request) -> str:
    """Where the request comes from: an IPv4 address, or an IPv6 network of /64, which is what one customer gets."""
    text = _address(request)
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or ip_network((address, 64), strict=False))


def _address(request: web.Request) -> str:
    """The peer's address; behind proxies of ours, the one that the outermost of them saw."""
    hops = request.app[keys.settings].web_proxy_hops
    lines = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in lines.split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return forwarded[-hops]
    return request.remote or ""
