"""Numbered words, so that each can be asked for by name: what is said in a call, and what became of each word. Pure.

A call's caller says ``c3w0 c3w1 c3w2 …``, a few in a breath. At the end every word was seen as the words of some
line, or was told as lost (it was said inside a gap), or is unaccounted for: there must be none of the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandbox import script_audio

RATE = 8000  # samples a second, one byte each
BREATH = 6  # words
PAUSE_SECONDS = 0.9
GAP_MARGIN_MS = 400  # a word that was cut by a gap's edge lasts 300 ms


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
    sound = bytearray(script_audio.silence(PAUSE_SECONDS))
    while len(sound) < seconds * RATE:
        breath = [f"{call}w{len(words) + number}" for number in range(BREATH)]
        words += breath
        sound += script_audio.encode(" ".join(breath)) + script_audio.silence(PAUSE_SECONDS)
    return words, bytes(sound)


def said_at(words: Sequence[str], call: str) -> dict[str, int]:
    """Return when each of a script's ``words`` begins, ms after its sound begins."""
    breath_ms = BREATH * _WORD_MS + round(PAUSE_SECONDS * 1000)
    return {
        word: round(PAUSE_SECONDS * 1000) + number // BREATH * breath_ms + number % BREATH * _WORD_MS
        for number, word in enumerate(words)
        if word.startswith(call)
    }


def account(times: Mapping[str, int], lines: Iterable[Line], gaps: Iterable[tuple[int, int]]) -> Account:
    """Return what became of the words said at ``times``, by the ``lines`` and ``gaps`` of one console."""
    lines = list(lines)
    shown = [word for line in lines for word in line.words if word in times]
    clock = _offset(times, lines)
    lost = [word for word in times if word not in set(shown)]
    told = [
        word
        for word in lost
        if any(start - GAP_MARGIN_MS <= times[word] + clock <= end + GAP_MARGIN_MS for start, end in gaps)
    ]
    missing = tuple(word for word in lost if word not in set(told))
    doubled = tuple(sorted({word for word in shown if shown.count(word) > 1}))
    return Account(len(times), len(set(shown)), len(told), missing, doubled)


def _offset(times: Mapping[str, int], lines: Iterable[Line]) -> int:
    """How far the call's clock is ahead of the sound's, by the lines that begin with a known word: their median."""
    offsets = sorted(line.start_ms - times[line.words[0]] for line in lines if line.words and line.words[0] in times)
    return offsets[len(offsets) // 2] if offsets else 0


_WORD_MS = (script_audio.WORD + script_audio.GAP) * 1000 // RATE
