"""Where a customer's address may lead: the public internet, by https on its usual port, and nowhere else. Pure.

An address that a customer chose must not let us ask what only we can reach: our own machines, the network that they
stand in, a cloud's metadata. So every address that a name has is looked at before one of them is connected to. Only
an installation whose own address is on loopback, which nobody outside can reach, tells programs on loopback too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from runtime.settings import LOOPBACK

LONGEST = 500  # characters
_HTTPS = 443
_TUNNELS = tuple(ip_network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""Addresses that hold another one, which is where they lead: NAT64, 6to4, Teredo."""
_METADATA = tuple(ip_network(each) for each in ("168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"))
"""Public by their numbers, a cloud's own by use: Azure, Alibaba, Oracle."""

Address = IPv4Address | IPv6Address


class WrongUrlError(ValueError):
    """Nothing is sent to such an address. The text is for the admin."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint is, as far as its URL tells."""

    url: str
    host: str
    port: int


def target(url: str, *, own_url: str) -> Target:
    """Return where ``url`` leads; ``own_url`` is the installation's own address. Raise `WrongUrlError`."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise WrongUrlError(f"Enter an address of at most {LONGEST} plain characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise WrongUrlError("That is not an address.") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise WrongUrlError("Enter an address like https://example.com.au/hooks, without a user name or a #.")
    if _may_be_local(own_url) and host in LOOPBACK and parts.scheme in ("http", "https"):
        return Target(url, host, port or (_HTTPS if parts.scheme == "https" else 80))
    if parts.scheme != "https" or port not in (None, _HTTPS):
        raise WrongUrlError("It must begin with https:// and use the standard port.")
    literal = _literal(host)
    if literal is not None and refused([literal], own_url=own_url):
        raise WrongUrlError("That address is not on the public internet.")
    return Target(url, host, _HTTPS)


def refused(addresses: Iterable[Address], *, own_url: str) -> bool:
    """Return whether any of ``addresses`` must not be connected to."""
    local = _may_be_local(own_url)
    return any(not _is_public(each) and not (local and each.is_loopback) for each in addresses)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None or address.scope_id is not None:
            return False
        if any(address in network for network in _TUNNELS):
            return False
    ours = address.is_private or address.is_multicast or address.is_reserved or address.is_unspecified
    if ours or address.is_link_local or address.is_loopback or not address.is_global:
        return False
    return not any(address in network for network in _METADATA)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _may_be_local(own_url: str) -> bool:
    return urlsplit(own_url).hostname in LOOPBACK
