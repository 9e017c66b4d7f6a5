"""How far a call's words were behind what was said. Pure."""

from __future__ import annotations

from protocol.messages import Delay


class Delays:
    """The delays of one call, a sample a second while words come."""

    def __init__(self) -> None:
        self._count = self._sum = self._most = 0

    def add(self, ms: int) -> None:
        """Take one sample."""
        self._count += 1
        self._sum += ms
        self._most = max(self._most, ms)

    def delay(self) -> Delay | None:
        """Return a summary of the samples; None without any."""
        return Delay(round(self._sum / self._count), self._most) if self._count else None
