"""Rate limits, counted in the database so that all web processes share the counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import keyring_of
from db.models import RateLimit

_NO_START = datetime.fromtimestamp(0, UTC)
"""Of every row: a key has one window at a time. The column is still there because the previous release fills it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` times in a window of ``seconds``. ``name`` distinguishes limits on the same subject."""

    name: str
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Hit:
    """What is left of a window after one more was counted, and the seconds until it ends."""

    is_allowed: bool
    left: int
    seconds: float


async def hit(session: AsyncSession, limit: Limit, subject: str) -> float | None:
    """Count as `count` does. Return seconds to wait; None if allowed now."""
    hit = await count(session, limit, subject)
    return None if hit.is_allowed else hit.seconds


async def count(session: AsyncSession, limit: Limit, subject: str) -> Hit:
    """Count one more for ``subject`` (an address, a network).

    The first one begins a window; the first after its end begins the next. What is refused counts as well, but never
    makes a window longer.
    """
    now = datetime.now(UTC)
    end = now + timedelta(seconds=limit.seconds)
    key = keyring_of(session).hash("rate", f"{limit.name}\0{subject}")
    first = insert(RateLimit).values(key=key, window_start=_NO_START, expires_at=end, count=1)
    is_over = RateLimit.expires_at <= now
    counted = first.on_conflict_do_update(
        index_elements=[RateLimit.key, RateLimit.window_start],
        set_={
            "count": case((is_over, 1), else_=RateLimit.count + 1),
            "expires_at": case((is_over, end), else_=RateLimit.expires_at),
        },
    )
    used, expires_at = (await session.execute(counted.returning(RateLimit.count, RateLimit.expires_at))).one()
    return Hit(used <= limit.count, max(0, limit.count - used), (expires_at - now).total_seconds())


async def look(session: AsyncSession, limit: Limit, subject: str) -> float | None:
    """Check like `hit` without counting; return None while one more is allowed."""
    now = datetime.now(UTC)
    keyring = keyring_of(session)
    current = select(RateLimit).where(
        RateLimit.key.in_(keyring.hashes("rate", f"{limit.name}\0{subject}")), RateLimit.expires_at > now
    )
    found = await session.scalar(current.order_by(RateLimit.expires_at.desc()).limit(1))
    return None if found is None or found.count < limit.count else (found.expires_at - now).total_seconds()


async def purge(session: AsyncSession) -> int:
    """Delete expired windows; return how many."""
    over = delete(RateLimit).where(RateLimit.expires_at < func.now()).returning(RateLimit.key)
    return len((await session.scalars(over)).all())
