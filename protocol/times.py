"""Times as messages and pages carry them: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def milliseconds(at: datetime) -> int:
    """Return ``at`` in milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def from_milliseconds(at: int) -> datetime:
    """Return the time ``at`` milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC)
