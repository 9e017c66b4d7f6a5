"""How long the parts of a call took: waiting, talking, hold. Pure.

A call waits from its start until somebody answers, or until it ends in vain: the prompt and the ringing are part of
that. It is talk from then on, but for the time on hold.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

BANDS = (10, 30, 60, 300, 900, 3600)
"""Where one band of seconds ends and the next begins: the log is searched by band."""


@dataclass(frozen=True, slots=True)
class CallTimes:
    """Whole seconds. None: not known yet, or there was no such part."""

    wait_s: int | None = None
    length_s: int | None = None
    talk_s: int | None = None


def times(
    *,
    started_at: datetime,
    answered_at: datetime | None,
    ended_at: datetime | None,
    duration_s: int | None,
    held_s: int,
) -> CallTimes:
    """Return the times of a call: of one that is not over, only how long it waited."""
    waited_until = answered_at or ended_at
    wait = None if waited_until is None else _seconds(started_at, waited_until)
    if ended_at is None:
        return CallTimes(wait)
    length = duration_s if duration_s is not None else _seconds(started_at, ended_at)
    talk = None if answered_at is None else max(0, _seconds(answered_at, ended_at) - held_s)
    return CallTimes(wait, length, talk)


def band(seconds: int) -> int:
    """Return the number of the band that ``seconds`` belong to, from 0."""
    return bisect_right(BANDS, seconds)


def _seconds(begin: datetime, end: datetime) -> int:
    return max(0, int((end - begin).total_seconds()))
