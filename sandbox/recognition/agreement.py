"""Which words of an utterance stay as they are, where a recogniser guesses all of it again each time. Pure.

A word is settled once two guesses in a row begin alike up to it and two more words follow it: later guesses may
change only what comes after. Transcribe calls this partial-result stabilisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

_OPEN = 2  # newest words of a guess that are never settled: the sound cuts them off

_SEAM = 4  # most words that two utterances without a pause between them have in common


class Agreement:
    """What the guesses about one utterance agree on."""

    def __init__(self) -> None:
        self.settled: list[str] = []
        self._last: list[str] = []

    def partial(self, guess: Sequence[str]) -> list[str]:
        """Return ``guess`` with the words settled so far in their places, and settle what it confirms."""
        words = self.final(guess)
        alike = sum(1 for _ in takewhile(lambda pair: _plain(pair[0]) == _plain(pair[1]), zip(words, self._last)))  # noqa: B905
        self.settled = words[: max(len(self.settled), min(alike, len(words) - _OPEN))]
        self._last = words
        return words

    def final(self, guess: Sequence[str]) -> list[str]:
        """Return ``guess`` with the words settled so far in their places."""
        return self.settled + list(guess[_matched(self.settled, guess) :])


def continued(before: Sequence[str], guess: Sequence[str]) -> list[str]:
    """Return ``guess`` without its beginning, if that only repeats how the utterance ``before`` ended."""
    for count in range(min(_SEAM, len(before), len(guess)), 0, -1):
        if [_plain(word) for word in before[-count:]] == [_plain(word) for word in guess[:count]]:
            return list(guess[count:])
    return list(guess)


def _matched(settled: Sequence[str], guess: Sequence[str]) -> int:
    """Return how many words at the beginning of ``guess`` stand for the ``settled`` ones, by fewest differences."""
    row = list(range(len(guess) + 1))  # differences between the settled words so far and each beginning of the guess
    for count, word in enumerate(settled, 1):
        before, row = row, [count]
        for at, other in enumerate(guess):
            differs = _plain(word) != _plain(other)
            row.append(min(before[at] + differs, before[at + 1] + 1, row[at] + 1))
    return min(range(len(row)), key=lambda at: (row[at], abs(at - len(settled))))


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
