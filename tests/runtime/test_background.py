"""What runs beside a block ends with it, and its failure ends the block."""

from __future__ import annotations

import asyncio

import pytest

from runtime import background


async def test_work_lasts_as_long_as_the_block() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with background.running(work()):
        await began.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_block_outlasts_work_that_is_done() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    async with background.running(work()):
        await done.wait()
        await asyncio.sleep(0)


async def test_work_that_fails_ends_the_block() -> None:
    async def work() -> None:
        raise OSError("broken")

    with pytest.raises(ExceptionGroup) as raised:
        async with background.running(work()):
            await asyncio.Event().wait()
    assert raised.group_contains(OSError, match="broken")
