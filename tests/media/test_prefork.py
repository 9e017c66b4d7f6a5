"""Workers share a port, and none outlives its parent, however that ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

_SCRIPT = """
import os, signal
from media.prefork import prefork
def work():
    os.write(1, b"%d\\n" % os.getpid())  # in one piece: two of them write
    signal.pause()
    return 0
raise SystemExit(prefork(2, work, pause_seconds=0.1))
"""
# A stop that arrives before the workers exist, and that no handler can be too late for.
_STOPPED_BEFORE = """
import os, signal
from media.prefork import prefork
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
os.kill(os.getpid(), signal.SIGTERM)
def work():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    signal.pause()
    return 0
raise SystemExit(prefork(2, work))
"""

_REFUSING = """
import os
from media.prefork import prefork
from runtime.settings import stop
def work():
    stop("media", "MEDIA_PORT: taken")
try:
    status = prefork(2, work)
except SystemExit:
    os.write(1, b"a worker came here\\n")
    raise
raise SystemExit(status)
"""


@asynccontextmanager
async def running(script: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """Run ``script``; yield its process and what it and its workers print. Nothing of it is left at the end."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    try:
        yield parent, parent.stdout
    finally:
        if parent.returncode is None:
            parent.kill()
        await parent.wait()
        await parent.stdout.read()  # ends when the last process that could write is gone


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_workers_end_with_their_parent(how: signal.Signals) -> None:
    async with running(_SCRIPT) as (parent, printed):
        for _ in range(2):
            assert await printed.readline()
        parent.send_signal(how)
        await parent.wait()


async def test_a_stop_while_workers_are_being_started_stops_them_all() -> None:
    for _ in range(8):
        async with running(_SCRIPT) as (parent, printed):
            assert await printed.readline()  # the first is there, the other may or may not be
            parent.terminate()
            assert await parent.wait() == signal.SIGTERM


async def test_a_stop_from_before_the_first_worker_stops_them_all() -> None:
    async with running(_STOPPED_BEFORE) as (parent, _):
        assert await parent.wait() == signal.SIGTERM


async def test_a_worker_that_refuses_its_settings_ends_all() -> None:
    async with running(_REFUSING) as (parent, printed):
        assert await parent.wait() == 2
        assert await printed.read() == b"", "a worker never leaves through what its parent would still do"


async def test_a_worker_that_dies_is_replaced() -> None:
    async with running(_SCRIPT) as (parent, printed):
        workers = {int(await printed.readline()) for _ in range(2)}
        os.kill(workers.pop(), signal.SIGKILL)
        assert int(await printed.readline()) not in workers
        parent.terminate()
        await parent.wait()
