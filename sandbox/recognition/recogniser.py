"""What any recogniser of speech offers the emulated Transcribe: one channel's sound in, words out.

All times are seconds of the channel's own sound, counted from its first sample. Three recognisers fit this port:
`sandbox.recognition.moonshine` (real recognition of anybody's English), `sandbox.recognition.sphinx` (of the bundled
demo call only), each in a process of its own, and `sandbox.recognition.scripted` (exact words carried inside
synthetic sound, for tests and load).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

NOT_UNDERSTOOD = "[unclear]"  # in the place of words that would be guesses


class RecogniserError(Exception):
    """What recognised this channel is gone, and what it had heard with it."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, from when to when it was heard, and how sure the recogniser is (0 to 1).

    ``text`` may end in one mark of punctuation.
    """

    text: str
    start: float
    end: float
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What the channel's ``utterance`` (counted from 0) sounds like so far; ``final`` when that is settled.

    Every result replaces the earlier ones of the same utterance. The first ``stable`` words stay as they are.
    """

    utterance: int
    words: tuple[Word, ...]
    final: bool
    stable: int = 0

    @property
    def start(self) -> float:
        """When the first word began."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """When the last word ended."""
        return self.words[-1].end


class Recogniser(Protocol):
    """One channel being recognised. Results always carry at least one word."""

    async def feed(self, pcm: bytes) -> Sequence[Result]:
        """Return what there is to say after the next ``pcm`` (16-bit little-endian). Raise `RecogniserError`."""

    async def finish(self) -> Sequence[Result]:
        """Return the finals still owed: the sound is over. Raise `RecogniserError`."""

    def close(self) -> None:
        """Forget the channel. May be called at any time, also twice."""


# Starts recognising one channel of so many samples a second.
RecogniserFactory = Callable[[int], Recogniser]
