"""AWS's clock, by which requests are signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog

_WRONG_CLOCK = timedelta(seconds=30)  # less is the network's delay and the header's whole seconds

log = structlog.get_logger()


class VendorClock:
    """AWS's clock, as far as its answers show that ours is wrong: a signature must be of the last five minutes."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return AWS's time, in UTC."""
        return datetime.now(UTC) + self._ahead

    def learn(self, date: str | None) -> None:
        """Note an answer that has just arrived with the header ``Date``."""
        try:
            theirs = parsedate_to_datetime(date or "")
        except ValueError:
            return
        if theirs.tzinfo is None:
            return
        ahead = theirs - datetime.now(UTC)
        before, self._ahead = self._ahead, ahead if abs(ahead) >= _WRONG_CLOCK else timedelta(0)
        if bool(before) != bool(self._ahead):
            log.warning("clock differs from AWS's", ahead_seconds=round(self._ahead.total_seconds()))
