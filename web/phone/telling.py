"""The parts of a board that a page has not been sent yet: pure.

A page hears of its own parts at once. What everybody sees alike is told at most every ``slow`` seconds where it would
be `MUCH` for all pages of the organisation together, and not to all of them at the same moment.
"""

from __future__ import annotations

from collections.abc import Mapping

from web.phone.board import SLOW

MUCH = 500_000  # bytes
_NOT_NEWS = frozenset({"now"})


class Telling:
    """The parts that one page was sent, as JSON by name. Times are seconds of any clock.

    What is held back is told ``phase`` seconds after a multiple of ``slow``.
    """

    def __init__(self, slow: float, phase: float = 0.0) -> None:
        self._slow = slow
        self._phase = phase
        self._told: dict[str, bytes] = {}
        self._latest: Mapping[str, bytes] = {}
        self._owed_at: float | None = None
        """When what is held back is due."""

    def take(self, parts: Mapping[str, bytes]) -> None:
        """Note the latest parts."""
        self._latest = parts

    def is_due(self, pages: int, now: float) -> bool:
        """Return whether something is to be sent ``now``; ``pages`` are open in all."""
        return not self._due(pages, now).keys() <= _NOT_NEWS

    def due(self, pages: int, now: float) -> bytes | None:
        """Return what the page is to be sent ``now``, as an event's data; None if nothing is."""
        changed = self._due(pages, now)
        if changed.keys() <= _NOT_NEWS:
            return None
        self._told.update(changed)
        return b"{" + b",".join(b'"%s":%s' % (name.encode(), part) for name, part in changed.items()) + b"}"

    def _due(self, pages: int, now: float) -> Mapping[str, bytes]:
        told = self._told
        changed = {name: part for name, part in self._latest.items() if told.get(name) != part}
        slow = sum(len(part) for name, part in changed.items() if name in SLOW)
        if not told or not slow:  # a page that opens is told everything
            self._owed_at = None
        elif self._owed_at is None:
            self._owed_at = now + self._slow - (now - self._phase) % self._slow
        if self._owed_at is not None and now < self._owed_at and slow * pages > MUCH:
            return {name: part for name, part in changed.items() if name not in SLOW}
        return changed

    def owes_in(self, now: float) -> float | None:
        """Return in how many seconds something is due that was held back; None if nothing was."""
        owed = any(self._told.get(name) != part for name, part in self._latest.items() if name in SLOW)
        return max(0.0, (self._owed_at or now) - now) if owed else None
