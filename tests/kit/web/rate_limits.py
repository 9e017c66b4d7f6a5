"""Limits that are used up, as if somebody had asked very often."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update

from db.encryption import keyring_of
from db.engine import Database
from db.models import RateLimit
from db.queries import rate_limits
from db.queries.rate_limits import Limit


async def use_up(database: Database, limit: Limit, subject: UUID | str, *, leave: int = 0) -> None:
    """Count requests of ``subject`` until ``leave`` are allowed."""
    async with database.begin() as session:
        await rate_limits.hit(session, limit, str(subject))
        key = keyring_of(session).hash("rate", f"{limit.name}\0{subject}")
        of_subject = update(RateLimit).where(RateLimit.key == key)
        await session.execute(of_subject.values(count=limit.count - leave))
