"""Pages of rows by keyset: the newest first, each page beginning where the one before it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple
from uuid import UUID

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

PAGE = 50  # rows

Columns = TypeVarTuple("Columns")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next page begins with the first row older than it."""

    at: datetime
    id: UUID


def newest_first(
    rows: Select[*Columns],
    at: InstrumentedAttribute[datetime],
    identifier: InstrumentedAttribute[UUID],
    *,
    after: Cursor | None,
    limit: int,
) -> Select[*Columns]:
    """Return the newest ``limit`` of ``rows`` that are older than ``after``, by the columns of their time and id."""
    if after is not None:
        rows = rows.where(tuple_(at, identifier) < tuple_(after.at, after.id))
    return rows.order_by(at.desc(), identifier.desc()).limit(limit)
