"""Limits that are used up, as if somebody had asked very often."""

from __future__ import annotations

from uuid import UUID

from db.engine import Database
from db.queries import rate_limits
from db.queries.rate_limits import Limit


async def use_up(database: Database, limit: Limit, subject: UUID | str, *, leave: int = 0) -> None:
    """Count requests of ``subject`` until ``leave`` are allowed."""
    async with database.begin() as session:
        for _ in range(limit.count - leave):
            await rate_limits.hit(session, limit, str(subject))
