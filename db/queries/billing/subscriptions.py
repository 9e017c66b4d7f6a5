"""Subscriptions: one row for each organisation that has ever begun a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Notice, Number, NumberOrder, Subscription

_GIVEN_UP = ("held", "releasing", "released", "failed")


async def of(session: AsyncSession, organisation_id: UUID) -> Subscription | None:
    """Return the organisation's row, read again from the database."""
    return await session.get(Subscription, organisation_id, populate_existing=True)


async def of_customer(session: AsyncSession, stripe_customer_id: str) -> UUID | None:
    """Return the organisation of that Stripe customer."""
    whose = select(Subscription.organisation_id).where(Subscription.stripe_customer_id == stripe_customer_id)
    return await session.scalar(whose)


async def start(session: AsyncSession, organisation_id: UUID) -> Subscription:
    """Return the organisation's row; create it if needed."""
    row = insert(Subscription).values(organisation_id=organisation_id).on_conflict_do_nothing()
    await session.execute(row)
    found = await of(session, organisation_id)
    assert found is not None, "it was made just now"
    return found


async def to_release(session: AsyncSession, now: datetime) -> Sequence[UUID]:
    """Return organisations past their grace period that still have a number or an order in progress."""
    late = select(Subscription.organisation_id).where(Subscription.release_after <= now, _has_numbers())
    return (await session.scalars(late)).all()


async def in_grace(session: AsyncSession, now: datetime) -> Sequence[Subscription]:
    """Return subscriptions whose organisations will lose their numbers unless they pay."""
    waiting = select(Subscription).where(Subscription.release_after > now, _has_numbers())
    return (await session.scalars(waiting)).all()


async def numbers_kept(session: AsyncSession, organisation_id: UUID) -> Sequence[Number]:
    """Return the organisation's rented numbers that are not being released."""
    leaving = exists().where(NumberOrder.number_id == Number.id, NumberOrder.state == "releasing")
    rented = select(Number).where(Number.organisation_id == organisation_id, Number.released_at.is_(None))
    return (await session.scalars(rented.where(~leaving).order_by(Number.created_at))).all()


async def orders_kept(session: AsyncSession, organisation_id: UUID) -> Sequence[NumberOrder]:
    """Return the organisation's paid orders that have a number or will get one."""
    mine = select(NumberOrder).where(
        NumberOrder.organisation_id == organisation_id, NumberOrder.state.not_in(_GIVEN_UP)
    )
    return (await session.scalars(mine.order_by(NumberOrder.created_at))).all()


async def claim_notice(session: AsyncSession, organisation_id: UUID, kind: str, about: str) -> bool:
    """Claim the notice; return False if it was claimed before."""
    row = insert(Notice).values(organisation_id=organisation_id, kind=kind, about=about)
    claimed = await session.scalars(row.on_conflict_do_nothing().returning(Notice.kind))
    return claimed.one_or_none() is not None


def _has_numbers() -> ColumnElement[bool]:
    mine = Number.organisation_id == Subscription.organisation_id
    ordered = NumberOrder.organisation_id == Subscription.organisation_id
    return or_(
        exists().where(mine, Number.released_at.is_(None)),
        exists().where(ordered, NumberOrder.state.not_in(_GIVEN_UP)),
    )
