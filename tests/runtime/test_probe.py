"""What a container's health check reports of the process beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web


@asynccontextmanager
async def process_that_answers(port: int, status: int, text: str) -> AsyncIterator[None]:
    async def ready(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.add_routes([web.get("/readyz", ready)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def probe(port: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-m", "runtime.probe", str(port)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip()


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [(200, "ready", (0, "")), (503, "waiting for NATS", (1, "503 Service Unavailable: waiting for NATS"))],
)
async def test_it_repeats_what_the_process_says(
    free_port: Callable[[], int], status: int, text: str, outcome: tuple[int, str]
) -> None:
    port = free_port()
    async with process_that_answers(port, status, text):
        assert await probe(port) == outcome


async def test_nobody_there_is_not_ready(free_port: Callable[[], int]) -> None:
    status, said = await probe(free_port())
    assert status == 1
    assert said.startswith("ConnectionRefusedError")
