"""Rate limits. The counters are in the database, shared by all web processes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

from db.queries import rate_limits
from db.queries.rate_limits import Hit, Limit
from web.config import SETTINGS
from web.request.errors import Again, TooManyError
from web.resources import DATABASE

_QUARTER = 15 * 60  # of an hour, in seconds

SIGN_IN_NETWORK = Limit("sign-in network", count=600, seconds=_QUARTER)
"""Per network, for everybody. A call centre whose agents all sign in at nine stays far below."""
DEAD_LINKS = Limit("dead links", count=60, seconds=_QUARTER)
"""Per network, for invalid links only."""
SIGN_UP_NETWORK = Limit("sign-up network", count=20, seconds=_QUARTER)

TOO_MANY_LINKS = "Too many links were requested from your network. Please wait a few minutes, then try again."

_NAT64 = ip_network("64:ff9b::/96")


async def hit(request: web.Request, limit: Limit, subject: str, again: Again | None = None) -> None:
    """Count one request of ``subject``. Raise `TooManyError` with the time to wait.

    ``again`` shows the form that was sent once more; without it the answer is the page of errors.
    """
    async with request.app[DATABASE].begin() as session:
        wait = await rate_limits.hit(session, limit, subject)
    if wait is not None:
        raise TooManyError(wait, again=again)


async def hit_dead_link(request: web.Request) -> None:
    """Count an invalid link that was opened from the client's network. Raise `TooManyError` after many of them."""
    await hit(request, DEAD_LINKS, network(request))


async def count(request: web.Request, limit: Limit, subject: str) -> Hit:
    """Count one request of ``subject`` and return what is left."""
    async with request.app[DATABASE].begin() as session:
        return await rate_limits.count(session, limit, subject)


async def look(request: web.Request, limit: Limit, subject: str) -> float | None:
    """Return the seconds until ``subject`` may make another request, None if it may now. Counts nothing."""
    async with request.app[DATABASE].begin() as session:
        return await rate_limits.look(session, limit, subject)


def network(request: web.Request) -> str:
    """Return the client's network: an IPv4 address, or an IPv6 /64, which is what one customer gets.

    Behind our own proxies it is the address that the outermost one saw. If that is not an address, the next proxy's
    counts: all clients that send junk share one counter.
    """
    hops = request.app[SETTINGS].web_proxy_hops
    lines = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in lines.split(",") if part.strip()]
    believed = forwarded[-hops:] if hops and len(forwarded) >= hops else []
    for text in (*believed, request.remote or ""):
        address = _address(text)
        if address is not None:
            return _network(address)
    return "unknown"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in ``text``: plain, with a port, in brackets, in quotes, or with a zone; None if invalid."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    if address in _NAT64:
        return str(IPv4Address(int(address) & 0xFFFFFFFF))
    return str(address.ipv4_mapped or address.sixtofour or ip_network((address, 64), strict=False))
