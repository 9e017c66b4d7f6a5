"""Where one stream of a call ends and the next begins: what is missing there, and which word may be cut in two. Pure.

All times in ms of the call.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.live.transcript import Cause, Gap
from media.speech.gaps import SHORTEST_MS

FIRST_SOUND_SECONDS = 5.0  # at most: audio may wait in the socket of a node that has no time for it
WORD_MS = 500  # a word is hardly longer: so far a cut one may reach into the audio of either stream


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the call around a moment."""

    said_ms: int = 0
    """The end of the last utterance before it."""
    heard_ms: int = 0
    """Until when the audio before it was received and transcribed, if another node had the call."""
    next_ms: int | None = None
    """The start of the first utterance after it."""


@dataclass(slots=True)
class Seam:
    """The next stream begins at ``to_ms``; the audio before it ended at ``from_ms`` (None: another node knows)."""

    from_ms: int | None
    to_ms: int
    cause: Cause
    due: float
    """When to publish the gap, in seconds of `time.monotonic`: the words around it have arrived by then."""
    ends_loud: bool = True
    """Whether somebody was speaking when the audio before it ended; another node does not say."""
    loud: bool | None = None
    """Whether the next stream begins with sound; None before it has begun."""

    def is_due(self, now: float) -> bool:
        """Return whether to publish the gap at ``now``: not before the next stream's first sound, on a busy node."""
        return now >= self.due + (0.0 if self.loud is not None else FIRST_SOUND_SECONDS)

    def note(self, *, loud: bool) -> None:
        """Note the next stream's first chunk; later ones change nothing."""
        if self.loud is None:
            self.loud = loud

    def gap(self, known: Known) -> Gap | None:
        """Return the gap to publish, or None if no word can be missing.

        It reaches from the last word before the seam to the first after it, `WORD_MS` into each stream at most: a
        word of which each stream has one part is in neither transcript.
        """
        heard_ms = min(self.to_ms, max(known.heard_ms, known.said_ms) if self.from_ms is None else self.from_ms)
        start, end = heard_ms, self.to_ms
        if self.ends_loud:
            start = min(heard_ms, max(known.said_ms, heard_ms - WORD_MS, 0))
        if self.loud:
            end = self.to_ms + WORD_MS if known.next_ms is None else min(known.next_ms, self.to_ms + WORD_MS)
        is_lost = self.to_ms - heard_ms >= SHORTEST_MS
        return Gap(start, end, self.cause) if (is_lost or self.loud) and end - start >= SHORTEST_MS else None


def overlooked(known: Known, guess_ms: int, cause: Cause) -> Gap | None:
    """Return what a published gap lacks that began at ``guess_ms``, by a guess; ``known`` is what is before that."""
    if guess_ms - max(known.heard_ms, known.said_ms) < SHORTEST_MS:
        return None
    return Gap(max(known.said_ms, known.heard_ms - WORD_MS, 0), guess_ms, cause)
