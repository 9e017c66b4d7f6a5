"""Filters by day, and cursors for every list that is shown in pages (keyset pagination). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from db.paging import Cursor
from web.request.errors import InvalidError
from web.request.typed import digits_and_signs

_DAYS = {"from": "first day", "to": "last day"}
_EPOCH = datetime.fromtimestamp(0, UTC)
_EARLIEST, _LATEST = date(2000, 1, 1), date(9000, 1, 1)


def filled_in(query: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the filters of ``names`` that are filled in: days as people type and paste them, choices as sent."""
    sent = {name: query.get(name, "") for name in names}
    typed = {name: digits_and_signs(text) if name in _DAYS else text.strip() for name, text in sent.items()}
    return {name: text for name, text in typed.items() if text}


def days(asked: Mapping[str, str], zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return the time range of the filters ``from`` and ``to``, which are days of ``zone``, both included.

    Raise `InvalidError`.
    """
    first, last = read_day(asked, "from"), read_day(asked, "to")
    if first is not None and last is not None and first > last:
        raise InvalidError("The first day is after the last day. Swap them, then try again.", "to")
    since = None if first is None else _midnight(first, zone)
    return since, None if last is None else _midnight(last + timedelta(days=1), zone)


def read_day(asked: Mapping[str, str], field: str) -> date | None:
    """Parse the filter ``field``, "from" or "to"; None if it is not filled in. Raise `InvalidError`."""
    text = asked.get(field)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidError(f"The {_DAYS[field]} is not a date. Write it like 2026-11-20.", field) from None
    if not _EARLIEST <= day <= _LATEST:
        raise InvalidError(f"The {_DAYS[field]} is too far away. Write it like 2026-11-20.", field)
    return day


def write_cursor(cursor: Cursor) -> str:
    """Return ``cursor`` as a part of a URL. `read_cursor` parses it."""
    return f"{(cursor.at - _EPOCH) // timedelta(microseconds=1)}_{cursor.id}"


def read_cursor(text: str | None) -> Cursor | None:
    """Parse a cursor; None for the first page. Raise `InvalidError`."""
    if not text:
        return None
    at, _, identifier = text.partition("_")
    try:
        return Cursor(_EPOCH + timedelta(microseconds=int(at)), UUID(identifier))
    except (ValueError, OverflowError):
        raise InvalidError("That page of the list does not exist. Start again from the first.", "before") from None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
