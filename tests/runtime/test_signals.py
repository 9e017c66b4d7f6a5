"""What is under way is finished after the first signal, and left after the second."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from runtime.signals import watched


async def test_a_drain_ends_when_its_work_is_done() -> None:
    signals = watched()
    os.kill(os.getpid(), signal.SIGTERM)
    await signals.first.wait()
    assert await signals.drain(asyncio.sleep(0))
    assert not signals.second.is_set()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_a_drain(second: signal.Signals) -> None:
    signals = watched()
    os.kill(os.getpid(), signal.SIGTERM)
    await signals.first.wait()
    os.kill(os.getpid(), second)
    assert not await signals.drain(asyncio.Event().wait())


async def test_a_drain_that_fails_is_an_error() -> None:
    async def work() -> None:
        raise OSError

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await watched().drain(work())
