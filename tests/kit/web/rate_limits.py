"""Limits that are used up, as if somebody had asked very often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from db.encryption import keyring_of
from db.engine import Database
from db.models import RateLimit
from db.queries.rate_limits import Limit


async def use_up(database: Database, limit: Limit, subject: UUID | str, *, leave: int = 0) -> None:
    """Spend ``limit`` for ``subject`` but for ``leave``, in this window and in the next, which may begin at once."""
    now = datetime.now(UTC).timestamp()
    this = datetime.fromtimestamp(now // limit.seconds * limit.seconds, UTC)
    window = timedelta(seconds=limit.seconds)
    async with database.begin() as session:
        key = keyring_of(session).hash("rate", f"{limit.name}\0{subject}")
        for start in (this, this + window):
            row = RateLimit(key=key, window_start=start, expires_at=start + window, count=limit.count - leave)
            await session.merge(row)
