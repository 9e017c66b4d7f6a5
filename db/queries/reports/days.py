"""When a day and its hours begin in a time zone. Pure."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def hours(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return when each of the 24 hours of ``day`` begins on the clocks of ``zone``.

    An hour that they show twice lasts twice as long; one that they skip begins with the next.
    """
    return [datetime.combine(day, time(hour), zone) for hour in range(24)]


def beginning(day: date, zone: ZoneInfo) -> datetime:
    """Return when ``day`` begins in ``zone``; it ends when the next begins."""
    return datetime.combine(day, time(), zone)


def between(first: date, last: date) -> list[date]:
    """Return the days from ``first`` to ``last``, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
