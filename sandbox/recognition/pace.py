"""How often a line that is still being spoken is decoded again, so that one process keeps up with all who speak.

Each decoding begins at the line's beginning, so it costs more the longer the line is. Decodings may take `_SHARE` of
the process's time; beyond that they become rarer, so that words come later but sound never queues. `calls` says for
how many speakers that is soon enough.
"""

from __future__ import annotations

_SHARE = 0.8
_OFTENEST = 0.6  # seconds of sound
_RAREST = 10.0  # the longest line
MOST_BEHIND = 3.0  # seconds from a word to its text

TYPICAL_LINE = 5.0  # seconds of speech between two pauses; in the demo call half of the lines are shorter


class Pace:
    """The pace of all channels of a process. ``speaking`` are those with an open line."""

    def __init__(self) -> None:
        self.speaking: set[object] = set()

    def interval(self, cost: float) -> float:
        """Return after how many seconds of sound to decode again a line whose last decoding took ``cost`` seconds."""
        return min(max(cost * max(1, len(self.speaking)) / _SHARE, _OFTENEST), _RAREST)


def calls(cost: float) -> int:
    """Return how many calls are heard at once, at least one, if decoding `TYPICAL_LINE` takes ``cost`` seconds.

    In a call one of the two speaks at a time. At worst a word waits for the next decoding, and that one for every
    other speaker's.
    """
    waits = cost / _SHARE + cost
    return max(1, int(MOST_BEHIND / waits))
