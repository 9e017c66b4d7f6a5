"""Transcribe's quota as slots: who may hold a connection now, and who waits, in order.

A fresh AWS account has 25 concurrent streams and 25 starts a second; opening too fast is refused like opening too
many. So a call waits here for one of ``TRANSCRIBE_MAX_STREAMS`` slots, and starts are paced below the limit. A slot
is held across reopenings: whoever had one keeps it until its call ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STARTS_PER_SECOND = 20.0


class Admission:
    """The slots of this process. First come, first served."""

    def __init__(self, slots: int, starts_per_second: float = STARTS_PER_SECOND) -> None:
        self.slots = slots
        self.held = 0
        self.waiting = 0
        self._free = asyncio.Semaphore(slots)
        self._interval = 1.0 / starts_per_second
        self._next_start = 0.0

    @property
    def is_full(self) -> bool:
        """Whether somebody who asks now has to wait."""
        return self._free.locked()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot; entering waits for one."""
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
            self._free.release()

    async def pace(self) -> None:
        """Wait for this start's turn: starts are spread, so that many calls at once are no storm."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_start)
        self._next_start = turn + self._interval
        if turn > now:
            await asyncio.sleep(turn - now)
