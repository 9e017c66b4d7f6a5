"""What of a call's sound never reached Transcribe, gathered until it is worth telling. Pure; all times in ms."""

from __future__ import annotations

Stretch = tuple[int, int]  # from, to

SHORTEST_MS = 100  # a shorter loss costs no word, and is told to nobody
_SETTLED = 5  # times asked, ten a second: losses come in pieces, and their neighbours may still follow
_MOST = 256  # stretches remembered: of those not told yet (of each track), and of those told


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
    """Losses as they are noticed, in pieces and any order; gaps as they are told: whole, and no moment twice."""

    def __init__(self) -> None:
        self._pending: tuple[dict[Stretch, int], ...] = ({}, {})  # of each track: how often asked for since it grew
        self._told: list[Stretch] = []

    def __bool__(self) -> bool:
        return any(self._pending)

    def add(self, track: int, start: int, end: int) -> None:
        """Note that what ``track`` said from ``start`` to ``end`` is lost."""
        pending = self._pending[track]
        for each in [each for each in pending if each[0] <= end and start <= each[1]]:
            del pending[each]
            start, end = min(start, each[0]), max(end, each[1])
        pending[start, end] = 0
        if len(pending) > _MOST:
            del pending[min(pending)]

    def recover(self, track: int, start: int, end: int) -> None:
        """Note that what ``track`` said there has come after all; what was told stays told."""
        pending = self._pending[track]
        for each in [each for each in pending if each[0] < end and start < each[1]]:
            asked = pending.pop(each)
            pending |= dict.fromkeys(without([each], start, end), asked)

    def take(self, *, last: bool = False) -> list[Stretch]:
        """Return what is worth telling and has not grown for half a second, or (``last``) will not any more."""
        taken = [each for pending in self._pending for each in self._settled(pending, last)]
        told: list[Stretch] = []
        for stretch in taken:
            pieces = [stretch]
            for before in self._told + told:
                pieces = without(pieces, *before)
            told += [each for each in pieces if each[1] - each[0] >= SHORTEST_MS]
        self._told = (self._told + told)[-_MOST:]
        return sorted(told)

    def _settled(self, pending: dict[Stretch, int], last: bool) -> list[Stretch]:
        """Take out of ``pending`` what will not grow."""
        for each in pending:
            pending[each] += 1
        settled = [
            each
            for each, asked in pending.items()
            if each[1] - each[0] >= SHORTEST_MS and (last or asked >= _SETTLED)
        ]
        for each in settled:
            del pending[each]
        return settled
