"""Limits that are used up, as if somebody had asked very often."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from db.encryption import keyring_of
from db.engine import Database
from db.models import RateLimit
from db.queries.rate_limits import Limit

SPENT_WITHIN = 15.0  # seconds, also on a busy machine


async def use_up(database: Database, limit: Limit, subject: UUID | str, *, leave: int = 0) -> None:
    """Spend ``limit`` for ``subject`` but for ``leave``, in this window and in the next, which may begin at once.

    What is left is for one window: where the next would begin before a test has spent it, this waits for the next.
    """
    now = datetime.now(UTC).timestamp()
    if leave and (rest := limit.seconds - now % limit.seconds) < SPENT_WITHIN:
        await asyncio.sleep(rest)
        now += rest
    this = datetime.fromtimestamp(now // limit.seconds * limit.seconds, UTC)
    window = timedelta(seconds=limit.seconds)
    async with database.begin() as session:
        key = keyring_of(session).hash("rate", f"{limit.name}\0{subject}")
        for start in (this, this + window):
            row = RateLimit(key=key, window_start=start, expires_at=start + window, count=limit.count - leave)
            await session.merge(row)
