"""Organisations as operators see them: names, states and counts. No phone number, no caller, no member, no word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import ClosureState, OrganisationStatus
from db.models import (
    Base,
    Call,
    Closure,
    Member,
    Number,
    NumberOrder,
    Organisation,
    StripeEvent,
    Subscription,
    WebhookEndpoint,
)
from db.queries import organisations
from db.queries.rights import closures

MOST = 1000


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organisation. The last three count what somebody should look into."""

    id: UUID
    name: str
    status: OrganisationStatus
    created_at: datetime
    suspended_at: datetime | None
    suspended_for: str | None
    closing: ClosureState | None
    seats: int
    members: int
    numbers: int
    live_calls: int
    failed_events: int
    """Stripe's events that could not be acted on."""
    stuck_orders: int
    """Orders of numbers that wait for somebody, or have failed."""
    failing_webhooks: int

    @property
    def errors(self) -> int:
        """The sum of the three counts."""
        return self.failed_events + self.stuck_orders + self.failing_webhooks


class ClosingError(Exception):
    """The organisation is being closed."""


async def suspend(session: AsyncSession, organisation_id: UUID, reason: str) -> bool:
    """Let nothing work for that organisation; return False if there is none."""
    organisation = await organisations.locked(session, organisation_id)
    if organisation is not None:
        await organisations.suspend(session, organisation, reason)
    return organisation is not None


async def resume(session: AsyncSession, organisation_id: UUID) -> bool:
    """Let that organisation work again; return False if there is none. Raise `ClosingError`."""
    organisation = await organisations.locked(session, organisation_id)
    closure = await closures.of(session, organisation_id)
    if closure is not None and closure.state != "waiting":
        raise ClosingError
    if organisation is not None:
        await organisations.resume(session, organisation)
    return organisation is not None


async def everybody(session: AsyncSession) -> Sequence[Tenant]:
    """Return the organisations, the newest `MOST`."""
    wanted = (
        select(
            *(Organisation.id, Organisation.name, Organisation.status, Organisation.created_at),
            *(Organisation.suspended_at, Organisation.suspended_for, Closure.state),
            func.coalesce(Subscription.seats, 0),
            _count(Member, Member.removed_at.is_(None), Member.accepted_at.is_not(None)),
            _count(Number, Number.released_at.is_(None)),
            _count(Call, Call.outcome.is_(None)),
            _count(StripeEvent, StripeEvent.state == "failed"),
            _count(NumberOrder, NumberOrder.error_code.is_not(None), NumberOrder.state.not_in(("done", "released"))),
            _count(WebhookEndpoint, WebhookEndpoint.failing_since.is_not(None), WebhookEndpoint.off_at.is_(None)),
        )
        .outerjoin(Closure, Closure.organisation_id == Organisation.id)
        .outerjoin(Subscription, Subscription.organisation_id == Organisation.id)
        .order_by(Organisation.created_at.desc(), Organisation.id)
        .limit(MOST)
    )
    return [Tenant(*tuple(row)) for row in await session.execute(wanted)]


def _count(model: type[Base], *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    of = model.__table__.c.organisation_id == Organisation.id
    return select(func.count()).select_from(model).where(of, *conditions).scalar_subquery()
