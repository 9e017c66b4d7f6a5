"""Requests as no client library would send them: over a socket, byte by byte as they are given; and
WebSockets that end without a word.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import ClientWebSocketResponse
from aiohttp.web import WebSocketResponse

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Raw:
    """One request."""

    method: str
    path: str
    headers: Sequence[tuple[str, str | bytes]] = ()
    body: bytes = b""
    length: int | None = None
    """What Content-Length says, if not the truth."""

    def bytes(self, host: str) -> bytes:
        """As it goes over the wire; the connection is to be closed afterwards."""
        lines = [f"{self.method} {self.path} HTTP/1.1".encode("utf-8", "surrogateescape")]
        length = len(self.body) if self.length is None else self.length
        for name, value in (("Host", host), ("Connection", "close"), ("Content-Length", str(length)), *self.headers):
            given = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
            lines.append(name.encode() + b": " + given.replace(b"\r", b"").replace(b"\n", b""))
        return b"\r\n".join([*lines, b"", self.body])


async def status_of(url: str, request: Raw) -> int:
    """The status that ``url``'s server answers ``request`` with; 0 if it hangs up without an answer."""
    address = urlsplit(url)
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(request.bytes(address.netloc))
            line = await reader.readline()
        except ConnectionError:
            return 0
        finally:
            writer.close()
    return int(line.split()[1]) if line else 0


async def hang_up(url: str, request: Raw) -> None:
    """Send ``request`` and leave before it can be answered."""
    address = urlsplit(url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request.bytes(address.netloc))
    await writer.drain()
    writer.transport.abort()


def cut(connection: WebSocketResponse | ClientWebSocketResponse) -> None:
    """Break it as a network does; nothing if it is broken already."""
    own = connection.get_extra_info("socket")
    if own is not None and own.fileno() >= 0:
        with socket.socket(fileno=os.dup(own.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)
