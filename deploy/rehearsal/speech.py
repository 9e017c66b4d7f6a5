"""Numbered words, so that each can be asked for by name: what is said in a call, and what became of each word. Pure.

A call's caller says ``c3w0 c3w1 c3w2 …``, a few in a breath. At the end every word was seen as the words of some
line, or was reported as lost (it was said inside a gap), or is unaccounted for: there must be none of the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sandbox.audio import coded_words

RATE = 8000  # samples a second, one byte each
BREATH = 6  # words
PAUSE_SECONDS = 0.9
GAP_MARGIN_MS = 400  # at each end: a word that the gap's edge cuts is lost, and lasts 300 ms


@dataclass(frozen=True, slots=True)
class Line:
    """One final utterance on a console: its words and when it begins and ends, ms on the call's clock."""

    words: tuple[str, ...]
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a call's words."""

    said: int
    seen: int
    told: int  # lost, and the console says so
    missing: tuple[str, ...]  # lost without a word
    doubled: tuple[str, ...]  # shown twice


def script(call: str, seconds: float) -> tuple[list[str], bytes]:
    """Return the words that ``call`` says in about ``seconds``, and their sound (mu-law)."""
    words: list[str] = []
    sound = bytearray(coded_words.silence(PAUSE_SECONDS))
    while len(sound) < seconds * RATE:
        breath = [f"{call}w{len(words) + number}" for number in range(BREATH)]
        words += breath
        sound += coded_words.encode(" ".join(breath)) + coded_words.silence(PAUSE_SECONDS)
    return words, bytes(sound)


def said_at(words: Sequence[str], call: str) -> dict[str, int]:
    """Return when each of a script's ``words`` begins, ms after its sound begins."""
    breath_ms = BREATH * _WORD_MS + round(PAUSE_SECONDS * 1000)
    return {
        word: round(PAUSE_SECONDS * 1000) + number // BREATH * breath_ms + number % BREATH * _WORD_MS
        for number, word in enumerate(words)
        if word.startswith(call)
    }


def account(times: Mapping[str, int], lines: Sequence[Line], gaps: Collection[tuple[int, int]]) -> Account:
    """Return what became of the words said at ``times`` (in order), by the ``lines`` and ``gaps`` of one console."""
    shown = {word: line for line in lines for word in line.words if word in times}
    counts = Counter(word for line in lines for word in line.words if word in times)
    told, missing = 0, list[str]()
    for run, before, after in _lost_runs(list(times), shown):
        excused = _words_in_gaps(gaps, before, after)
        told += min(excused, len(run))
        missing += run[excused:]
    doubled = tuple(sorted(word for word, count in counts.items() if count > 1))
    return Account(len(times), len(shown), told, tuple(missing), doubled)


def _lost_runs(
    words: Sequence[str], shown: Mapping[str, Line]
) -> Iterator[tuple[list[str], Line | None, Line | None]]:
    """Every run of words that were not shown, with the lines that have the words before and after it."""
    run, before = list[str](), None
    for word in words:
        line = shown.get(word)
        if line is None:
            run.append(word)
            continue
        if run:
            yield run, before, line
        run, before = [], line
    if run:
        yield run, before, None


def _words_in_gaps(gaps: Collection[tuple[int, int]], before: Line | None, after: Line | None) -> int:
    """How many words the gaps between two lines are long enough for; within one line, the gaps inside it.

    Where a gap lies is given by the lines around it, not by the sound's own clock: a call that moved to another node
    goes on by the clock on the wall.
    """
    if before is after and before is not None:
        begin, end = before.start_ms, before.end_ms
    else:
        begin = before.end_ms if before else 0
        end = after.start_ms if after else 1 << 62
    inside = [(max(since, begin), min(to, end)) for since, to in gaps if since < end and to > begin]
    told_ms = sum(to - since for since, to in _joined(inside))
    return (told_ms + 2 * GAP_MARGIN_MS) // _WORD_MS if told_ms else 0


def _joined(stretches: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ``stretches`` without overlaps: a moment that two gaps report excuses its words once."""
    joined: list[tuple[int, int]] = []
    for since, to in sorted(stretches):
        if joined and since <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(to, joined[-1][1])
        else:
            joined.append((since, to))
    return joined


_WORD_MS = (coded_words.WORD + coded_words.GAP) * 1000 // RATE
