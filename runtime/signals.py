"""Stop a process by signals: the first one finishes what is under way, the second one stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Signals:
    """The SIGTERM and SIGINT received so far."""

    first: asyncio.Event = field(default_factory=asyncio.Event)
    second: asyncio.Event = field(default_factory=asyncio.Event)

    def received(self) -> None:
        """Note one signal."""
        (self.second if self.first.is_set() else self.first).set()

    async def drain(self, work: Coroutine[Any, Any, object]) -> bool:
        """Run ``work``, which finishes what is under way, until it is done. Return False if a second signal came."""
        await run_until(self.second.wait(), work)
        return not self.second.is_set()


async def run_until(told: Coroutine[Any, Any, object], work: Coroutine[Any, Any, object]) -> None:
    """Run ``work`` until it is done, or until ``told`` is: then cancel it."""
    async with asyncio.TaskGroup() as tasks:
        running = {tasks.create_task(work), tasks.create_task(told)}
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for each in running:
            each.cancel()


def watched() -> Signals:
    """Handle the running loop's signals from now on. Return what is received."""
    signals = Signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signals.received)
    return signals
