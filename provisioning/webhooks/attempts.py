"""What follows from an attempt: done, another one later, or given up. Pure.

The pauses are those that Standard Webhooks recommends, three days in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between one attempt and the next; the first is made at once."""
JITTER = 0.2  # of a pause, at most, in addition
WARNED_AFTER = timedelta(days=1)
OFF_AFTER = timedelta(days=5)
LONGEST_RETRY_AFTER = timedelta(hours=24)  # of a receiver, by Retry-After
_BUSY = (429, 502, 503, 504)
GONE = 410

Consequence = Literal["warn", "off", "gone"]


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt gave: an HTTP status, or a code why there was none."""

    status: int | None = None
    error: str | None = None
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def next_try(result: Result, attempts: int, now: datetime, chance: float) -> datetime | None:
    """Return when to try again after ``attempts``, this one included; None: not again. ``chance`` is 0 to 1."""
    if result.is_success or result.status == GONE or attempts > len(PAUSES):
        return None
    pause = PAUSES[attempts - 1] * (1 + JITTER * chance)
    if result.status in _BUSY and result.retry_after is not None:
        pause = max(pause, min(result.retry_after, LONGEST_RETRY_AFTER))
    return now + pause


def consequence(
    result: Result, failing_since: datetime, warned_at: datetime | None, now: datetime
) -> Consequence | None:
    """Return what a failure means for the endpoint, which has failed since then."""
    if result.status == GONE:
        return "gone"
    if now - failing_since >= OFF_AFTER:
        return "off"
    return "warn" if warned_at is None and now - failing_since >= WARNED_AFTER else None
