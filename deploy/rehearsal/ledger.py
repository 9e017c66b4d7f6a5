"""What became of all the words of all calls, after each step and at the end. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from deploy.rehearsal.speech import Account, Line, account, said_at

ON_THE_WAY_MS = 8000  # from a word's beginning until a console shows it, on a busy machine
CERTAIN_MS = 45_000  # so much later its loss was reported, if it ever is: a call waits 40 s for its next stream


@dataclass(frozen=True, slots=True)
class Heard:
    """One call at one moment: what its caller has said, and what a console shows of it."""

    name: str
    words: Sequence[str]
    """The caller's script."""
    spoken_ms: float
    """How much of it was played, by the telephone's own clock."""
    lines: Sequence[Line]
    gaps: Collection[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Total:
    """The words of all calls."""

    said: int = 0
    seen: int = 0
    told: int = 0
    missing: int = 0

    def since(self, before: Total) -> Total:
        """Return what was added since ``before``."""
        added = (getattr(self, name) - getattr(before, name) for name in self.__slots__)
        return Total(*added)


def accounts_of(calls: Sequence[Heard], on_the_way_ms: float = ON_THE_WAY_MS) -> list[Account]:
    """Return what became of the words each caller has said, but for the last ones, which are still on their way.

    By the telephone's clock, not by what is shown: a call that shows nothing any more is not excused. A word that is
    shown already counts, however young it is.
    """
    results = []
    for call in calls:
        times = said_at(call.words, call.name)
        shown = max((times.get(word, 0) for line in call.lines for word in line.words), default=0)
        until_ms = max(shown, call.spoken_ms - on_the_way_ms)
        said = {word: at for word, at in times.items() if at <= until_ms}
        results.append(account(said, call.lines, call.gaps))
    return results


def total(results: Sequence[Account]) -> Total:
    """Return the sum of ``results``."""
    return Total(
        sum(one.said for one in results),
        sum(one.seen for one in results),
        sum(one.told for one in results),
        sum(len(one.missing) for one in results),
    )


class Ledger:
    """Accounts that no later gap can improve: a word that was lost silently once must be shown to be found."""

    def __init__(self) -> None:
        self._lost: dict[str, dict[str, None]] = {}  # by call: words that were lost silently, in order

    def close(self, calls: Sequence[Heard]) -> list[Account]:
        """Return the accounts of ``calls`` as of now."""
        results = []
        for call, now, certain in zip(calls, accounts_of(calls), accounts_of(calls, CERTAIN_MS), strict=True):
            lost = self._lost.setdefault(call.name, {})
            lost |= dict.fromkeys(certain.missing)
            shown = {word for line in call.lines for word in line.words}
            excused = [word for word in lost if word not in shown and word not in now.missing]
            results.append(replace(now, told=now.told - len(excused), missing=(*excused, *now.missing)))
        return results
