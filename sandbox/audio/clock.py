"""A telephone exchange's time: seconds, and ticks of 20 ms, the length of one frame of sound.

A clock may run faster than the wall's (``speed``), so that a minute's call is tested in a second. Ticks are
counted from the clock's own beginning and never from the last one, so that nothing drifts.
"""

from __future__ import annotations

import asyncio

TICKS_PER_SECOND = 50


class Clock:
    """Time of the simulated world; made inside the running event loop."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._time = asyncio.get_running_loop().time
        self._origin = self._time()

    def now(self) -> float:
        """Return seconds since the clock was made."""
        return (self._time() - self._origin) * self.speed

    def tick(self) -> int:
        """Return the tick that is passing."""
        return int(self.now() * TICKS_PER_SECOND)

    async def until(self, tick: int) -> None:
        """Wait for ``tick`` to begin. Others get their turn even when it already has."""
        await self.sleep(tick / TICKS_PER_SECOND - self.now())

    async def sleep(self, seconds: float) -> None:
        """Wait for simulated ``seconds``."""
        await asyncio.sleep(max(0.0, seconds / self.speed))
