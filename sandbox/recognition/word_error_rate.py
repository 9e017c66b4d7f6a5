"""How much of what was said was heard wrong: the word error rate. Pure.

``(words exchanged + left out + put in) / words said``, as everybody counts it. Case, punctuation, and numbers
written in digits or in words make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[a-z']+|[0-9]+")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


@dataclass(frozen=True, slots=True)
class Wrong:
    """``errors`` of ``said`` words. Its text is the line that `python -m sandbox.hear` ends with."""

    errors: int
    said: int

    @property
    def rate(self) -> float:
        """From 0; above 1 if more words were put in than said."""
        return self.errors / self.said if self.said else float(self.errors > 0)

    def __str__(self) -> str:
        return f"word error rate {self.rate:.3f} of {self.said} words"


def compare(said: str, heard: str) -> Wrong:
    """Count what is wrong in ``heard``."""
    wanted = words(said)
    return Wrong(_differences(wanted, words(heard)), len(wanted))


def words(text: str) -> list[str]:
    """Return the words of ``text`` as they are compared."""
    plain = text.lower().replace("’", "'").replace("-", " ")
    return [word for found in _WORD.findall(plain) for word in _spoken(found.strip("'"))]


def _spoken(word: str) -> list[str]:
    """Return ``word``; a number as it is said: to ninety-nine as one, longer ones digit by digit."""
    if not word.isdigit():
        return [word] if word else []
    number = int(word)
    if len(word) == 2 and 10 <= number < 20:
        return [_TEENS[number - 10]]
    if len(word) == 2 and number >= 20:
        return [_TENS[number // 10 - 2], *([_DIGITS[number % 10]] if number % 10 else [])]
    return [_DIGITS[int(digit)] for digit in word]


def _differences(said: Sequence[str], heard: Sequence[str]) -> int:
    """Return the edit distance of the two."""
    row = list(range(len(heard) + 1))
    for count, word in enumerate(said, 1):
        before, row = row, [count]
        for at, other in enumerate(heard):
            row.append(min(before[at] + (word != other), before[at + 1] + 1, row[at] + 1))
    return row[-1]
