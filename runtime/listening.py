"""Listen on IPv6 and IPv4 at once, wherever the machine has both, unless a host is named."""

from __future__ import annotations

import errno
import resource
import socket
from collections.abc import Callable
from typing import Any

ANYWHERE = "::"
"""The host that means every address of the machine, IPv6 and IPv4."""

_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})
_MOST_DESCRIPTORS = 65536

MakeSocket = Callable[[socket.AddressFamily, socket.SocketKind], socket.socket]


def server_arguments(
    host: str, port: int, *, shared: bool = False, make: MakeSocket = socket.socket
) -> dict[str, Any]:
    """Return the arguments of ``loop.create_server`` to listen on ``host`` and ``port``. Raise OSError.

    For `ANYWHERE` it is a socket, because asyncio makes each IPv6 socket of its own refuse IPv4. ``shared``: other
    processes listen on the same port. ``make`` creates sockets.
    """
    if host != ANYWHERE:
        return {"host": host, "port": port, "reuse_port": shared}
    try:
        return {"sock": _bound(make(socket.AF_INET6, socket.SOCK_STREAM), port, shared)}
    except OSError as error:
        if error.errno not in _NO_IPV6:
            raise
        return {"sock": _bound(make(socket.AF_INET, socket.SOCK_STREAM), port, shared)}


def raise_descriptor_limit() -> int:
    """Raise this process's limit of open files and sockets as far as allowed, up to 65536. Return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def _bound(made: socket.socket, port: int, shared: bool) -> socket.socket:
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((ANYWHERE if made.family == socket.AF_INET6 else "0.0.0.0", port))
    except BaseException:
        made.close()
        raise
    return made
