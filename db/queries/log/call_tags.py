"""The tags that agents gave to calls."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from db.base import among
from db.models import CallTag, Choice

T = TypeVar("T")


async def tags_of(
    session: AsyncSession, organisation_id: UUID, calls: Collection[UUID], column: InstrumentedAttribute[T]
) -> Mapping[UUID, list[T]]:
    """Return that ``column`` of each call's tags, in the order of the organisation's list."""
    theirs = (
        select(CallTag.call_id, column)
        .join(Choice, Choice.id == CallTag.choice_id)
        .where(CallTag.organisation_id == organisation_id, among(CallTag.call_id, calls))
        .order_by(Choice.position, Choice.label)
    )
    found: dict[UUID, list[T]] = {}
    for call, tag in await session.execute(theirs):
        found.setdefault(call, []).append(tag)
    return found
