"""Who talked for how long in a call, by the times of its final utterances. Pure.

The sums do not depend on the order in which utterances are added. Two people who speak at once are counted for both,
and the time for which they do once more as ``both_ms``.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal

from msgspec import Struct


class Talk(Struct, frozen=True):
    """Times in ms, words as they stand on the page. ``silence_ms``: between words, without time on hold."""

    caller_ms: int = 0
    agent_ms: int = 0
    both_ms: int = 0
    silence_ms: int = 0
    caller_words: int = 0
    agent_words: int = 0


class _Spoken:
    """When one speaker spoke: stretches of ms in order, none of which overlap or touch."""

    __slots__ = ("ends", "starts", "total_ms", "words")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.total_ms = self.words = 0

    def add(self, start: int, end: int) -> list[tuple[int, int]]:
        """Add a stretch. Return what of it is new."""
        first = bisect_left(self.ends, start)
        last = first
        new, at = [], start
        while last < len(self.starts) and self.starts[last] <= end:
            if at < self.starts[last]:
                new.append((at, self.starts[last]))
            at = max(at, self.ends[last])
            last += 1
        if at < end:
            new.append((at, end))
        merged = slice(first, last)
        starts, ends = [start, *self.starts[merged]], [end, *self.ends[merged]]
        self.starts[merged], self.ends[merged] = [min(starts)], [max(ends)]
        self.total_ms += sum(after - before for before, after in new)
        return new

    def within(self, start: int, end: int) -> int:
        """Return for how many ms the speaker spoke between ``start`` and ``end``."""
        at, total = bisect_left(self.ends, start), 0
        while at < len(self.starts) and self.starts[at] < end:
            total += min(end, self.ends[at]) - max(start, self.starts[at])
            at += 1
        return total


class TalkTimes:
    """The talk of one call so far."""

    __slots__ = ("_agent", "_both_ms", "_caller", "_held_ms", "_was_held")

    def __init__(self) -> None:
        self._caller, self._agent = _Spoken(), _Spoken()
        self._both_ms = self._held_ms = 0
        self._was_held = False

    def add(self, speaker: Literal["caller", "agent"], text: str, start_ms: int, end_ms: int) -> None:
        """Add a final utterance."""
        mine, theirs = (self._caller, self._agent) if speaker == "caller" else (self._agent, self._caller)
        mine.words += len(text.split())
        if end_ms <= start_ms:
            return
        if self._was_held:
            self._held_ms += max(0, start_ms - self._last_ms)
            self._was_held = False
        self._both_ms += sum(theirs.within(*new) for new in mine.add(start_ms, end_ms))

    def held(self) -> None:
        """Note that the customer is on hold: until somebody speaks again, nobody is silent."""
        self._was_held = self._last_ms > 0

    def sums(self) -> Talk:
        """Return the sums so far."""
        caller, agent = self._caller, self._agent
        spoken_ms = caller.total_ms + agent.total_ms - self._both_ms
        first_ms = min([each.starts[0] for each in (caller, agent) if each.starts], default=0)
        silence_ms = max(0, self._last_ms - first_ms - spoken_ms - self._held_ms)
        return Talk(caller.total_ms, agent.total_ms, self._both_ms, silence_ms, caller.words, agent.words)

    def adopt(self, talk: Talk) -> bool:
        """Learn from another node, which knows the same words, for how long it was on hold. Return False if known."""
        more = self.sums().silence_ms - talk.silence_ms
        self._held_ms += max(0, more)
        return more > 0

    @property
    def _last_ms(self) -> int:
        return max([each.ends[-1] for each in (self._caller, self._agent) if each.ends], default=0)
