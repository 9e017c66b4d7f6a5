"""Stripe's events by id: each is acted on once, however often it arrives; errors are kept for display."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import EventState
from db.models import StripeEvent

LONGEST_ERROR = 500  # characters
SHOWN = 20  # rows


async def receive(session: AsyncSession, event_id: str, kind: str, organisation_id: UUID | None) -> StripeEvent:
    """Record that the event arrived (perhaps again); the returned row has its previous state."""
    row = insert(StripeEvent).values(id=event_id, type=kind, organisation_id=organisation_id, attempts=1)
    again = row.on_conflict_do_update(index_elements=[StripeEvent.id], set_={"type": StripeEvent.type}).returning(
        StripeEvent
    )
    return (await session.scalars(again, execution_options={"populate_existing": True})).one()


async def find(session: AsyncSession, event_id: str) -> StripeEvent | None:
    """Return the event of that id."""
    return await session.get(StripeEvent, event_id, populate_existing=True)


async def try_again(session: AsyncSession, row: StripeEvent) -> None:
    """Count another attempt at a failed event."""
    row.attempts += 1
    await session.flush()


async def settle(
    session: AsyncSession,
    event_id: str,
    state: EventState,
    *,
    organisation_id: UUID | None = None,
    error: str | None = None,
) -> bool:
    """Set the event's state; return False if it is done already, which is final."""
    values = {
        "state": state,
        "error": error and error[:LONGEST_ERROR],
        "organisation_id": organisation_id or StripeEvent.organisation_id,
    }
    open_ = update(StripeEvent).where(StripeEvent.id == event_id, StripeEvent.state.not_in(("done", "ignored")))
    changed = await session.scalars(open_.values(**values).returning(StripeEvent.id))
    return changed.one_or_none() is not None


async def failed(session: AsyncSession, organisation_id: UUID | None) -> Sequence[StripeEvent]:
    """Return the newest failed events; with None, those without a known organisation."""
    mine = (
        StripeEvent.organisation_id.is_(None)
        if organisation_id is None
        else StripeEvent.organisation_id == organisation_id
    )
    newest = select(StripeEvent).where(mine, StripeEvent.state == "failed").order_by(StripeEvent.received_at.desc())
    return (await session.scalars(newest.limit(SHOWN))).all()


async def kinds_failed(session: AsyncSession) -> Sequence[str]:
    """Return the kind of each failed event, of all organisations."""
    return (await session.scalars(select(StripeEvent.type).where(StripeEvent.state == "failed").limit(1000))).all()


async def purge(session: AsyncSession, before: datetime) -> int:
    """Delete settled events that were received before then; return how many. Failed ones stay."""
    old = delete(StripeEvent).where(StripeEvent.received_at < before, StripeEvent.state.in_(("done", "ignored")))
    return len((await session.scalars(old.returning(StripeEvent.id))).all())
