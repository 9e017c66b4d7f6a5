"""Lets a build inside a network namespace reach the package registries: an HTTP proxy with a foot in each.

    nsenter --net=/run/netns/NAME python relay.py ADDRESS:PORT 3</proc/self/ns/net

It listens in the namespace it was started in, and connects from the one that file descriptor 3 names. Needs root.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from contextlib import suppress
from urllib.parse import urlsplit

_CLONE_NEWNET = 0x40000000
_OUTSIDE = 3  # the file descriptor
_HEAD_SECONDS = 30
_BYTES = 1 << 16


def move_to_network(namespace: int) -> None:
    """Let every socket opened from now on belong to ``namespace``, an open file. Needs root; else raise `OSError`."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(namespace)


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one request of a client: CONNECT, or one with an absolute URL."""
    try:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            far_reader, far_writer = await _open(head, writer)
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
    finally:
        far_writer.transport.abort()
        writer.transport.abort()


async def _open(head: bytes, writer: asyncio.StreamWriter) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    verb, target, rest = head.split(b" ", 2)
    if verb == b"CONNECT":
        host, _, port = target.decode().rpartition(":")
        far = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return far
    url = urlsplit(target.decode())
    far = await asyncio.open_connection(url.hostname, url.port or 80)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    # The connection is the client's with this one server only.
    lines = [line for line in rest.split(b"\r\n") if not line.lower().startswith((b"proxy-", b"connection:"))]
    lines.insert(1, b"Connection: close")
    far[1].write(b" ".join([verb, path.encode(), b"\r\n".join(lines)]))
    return far


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await reader.read(_BYTES):
            writer.write(some)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def main(address: str) -> None:
    """Relay until ended."""
    host, _, port = address.rpartition(":")
    server = await asyncio.start_server(accept, host, int(port))
    move_to_network(_OUTSIDE)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
