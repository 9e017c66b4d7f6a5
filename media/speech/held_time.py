"""When a call was on hold, on its own clock. Pure; all times in ms of the call."""

from __future__ import annotations

from media.speech.gaps import SHORTEST_MS, Stretch, without

_MAX_REMEMBERED = 64  # stretches; audio and gaps arrive seconds late, never so many holds late


class HeldTime:
    """The stretches for which a call was on hold."""

    def __init__(self) -> None:
        self._since: int | None = None  # when the present hold began
        self._past: list[Stretch] = []

    def begin(self, ms: int) -> None:
        """Note that the call is on hold from ``ms`` on."""
        self._since = ms

    def end(self, ms: int) -> None:
        """Note that the call is on hold no longer; what was heard before ``ms`` belongs to the hold."""
        if self._since is not None:
            self._past.append((self._since, max(ms, self._since)))
            del self._past[:-_MAX_REMEMBERED]
        self._since = None

    def includes(self, start: int, end: int) -> bool:
        """Return whether any of the time from ``start`` to ``end`` was on hold."""
        if self._since is not None and end > self._since:
            return True
        return any(since < end and start < until for since, until in self._past)

    def outside(self, start: int, end: int) -> list[Stretch]:
        """Return what of a gap from ``start`` to ``end`` was not on hold, as far as it is worth reporting."""
        left = [(start, end if self._since is None else min(end, self._since))]
        for past in self._past:
            left = without(left, *past)
        return [each for each in left if each[1] - each[0] >= SHORTEST_MS]
