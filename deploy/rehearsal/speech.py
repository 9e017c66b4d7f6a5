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
WORD_MS = coded_words.WORD * 1000 // RATE
GAP_MARGIN_MS = 150  # how exactly lines and gaps say when something was


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance on a console: its words and when it begins and ends, ms on the call's clock."""

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
    breath_ms = BREATH * _STEP_MS + round(PAUSE_SECONDS * 1000)
    return {
        word: round(PAUSE_SECONDS * 1000) + number // BREATH * breath_ms + number % BREATH * _STEP_MS
        for number, word in enumerate(words)
        if word.startswith(call)
    }


def account(times: Mapping[str, int], lines: Sequence[Line], gaps: Collection[tuple[int, int]]) -> Account:
    """Return what became of the words said at ``times`` (in order), by the ``lines`` and ``gaps`` of one console."""
    shown = {word: line for line in lines for word in line.words if word in times}
    counts = Counter(word for line in lines for word in line.words if word in times)
    missing = [
        word
        for run, before, after in _lost_runs(list(times), shown)
        for word in run
        if not any(_is_in_a_gap(moment, gaps) for moment in _moments(word, times, before, after))
    ]
    doubled = tuple(sorted(word for word, count in counts.items() if count > 1))
    told = len(times) - len(shown) - len(missing)
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


def _moments(word: str, times: Mapping[str, int], before: Line | None, after: Line | None) -> Iterator[int]:
    """When ``word`` was said by the call's clock, as the lines around it have it.

    Not by the sound's own clock: a call that moved to another node goes on by the clock on the wall, so the two lines
    may disagree. Where no line is before it, the clock of the sound has to do.
    """
    for line, anchor in ((before, -1), (after, 0)):
        known = [each for each in line.words if each in times] if line is not None else []
        if line is not None and known:
            at = line.end_ms - WORD_MS if anchor else line.start_ms
            yield at + times[word] - times[known[anchor]]
    if before is None and after is None:
        yield times[word]


def _is_in_a_gap(moment: int, gaps: Collection[tuple[int, int]]) -> bool:
    """Whether a word that is said at ``moment`` has a part in a gap, give or take `GAP_MARGIN_MS`."""
    return any(since - GAP_MARGIN_MS <= moment + WORD_MS and moment <= to + GAP_MARGIN_MS for since, to in gaps)


_STEP_MS = (coded_words.WORD + coded_words.GAP) * 1000 // RATE
