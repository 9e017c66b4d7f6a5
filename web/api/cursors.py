"""Where the next page begins: opaque to programs, and checked when it comes back. Pure.

A cursor is a time and an id. It opens nothing: it is only ever compared with rows of the organisation that asks.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar

from db.paging import Cursor
from web.request.errors import InvalidError
from web.request.paging import read_cursor, write_cursor

_LONGEST = 100  # characters
Row = TypeVar("Row")


def write(cursor: Cursor) -> str:
    """Return ``cursor`` as text."""
    return base64.urlsafe_b64encode(write_cursor(cursor).encode()).decode().rstrip("=")


def first_of(found: Sequence[Row], limit: int, place: Callable[[Row], Cursor]) -> tuple[Sequence[Row], str | None]:
    """Return the first ``limit`` rows, and where the next page begins: None if ``found`` has no more of them."""
    shown = found[:limit]
    return shown, write(place(shown[-1])) if len(found) > limit else None


def read(text: str | None) -> Cursor | None:
    """Return the cursor that `write` made; None for none. Raise `InvalidError`."""
    if text is None:
        return None
    try:
        if not 0 < len(text) <= _LONGEST:
            raise ValueError
        return read_cursor(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode())
    except (ValueError, InvalidError):
        raise InvalidError("This cursor is not valid. Start again without one.") from None
