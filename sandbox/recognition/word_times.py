"""When each word of a line was spoken, for a recogniser that only says when the line was. Pure.

An estimate: the words share the line's voiced sound by their number of letters, and silence within the line belongs
to no word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_HOP_SECONDS = 0.01
_VOICED = 0.1  # of the line's loudest hops, root mean square
_LOUD = 95  # percentile

Span = tuple[float, float]  # seconds


def spread(words: Sequence[str], sound: NDArray[np.float32], rate: int) -> list[Span]:
    """Return when each of ``words`` was spoken, in seconds of ``sound`` (``rate`` samples a second)."""
    if not words:
        return []
    voiced = _voiced_seconds(sound, rate)
    letters = np.cumsum([0, *(1 + sum(map(str.isalnum, word)) for word in words)])
    edges = letters / letters[-1] * voiced[-1]
    at = np.arange(len(voiced)) * _HOP_SECONDS
    # Where the voiced time stands still, in a pause, a word's end is before it and the next one's start after it.
    ends = at[np.clip(np.searchsorted(voiced, edges[1:] - 1e-9, side="left"), 0, len(at) - 1)]
    starts = at[np.clip(np.searchsorted(voiced, edges[:-1] + 1e-9, side="right") - 1, 0, len(at) - 1)]
    ends = np.maximum(starts, np.minimum(ends, np.append(starts[1:], at[-1])))
    return [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]


def _voiced_seconds(sound: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Return how many seconds were voiced up to each hop, beginning with 0; all of them if nothing is louder."""
    hop = int(rate * _HOP_SECONDS)
    hops = np.asarray(sound[: len(sound) // hop * hop], dtype=np.float64).reshape(-1, hop)
    loudness = np.sqrt((hops**2).mean(axis=1))
    voiced = loudness >= _VOICED * np.percentile(loudness, _LOUD) if len(loudness) else np.zeros(0, dtype=bool)
    return np.concatenate([[0.0], np.cumsum(voiced * _HOP_SECONDS)])
