"""Where a page of the call log begins, as a part of its address. Pure."""

from __future__ import annotations

from uuid import UUID

from db.paging import Cursor
from db.queries.log.call_filter import Sort
from db.queries.log.call_log import Longest, Place
from web.request.errors import InvalidError
from web.request.paging import read_cursor, write_cursor

_MOST = 10**9  # seconds


def write_place(place: Place) -> str:
    """Return ``place`` as text. `read_place` parses it."""
    return write_cursor(place) if isinstance(place, Cursor) else f"{place.seconds}_{place.id}"


def read_place(text: str | None, sort: Sort) -> Place | None:
    """Parse a place of a page in that order; None for the first page. Raises `InvalidError`."""
    if not text or sort in ("newest", "oldest"):
        return read_cursor(text)
    seconds, _, identifier = text.partition("_")
    try:
        place = Longest(int(seconds), UUID(identifier))
    except ValueError:
        place = None
    if place is None or not 0 <= place.seconds < _MOST:
        raise InvalidError("That page of the log does not exist. Start again from the first.", "before")
    return place
