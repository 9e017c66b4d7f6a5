"""Bodies that arrive in pieces, end early, or never end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from runtime.answers import first_bytes

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"


@asynccontextmanager
async def answered(pieces: Sequence[bytes], *, ends: bool = True) -> AsyncIterator[aiohttp.ClientResponse]:
    """Answer a request with these ``pieces``, each once the one before is there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        if not ends:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as answer:
        yield answer


async def test_a_body_in_pieces_is_read_to_its_end() -> None:
    async with answered([HEAD + b"one ", b"two ", b"four"]) as answer:
        assert await first_bytes(answer, 64) == b"one two four"


async def test_no_more_is_read_than_was_asked_for_of_a_body_that_does_not_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\none two three"
    async with asyncio.timeout(30), answered([endless], ends=False) as answer:
        assert await first_bytes(answer, 7) == b"one two"


async def test_a_body_that_breaks_off_is_an_error() -> None:
    async with answered([HEAD + b"one ", b"two"]) as answer:
        with pytest.raises(aiohttp.ClientPayloadError):
            await first_bytes(answer, 64)


async def test_there_may_be_no_body() -> None:
    async with answered([b"HTTP/1.1 204 No Content\r\n\r\n"]) as answer:
        assert await first_bytes(answer, 64) == b""
