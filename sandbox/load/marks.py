"""Marks that let one process time another: in the sound on its way in, and in the words on their way out. Pure.

A chunk's sound begins with its call and its number, spelt in mu-law codes that survive the way to Transcribe; a
result's text begins with a number that survives the way to the console. Whoever sees a mark looks up when it left.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

import numpy as np

from media.speech.audio import PCM

MARK = 10  # samples: 20 bits of call, 20 of chunk
_CODE = [0x10 + nibble for nibble in range(16)]  # loud, and unlike each other
_NIBBLE = {PCM[code]: nibble for nibble, code in enumerate(_CODE)}
_WORD = re.compile(rb'"text":"m(\d+)m')


@dataclass(slots=True)
class Watch:
    """When each mark left, and how long each took, in seconds. ``measuring`` is off while warming up."""

    measuring: bool = False
    left: dict[int, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def leave(self, mark: int) -> None:
        self.left[mark] = time.monotonic()

    def arrive(self, mark: int) -> None:
        left = self.left.pop(mark, None)
        if left is not None and self.measuring:
            self.took.append(time.monotonic() - left)

    def percentiles_ms(self) -> tuple[float, float]:
        """Return the middle one and the 99th, in ms."""
        if not self.took:
            return float("nan"), float("nan")
        p50, p99 = np.percentile(self.took, [50, 99])
        return float(p50) * 1000, float(p99) * 1000


def chunk_mark(call: int, chunk: int) -> int:
    return call << 20 | chunk


def to_sound(mark: int) -> bytes:
    """Return the mark as mu-law, `MARK` samples."""
    return bytes(_CODE[mark >> 4 * place & 15] for place in range(MARK))


def from_pcm(pcm: bytes | memoryview) -> int | None:
    """Return the mark at the beginning of a stereo chunk's first channel, or None if there is none."""
    samples = np.frombuffer(pcm[: MARK * 4], dtype="<i2")[::2].tolist()
    try:
        return sum(_NIBBLE[sample] << 4 * place for place, sample in enumerate(samples))
    except KeyError:
        return None


def to_word(mark: int) -> str:
    return f"m{mark}m"


def from_event(event: bytes | memoryview) -> int | None:
    """Return the mark in an utterance event, or None if it is another event."""
    found = _WORD.search(event)
    return int(found[1]) if found else None
