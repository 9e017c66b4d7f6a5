"""Collect the audio of a call that never reached Transcribe, until a gap is complete. Pure; all times in ms."""

from __future__ import annotations

Stretch = tuple[int, int]  # from, to

SHORTEST_MS = 100  # a shorter gap costs no word and is not reported
_COMPLETE_AFTER = 5  # calls of `take`, ten a second, without growth: losses are noticed in pieces
_MAX_REMEMBERED = 256  # stretches: pending ones of each track, and reported ones


def without(stretches: list[Stretch], start: int, end: int) -> list[Stretch]:
    """Return ``stretches`` less what lies between ``start`` and ``end``."""
    left = [(each[0], min(each[1], start)) for each in stretches]
    right = [(max(each[0], end), each[1]) for each in stretches]
    return sorted({each for each in left + right if each[0] < each[1]})


def within(stretches: list[Stretch], start: int, end: int) -> list[Stretch]:
    """Return the parts of ``stretches`` that lie between ``start`` and ``end``."""
    parts = {(max(each[0], start), min(each[1], end)) for each in stretches}
    return sorted(each for each in parts if each[0] < each[1])


class Gaps:
    """Take losses in pieces and any order; report whole gaps, and no moment twice."""

    def __init__(self) -> None:
        self._pending: tuple[dict[Stretch, int], ...] = ({}, {})  # of each track: calls of `take` since it grew
        self._reported: list[Stretch] = []

    def __bool__(self) -> bool:
        return any(self._pending)

    def add(self, track: int, start: int, end: int) -> None:
        """Note that the audio of ``track`` from ``start`` to ``end`` is lost."""
        pending = self._pending[track]
        for each in [each for each in pending if each[0] <= end and start <= each[1]]:
            del pending[each]
            start, end = min(start, each[0]), max(end, each[1])
        pending[start, end] = 0
        if len(pending) > _MAX_REMEMBERED:
            del pending[min(pending)]

    def recover(self, track: int, start: int, end: int) -> None:
        """Note that this audio of ``track`` has arrived after all; what is reported stays reported."""
        pending = self._pending[track]
        for each in [each for each in pending if each[0] < end and start < each[1]]:
            asked = pending.pop(each)
            pending |= dict.fromkeys(without([each], start, end), asked)

    def take(self, *, last: bool = False) -> list[Stretch]:
        """Return gaps that have not grown for half a second, or (``last``) will not grow any more."""
        taken = [each for pending in self._pending for each in self._take_complete(pending, last)]
        reported: list[Stretch] = []
        for stretch in taken:
            pieces = [stretch]
            for before in self._reported + reported:
                pieces = without(pieces, *before)
            reported += [each for each in pieces if each[1] - each[0] >= SHORTEST_MS]
        self._reported = (self._reported + reported)[-_MAX_REMEMBERED:]
        return sorted(reported)

    def _take_complete(self, pending: dict[Stretch, int], last: bool) -> list[Stretch]:
        """Remove and return the stretches of ``pending`` that will not grow."""
        for each in pending:
            pending[each] += 1
        complete = [
            each
            for each, asked in pending.items()
            if each[1] - each[0] >= SHORTEST_MS and (last or asked >= _COMPLETE_AFTER)
        ]
        for each in complete:
            del pending[each]
        return complete
