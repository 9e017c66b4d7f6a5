"""Limits on incoming connections: how many at once, and how long each may stall.

aiohttp waits without limit for request headers. Here every connection is wrapped between the socket and aiohttp, and
one timer checks them all:

* request headers must be complete within `Limits.head_seconds`;
* between requests a connection may be idle for `Limits.idle_seconds`;
* one that does not read its response is closed after `Limits.stalled_seconds`.

A body's time is bounded where it is read (`web.request.forms.read_body`). At `Limits.most` the connection that has
been idle for longest is closed; if all are busy, the new one is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter, Gauge

from runtime import background

_log = structlog.get_logger(__name__)
_open = Gauge("bilby_web_connections", "Connections that are open.")
_closed = Counter("bilby_web_connections_closed", "Connections that we have closed, by why.", ["why"])
for _why in ("slow", "idle", "stalled", "room", "refused"):
    _closed.labels(_why)  # start at 0, so that the first one shows as an increase

_CLOSE = b"Content-Length: 0\r\nConnection: close\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _CLOSE
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n" + _CLOSE


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections at once, and how long each may take."""

    most: int = 2000
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    """Longer than our proxy keeps idle connections (60 s), or it would use a closed one."""
    stalled_seconds: float = 30.0
    look_seconds: float = 1.0
    """How often the timer looks."""


class Connection(asyncio.Protocol):
    """One connection on its way to aiohttp's ``protocol``."""

    def __init__(self, all_: Connections, protocol: asyncio.Protocol) -> None:
        self._all = all_
        self._protocol = protocol
        self._clock = asyncio.get_running_loop().time
        self._transport: asyncio.Transport | None = None
        self.is_busy = False
        self.waiting_since = self._clock()
        """When it was opened, or when its last answer was ready."""
        self._head_since: float | None = self.waiting_since
        self._stalled_since: float | None = None
        self._is_admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit it, if there is room."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own have no base class
        self._is_admitted = self._all.admit(transport, self)
        if self._is_admitted:
            self._protocol.connection_made(transport)
        else:
            self._transport.write(_TOO_MANY)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Pass the data on; the first bytes of request headers start their timeout."""
        if not self._is_admitted:
            return
        if not self.is_busy and self._head_since is None:
            self._head_since = self._clock()
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._protocol.eof_received() if self._is_admitted else None

    def pause_writing(self) -> None:
        """Start the timeout: the client does not read."""
        self._stalled_since = self._clock()
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Stop the timeout: the client reads again."""
        self._stalled_since = None
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, which is gone."""
        if self._is_admitted:
            assert self._transport is not None
            self._all.forget(self._transport)
            self._protocol.connection_lost(exc)

    def request_began(self) -> None:
        """Stop the timeout while the request is handled: its headers are complete."""
        self.is_busy, self._head_since = True, None

    def request_ended(self) -> None:
        """Start the timeout for the next request: the answer is ready."""
        self.is_busy, self.waiting_since = False, self._clock()

    def overdue(self, now: float, limits: Limits) -> str:
        """Return the reason to close it; "" if there is none."""
        if self._stalled_since is not None and now - self._stalled_since > limits.stalled_seconds:
            return "stalled"
        if self.is_busy:
            return ""
        if self._head_since is not None and now - self._head_since > limits.head_seconds:
            return "slow"
        return "idle" if now - self.waiting_since > limits.idle_seconds else ""

    def close(self, why: str) -> None:
        """Close it. A client that was too slow with its headers gets 408."""
        assert self._transport is not None
        _closed.labels(why).inc()
        if why == "stalled":
            self._transport.abort()
            return
        if why == "slow":
            self._transport.write(_TOO_SLOW)
        self._transport.close()


class Connections:
    """All connections of a process."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._open: dict[asyncio.BaseTransport, Connection] = {}
        self._is_full = False

    def __len__(self) -> int:
        return len(self._open)

    def of(self, transport: asyncio.BaseTransport | None) -> Connection | None:
        """Return the connection over ``transport``, None if it is not one of ours."""
        return None if transport is None else self._open.get(transport)

    def admit(self, transport: asyncio.BaseTransport, connection: Connection) -> bool:
        """Admit ``connection``; return False if the limit is reached and all others are busy."""
        if len(self._open) >= self.limits.most and not self._make_room():
            _closed.labels("refused").inc()
            return False
        self._open[transport] = connection
        _open.set(len(self._open))
        return True

    def forget(self, transport: asyncio.BaseTransport) -> None:
        """Forget the connection of ``transport``, which is gone."""
        self._open.pop(transport, None)
        _open.set(len(self._open))
        if self._is_full and len(self._open) < self.limits.most * 0.9:
            self._is_full = False

    def look(self, now: float) -> None:
        """Close overdue connections; ``now`` is the loop's time in seconds."""
        for connection in tuple(self._open.values()):
            why = connection.overdue(now, self.limits)
            if why:
                connection.close(why)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Check every `Limits.look_seconds` until the block ends."""
        async with background.running(self._watch()):
            yield

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.limits.look_seconds)
            self.look(asyncio.get_running_loop().time())

    def _make_room(self) -> bool:
        """Close the connection that has been idle for longest. Logged once until there is room again."""
        if not self._is_full:
            self._is_full = True
            _log.warning("connection limit reached", most=self.limits.most)
        waiting = [(each.waiting_since, transport) for transport, each in self._open.items() if not each.is_busy]
        if not waiting:
            return False
        _, transport = min(waiting, key=lambda each: each[0])
        self._open.pop(transport).close("room")
        return True


CONNECTIONS: web.AppKey[Connections] = web.AppKey("connections")


@web.middleware
async def attend(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection when one of its requests starts and ends. A middleware."""
    connection = request.app[CONNECTIONS].of(request.transport)
    if connection is None:
        return await handler(request)
    connection.request_began()
    try:
        return await handler(request)
    finally:
        connection.request_ended()


async def listen(runner: web.AppRunner, connections: Connections, where: Mapping[str, Any]) -> asyncio.Server:
    """Serve ``runner``'s application, set up already, at ``where`` (`runtime.listening.server_arguments`).

    Raise OSError. Closing the server stops accepting; the runner closes connections that are open.
    """
    serve: Callable[[], asyncio.Protocol] | None = runner.server
    assert serve is not None, "the runner is not set up"
    loop = asyncio.get_running_loop()
    server: asyncio.Server = await loop.create_server(lambda: Connection(connections, serve()), **where)
    return server
