"""Nobody holds a connection of ours for long without a request, and nobody takes them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web

from runtime.listening import server_arguments
from web.serving.connections import CONNECTIONS, Connections, Limits, attend, listen

QUICK = Limits(most=20, head_seconds=0.3, idle_seconds=0.6, stalled_seconds=0.4, look_seconds=0.05)
PATIENCE = 60  # seconds that a busy machine may take for what needs less than one
GET = b"GET / HTTP/1.1\r\nHost: bilby\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Door:
    """A server on loopback and its connections."""

    port: int
    connections: Connections
    go_on: asyncio.Event
    arrived: list[web.Request]
    """Requests that wait to go on."""

    async def knock(self, *sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for part in sent:
            writer.write(part)
        return reader, writer


@asynccontextmanager
async def _door(limits: Limits) -> AsyncIterator[Door]:
    connections, go_on = Connections(limits), asyncio.Event()
    arrived: list[web.Request] = []

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    async def wait(request: web.Request) -> web.Response:
        arrived.append(request)
        await go_on.wait()
        return web.Response(text="later")

    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 16))

    app = web.Application(middlewares=[attend])
    app[CONNECTIONS] = connections
    app.add_routes([web.get("/", answer), web.get("/wait", wait), web.get("/pour", pour)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    server = await listen(runner, connections, server_arguments("127.0.0.1", 0))
    try:
        async with asyncio.timeout(PATIENCE), connections.watched():
            yield Door(server.sockets[0].getsockname()[1], connections, go_on, arrived)
    finally:
        go_on.set()
        server.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ([], b"HTTP/1.1 408"),  # silent from the start
        ([b"GET / HT"], b"HTTP/1.1 408"),
        ([b"GET / HTTP/1.1\r\nHost: bilby\r\nX-Slow: "], b"HTTP/1.1 408"),
        ([GET], b"HTTP/1.1 200"),  # answered, then idle
        ([GET, b"GET / HT"], b"HTTP/1.1 200"),
    ],
)
async def test_who_keeps_us_waiting_is_closed(sent: list[bytes], status: bytes) -> None:
    async with _door(QUICK) as door:
        reader, writer = await door.knock(*sent)
        assert (await reader.read()).startswith(status)  # to the end: the connection is closed
        writer.close()
        assert len(door.connections) == 0


async def test_a_head_that_trickles_in_has_no_more_time() -> None:
    async with _door(QUICK) as door:
        reader, writer = await door.knock(b"GET / HTTP/1.1\r\n")

        async def trickle() -> None:
            while True:
                writer.write(b"X-Slow: 1\r\n")
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as tasks:
            trickling = tasks.create_task(trickle())
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            trickling.cancel()
        writer.close()


async def test_a_request_that_takes_long_is_left_alone() -> None:
    async with _door(QUICK) as door:
        reader, writer = await door.knock(GET.replace(b"/", b"/wait", 1))
        silent, other = await door.knock()
        await silent.read()  # closed meanwhile, and the other one is not
        door.go_on.set()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        other.close()


async def test_who_does_not_take_the_answer_is_cut_off() -> None:
    async with _door(QUICK) as door:
        _, writer = await door.knock(GET.replace(b"/", b"/pour", 1))
        await _until(lambda: len(door.connections) == 1)
        await _until(lambda: len(door.connections) == 0)
        writer.close()


async def test_when_all_are_taken_the_longest_idle_one_makes_room() -> None:
    async with _door(Limits(most=3, look_seconds=0.05)) as door:
        idle = [await door.knock(GET) for _ in range(3)]
        for reader, _ in idle:
            await reader.readuntil(b"here")
        reader, writer = await door.knock(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert await idle[0][0].read() == b""
        assert len(door.connections) == 3
        for _, each in [*idle, (reader, writer)]:
            each.close()


async def test_when_all_are_busy_the_newcomer_is_refused() -> None:
    async with _door(Limits(most=3, look_seconds=0.05)) as door:
        busy = [await door.knock(GET.replace(b"/", b"/wait", 1)) for _ in range(3)]
        await _until(lambda: len(door.arrived) == 3)
        reader, writer = await door.knock(GET)
        assert (await reader.read()).startswith(b"HTTP/1.1 503")
        door.go_on.set()
        for taken, _ in busy:
            assert (await taken.readline()).startswith(b"HTTP/1.1 200")
        for _, each in [*busy, (reader, writer)]:
            each.close()


async def _until(is_so: Callable[[], bool]) -> None:
    while True:
        if is_so():
            return
        await asyncio.sleep(0.01)
