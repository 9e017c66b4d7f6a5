"""Accept connections: limit those without a valid ticket, and pause when file descriptors run out.

A connection is *unadmitted* until its ticket is verified: it may be a browser about to send one, a health check, or
an attacker who opens many. Their number is limited, in total and by address, so that they cannot shut out valid
clients. picows closes a connection that sends no complete request within `Limits.handshake_seconds`.

picows accepts through asyncio and does not pass the socket to the request's handler. So the listening socket is a
subclass whose `accept` does the counting and puts the connection into `CURRENT`, a context variable that asyncio
keeps for every callback of that connection.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import structlog
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponseWithListener, ws_create_server

from media.metrics import REFUSED
from runtime.listening import server_arguments

LARGEST_FRAME = 64 * 1024  # bytes; Twilio's are about 300, and consoles send next to nothing after their ticket
_READ_BUFFER = 4 * 1024  # bytes for each socket at first; it grows where a frame is larger
_PING_SECONDS = 15.0
_PAUSE_SECONDS = 1.0
_LOG_SECONDS = 60.0
_BACKLOG = 512
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
log = structlog.get_logger()

Answer = WSListener | WSUpgradeResponseWithListener


@dataclass(frozen=True)
class Limits:
    """Limits on connections without a valid ticket."""

    unadmitted: int = 1000
    """Above it consoles are answered 503; above twice as many every connection is refused.

    The range between is reserved for Twilio, which proves itself by its signature.
    """
    of_one_address: int = 250
    """High enough for a call centre behind one address that reconnects all at once after an outage."""
    handshake_seconds: float = 5.0
    """For a connection to send its whole request."""

    @classmethod
    def for_descriptors(cls, most: int) -> Limits:
        """Return limits for a process that may open ``most`` descriptors: half of them are for admitted sockets."""
        unadmitted = min(cls.unadmitted, most // 4)
        return cls(unadmitted, min(cls.of_one_address, unadmitted // 2))


class Unadmitted:
    """Count unadmitted connections: all of them, and the consoles among them by address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._connections = 0
        self._consoles: Counter[str] = Counter()

    def enter(self) -> bool:
        """Count one more connection. Return False, and count nothing, at twice the limit."""
        if self._connections >= 2 * self._limits.unadmitted:
            return False
        self._connections += 1
        return True

    def enter_console(self, address: str) -> bool:
        """Count a counted connection as a console's. Return False, and count nothing, if a limit is reached."""
        if self._connections > self._limits.unadmitted or self._consoles[address] >= self._limits.of_one_address:
            return False
        self._consoles[address] += 1
        return True

    def leave(self, console_address: str | None) -> None:
        """Stop counting a connection that was admitted or closed."""
        self._connections -= 1
        if console_address is not None:
            self._consoles[console_address] -= 1
            if self._consoles[console_address] <= 0:
                del self._consoles[console_address]


class Connection(socket.socket):
    """An accepted socket. It counts as unadmitted until `admitted` is called or it is closed."""

    def __init__(self, accepted: socket.socket, peer: str, unadmitted: Unadmitted) -> None:
        super().__init__(fileno=accepted.detach())
        self._peer = peer
        self._counted_in: Unadmitted | None = unadmitted
        self._console_address: str | None = None

    def ask_for_console(self, forwarded_for: str | None) -> bool:
        """Return whether a console may be opened here; ``forwarded_for`` is the request's X-Forwarded-For."""
        address = client_address(self._peer, forwarded_for)
        if self._counted_in is None or not self._counted_in.enter_console(address):
            return False
        self._console_address = address
        return True

    def admitted(self) -> None:
        """Stop counting the connection: its ticket is valid. Repeatable."""
        counted_in, self._counted_in = self._counted_in, None
        if counted_in is not None:
            counted_in.leave(self._console_address)

    def close(self) -> None:
        self.admitted()
        super().close()


CURRENT: ContextVar[Connection | None] = ContextVar("connection", default=None)
"""The connection whose bytes are being handled."""


