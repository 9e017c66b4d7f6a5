"""Who may ask how often. The counts stand in the database, so that all web processes keep one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

from db.queries import rate_limits
from db.queries.rate_limits import Limit
from web.request import keys
from web.request.errors import TooManyError

_QUARTER = 15 * 60  # of an hour, in seconds

SIGN_IN_NETWORK = Limit("sign-in network", count=600, seconds=_QUARTER)
"""For everybody: a call centre whose agents all come in at nine stays far below."""
SIGN_IN_STRANGERS = Limit("sign-in strangers", count=30, seconds=_QUARTER)
"""For addresses that are nobody's, from one network."""
DEAD_LINKS = Limit("dead links", count=60, seconds=_QUARTER)
"""For links that open nothing, from one network; those that do are not counted."""
SIGN_UP_NETWORK = Limit("sign-up network", count=20, seconds=_QUARTER)
MAIL_SECONDS = 60.0
"""Between two links that are mailed to one address because somebody asked for them."""

TOO_MANY_LINKS = "Too many links were asked for from your network. Please wait a few minutes, then try again."

_NAT64 = ip_network("64:ff9b::/96")


async def spend(request: web.Request, limit: Limit, subject: str) -> None:
    """Count one more for ``subject``. Raises `TooManyError`, which says when to come back."""
    async with request.app[keys.database].begin() as session:
        wait = await rate_limits.spend(session, limit, subject)
    if wait is not None:
        raise TooManyError(wait)


async def look(request: web.Request, limit: Limit, subject: str) -> float | None:
    """Seconds until one more is allowed for ``subject``, None if one is now. Counts nothing."""
    async with request.app[keys.database].begin() as session:
        return await rate_limits.look(session, limit, subject)


def network(request: web.Request) -> str:
    """Where the request comes from: an IPv4 address, or an IPv6 network of /64, which is what one customer gets.

    Behind proxies of ours it is what the outermost of them saw. Should that be no address at all, it is the next
    nearer one's: whoever can write junk there is counted as one.
    """
    hops = request.app[keys.settings].web_proxy_hops
    lines = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in lines.split(",") if part.strip()]
    believed = forwarded[-hops:] if hops and len(forwarded) >= hops else []
    for text in (*believed, request.remote or ""):
        address = _address(text)
        if address is not None:
            return _network(address)
    return "unknown"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in ``text``: alone, with a port, in brackets, in quotes, with a zone."""
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
