"""Workers share a port, and none outlives its parent, however that ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import os, signal
from media.prefork import prefork
def work():
    os.write(1, b"%d\\n" % os.getpid())  # in one piece: two of them write
    signal.pause()
    return 0
raise SystemExit(prefork(2, work))
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_workers_end_with_their_parent(how: signal.Signals) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SCRIPT), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        for _ in range(2):
            assert await parent.stdout.readline()
        parent.send_signal(how)
        await parent.wait()
        await parent.stdout.read()  # ends when the last process that could write is gone


async def test_a_stop_while_workers_are_being_started_stops_them_all() -> None:
    for _ in range(12):
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _SCRIPT), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        try:
            async with asyncio.timeout(10):
                assert await parent.stdout.readline()  # the first is there, the other may or may not be
                parent.terminate()
                await parent.wait()
                await parent.stdout.read()
        finally:
            if parent.returncode is None:
                parent.kill()


async def test_a_worker_that_dies_is_replaced() -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SCRIPT), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        workers = {int(await parent.stdout.readline()) for _ in range(2)}
        os.kill(workers.pop(), signal.SIGKILL)
        assert int(await parent.stdout.readline()) not in workers
        parent.terminate()
        await parent.wait()