def client_address(peer: str, forwarded_for: str | None) -> str:
    """Return the address to count a client by: an IPv4 address, or the /64 network of an IPv6 one.

    A proxy on a private or loopback address appends the client's address to X-Forwarded-For. From any other peer that
    header proves nothing.
    """
    address = _parsed(peer)
    if forwarded_for and address is not None and address.is_private:
        address = _parsed(forwarded_for.rsplit(",", 1)[-1].strip()) or address
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class _ListeningSocket(socket.socket):
    """A listening socket whose connections are counted."""

    def __init__(self, fileno: int, unadmitted: Unadmitted, exhausted: Callable[[OSError], None]) -> None:
        super().__init__(fileno=fileno)
        self._unadmitted = unadmitted
        self._exhausted = exhausted

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept for asyncio, which stops its loop at BlockingIOError and continues at ConnectionAbortedError."""
        try:
            accepted, address = super().accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._exhausted(error)
            raise BlockingIOError from error
        if not self._unadmitted.enter():
            REFUSED.labels("connection", "crowded").inc()
            _refuse(accepted)
            raise ConnectionAbortedError
        connection = Connection(accepted, address[0], self._unadmitted)
        CURRENT.set(connection)
        return connection, address


def _refuse(accepted: socket.socket) -> None:
    """Answer 503 without waiting for the request."""
    with accepted, suppress(OSError):
        accepted.setblocking(False)
        accepted.send(_BUSY)
        accepted.shutdown(socket.SHUT_WR)


class Acceptor:
    """Listen on ``host`` and ``port``; picows calls ``answer`` with each request.

    ``shared``: other processes listen on the same port, and the kernel spreads connections over them.
    """

    def __init__(
        self,
        answer: Callable[[WSUpgradeRequest], Answer],
        host: str,
        port: int,
        *,
        shared: bool = False,
        tls: ssl.SSLContext | None = None,
        limits: Limits,
    ) -> None:
        self._answer = answer
        self._address = (host, port)
        self._shared = shared
        self._tls = tls
        self._limits = limits
        self._unadmitted = Unadmitted(limits)
        self._listening: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._paused = asyncio.Event()
        self._log_again_at = 0.0

    async def open(self) -> int:
        """Listen. Return the port. Raise OSError if it is in use."""
        self._listening = _listen(*self._address, shared=self._shared)
        await self._serve()
        port: int = self._listening.getsockname()[1]
        return port

    def close(self) -> None:
        """Accept no more connections; open ones stay. Repeatable."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
        self._stop()

    async def run(self) -> None:
        """Resume accepting after each pause, until cancelled."""
        while True:
            await self._paused.wait()
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._listening is None:
                return
            with suppress(OSError):  # still no descriptor: wait again
                await self._serve()
                self._paused.clear()

    async def _serve(self) -> None:
        """Accept on a duplicate of the socket: closing the duplicate pauses, and the kernel keeps the backlog."""
        assert self._listening is not None
        port = _ListeningSocket(os.dup(self._listening.fileno()), self._unadmitted, self._pause)
        self._server = await ws_create_server(
            self._answer,
            sock=port,
            backlog=_BACKLOG,
            websocket_handshake_timeout=self._limits.handshake_seconds,
            max_frame_size=LARGEST_FRAME,
            read_buffer_init_size=_READ_BUFFER,
            enable_auto_ping=True,
            auto_ping_idle_timeout=_PING_SECONDS,
            auto_ping_reply_timeout=_PING_SECONDS,
            ssl=self._tls,
            use_aiofastnet=None if self._tls is None else False,  # its TLS writes the certificate to a file
        )

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _pause(self, error: OSError) -> None:
        """Stop accepting for a while: the process or the machine has no file descriptor left."""
        if self._paused.is_set():
            return
        self._paused.set()
        asyncio.get_running_loop().call_soon(self._stop)  # once the sockets just accepted have their transports
        if time.monotonic() >= self._log_again_at:
            self._log_again_at = time.monotonic() + _LOG_SECONDS
            log.error("out of file descriptors, not accepting connections", error=errno.errorcode[error.errno or 0])


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a listening socket, for IPv4 and IPv6 unless ``host`` is one of them."""
    made = server_arguments(host, port, shared=shared).get("sock")
    if made is not None:
        made.listen(_BACKLOG)
        return cast("socket.socket", made)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=shared)
