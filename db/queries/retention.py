"""Deletion of calls that are older than their organisation's retention period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Call, Leg, Organisation


async def days_of_everybody(session: AsyncSession, usual: int) -> Mapping[UUID, int]:
    """Return each organisation's retention period in days; ``usual`` where none is set."""
    rows = await session.execute(select(Organisation.id, Organisation.call_log_days))
    return {organisation_id: days or usual for organisation_id, days in rows}


async def delete_calls(session: AsyncSession, organisation_id: UUID, before: datetime, most: int) -> int:
    """Delete at most ``most`` of the oldest calls that began ``before`` then, with their legs; return how many."""
    old = select(Call.id).where(Call.organisation_id == organisation_id, Call.started_at < before)
    ids = (await session.scalars(old.order_by(Call.started_at).limit(most).with_for_update(skip_locked=True))).all()
    await session.execute(delete(Leg).where(Leg.call_id.in_(ids)))
    await session.execute(delete(Call).where(Call.id.in_(ids)))
    return len(ids)


def kept_since(now: datetime, days: int) -> datetime:
    """Return the earliest start of calls that are kept."""
    return now - timedelta(days=days)
