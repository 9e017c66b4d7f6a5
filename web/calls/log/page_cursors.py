"""Where a page of the call log begins, as a part of its address. Pure."""

from __future__ import annotations

from uuid import UUID

from db.paging import Cursor
from db.queries.log.call_filter import Sort
from db.queries.log.call_log import Longest, PageCursor
from web.request.errors import InvalidError
from web.request.paging import read_cursor, write_cursor

_MOST = 10**9  # seconds


def write_page_cursor(cursor: PageCursor) -> str:
    """Return ``cursor`` as text. `read_page_cursor` parses it."""
    return write_cursor(cursor) if isinstance(cursor, Cursor) else f"{cursor.seconds}_{cursor.id}"


def read_page_cursor(text: str | None, sort: Sort) -> PageCursor | None:
    """Parse the cursor of a page in that order; None for the first page. Raise `InvalidError`."""
    if not text or sort in ("newest", "oldest"):
        return read_cursor(text)
    seconds, _, identifier = text.partition("_")
    try:
        cursor = Longest(int(seconds), UUID(identifier))
    except ValueError:
        cursor = None
    if cursor is None or not 0 <= cursor.seconds < _MOST:
        raise InvalidError("That page of the log does not exist. Start again from the first.", "before")
    return cursor
