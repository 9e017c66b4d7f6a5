"""How many calls an account may make by REST in a second: more of them wait for their turn.

"Calls per second": one, for an account without an approved business profile. Calls that come in, and those that TwiML
dials, are not counted.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.audio.clock import Clock


class CallRate:
    """One account's queue. ``per_second`` may be changed while it runs."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        self.per_second = per_second
        self._clock = clock
        self._free_at = 0.0  # seconds of the clock

    def turn(self) -> float:
        """Take a place in the queue; in how many simulated seconds it is that call's turn."""
        now = self._clock.now()
        at = max(now, self._free_at)
        self._free_at = at + 1 / self.per_second
        return at - now


CALL_RATE = web.AppKey("call_rate", CallRate)
