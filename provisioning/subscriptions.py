"""What Stripe's subscriptions make of an organisation: `decide` is pure, `synchronise` asks and writes it down.

An event only says that something has changed. What is so is asked of Stripe while the organisation is locked, so
whoever writes last has asked last, and any order of any events ends the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db import audit, number_orders, organisations, subscriptions
from db.audit import Details
from db.engine import Database
from db.models import OrganisationStatus, Subscription
from db.organisations import STANDING
from provisioning import notices, numbers
from provisioning.agreement import Agreement, chosen, superfluous
from provisioning.notices import Kind
from provisioning.stripe_api import StripeApi

_LOCK_SECONDS = 9  # for an organisation: events come in swarms, and each asks Stripe in its turn


@dataclass(frozen=True, slots=True)
class Known:
    """What we knew before."""

    status: OrganisationStatus
    subscription: str | None = None
    seats: int = 0
    cancel_at_period_end: bool = False
    paid_at: datetime | None = None
    past_due_since: datetime | None = None
    ended_at: datetime | None = None
    release_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is so from now on: the organisation's ``status``, its row's ``values``, and what else is to be done."""

    status: OrganisationStatus
    values: dict[str, Any]
    paid_by: Sequence[str]
    """A number is due, if there is none: what pays for it, the first that has not paid for one yet."""
    entries: Sequence[tuple[str, Details]]
    """For the audit log."""
    notice: tuple[Kind, str] | None
    """A mail to the owners, and its occasion."""
    doubled: Sequence[str] = ()
    """Subscriptions that are paid for beside the one that counts; the owners are told of each once."""


def decide(known: Known, agreements: Sequence[Agreement], now: datetime, grace: timedelta) -> Decision:
    """What Stripe's ``agreements`` mean for an organisation of which so much was ``known``."""
    one = chosen(agreements)
    if one is None:  # never gone to pay, or subscribed before there was Stripe
        return Decision(known.status, {}, (), (), None)
    values = _values(known, one, now, grace)
    return Decision(
        status=one.means,
        values=values,
        paid_by=_paid_by(known, one),
        entries=_entries(known, one),
        notice=_notice(known, one, values),
        doubled=sorted(each.id for each in superfluous(agreements)),
    )


def _values(known: Known, one: Agreement, now: datetime, grace: timedelta) -> dict[str, Any]:
    same, ended = known.subscription == one.id, not STANDING[one.means].keeps_numbers
    return {
        "stripe_subscription_id": one.id,
        "status": one.status,
        "seats": one.seats,
        "current_period_end": one.period_end,
        "cancel_at_period_end": one.cancel_at_period_end,
        "paid_at": ((known.paid_at if same else None) or now) if one.paid else None,
        "past_due_since": (known.past_due_since or now) if one.means == "past_due" else None,
        "ended_at": (known.ended_at or now) if ended else None,
        "release_after": (known.release_after or now + grace) if ended else None,
    }


def _paid_by(known: Known, one: Agreement) -> Sequence[str]:
    if STANDING[known.status].connects or not STANDING[one.means].connects:
        return ()
    again = [f"{one.id}:{known.ended_at.isoformat()}"] if known.ended_at else []
    return (one.id, *again)


def _entries(known: Known, one: Agreement) -> list[tuple[str, Details]]:
    entries: list[tuple[str, Details]] = []
    if known.status != one.means:
        entries.append(("subscription.changed", {"from": known.status, "to": one.means, "subscription": one.id}))
    if known.seats != one.seats:
        entries.append(("seats.changed", {"from": known.seats, "to": one.seats}))
    if known.cancel_at_period_end != one.cancel_at_period_end:
        verb = "subscription.ending" if one.cancel_at_period_end else "subscription.continued"
        entries.append((verb, {"period_end": one.period_end.isoformat() if one.period_end else None}))
    return entries


def _notice(known: Known, one: Agreement, values: dict[str, Any]) -> tuple[Kind, str] | None:
    if one.means == "past_due" and known.status != "past_due":
        return "past_due", f"{one.id} {values['past_due_since'].isoformat()}"
    if values["release_after"] is not None and known.release_after is None:
        return "ended", values["release_after"].isoformat()
    return None


async def synchronise(
    session: AsyncSession, stripe: StripeApi, organisation_id: UUID, grace: timedelta
) -> Sequence[Agreement]:
    """Bring the organisation to where Stripe says it is; its agreements, of which there may be none.

    Raises `StripeError`; then nothing is changed. Another who does the same waits.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    organisation = await organisations.locked(session, organisation_id)
    row = await subscriptions.start(session, organisation_id)
    if organisation is None or row.stripe_customer_id is None:
        return ()
    agreements = await stripe.agreements(row.stripe_customer_id)
    now = (await session.scalars(select(func.clock_timestamp()))).one()
    decision = decide(_known(organisation.status, row), agreements, now, grace)
    organisation.status = decision.status
    for name, value in decision.values.items():
        setattr(row, name, value)
    row.updated_at = now
    await session.flush()
    await _follow(session, organisation_id, decision)
    return agreements


async def correct(database: Database, stripe: StripeApi, organisation_id: UUID, grace: timedelta) -> bool:
    """`synchronise` in a transaction of its own, for no event; whether we had something otherwise until now."""
    async with database.begin() as session:
        before = await _look_up(session, organisation_id)
        await synchronise(session, stripe, organisation_id, grace)
        return await _look_up(session, organisation_id) != before


async def _look_up(session: AsyncSession, organisation_id: UUID) -> Known | None:
    organisation = await organisations.find(session, organisation_id)
    row = await subscriptions.of(session, organisation_id)
    return _known(organisation.status, row) if organisation and row else None


async def _follow(session: AsyncSession, organisation_id: UUID, decision: Decision) -> None:
    if decision.paid_by:
        await _order_number(session, organisation_id, decision.paid_by)
    for action, details in decision.entries:
        await audit.record(session, organisation_id, action, details, audit.STRIPE)
    if decision.notice is not None:
        await notices.tell(session, organisation_id, *decision.notice)
    for subscription in decision.doubled:
        if await notices.tell(session, organisation_id, "doubled", subscription):
            await audit.record(
                session, organisation_id, "subscription.doubled", {"subscription": subscription}, audit.STRIPE
            )


async def _order_number(session: AsyncSession, organisation_id: UUID, paid_by: Sequence[str]) -> None:
    """One number for who has none: who paid again in time has kept theirs."""
    if await subscriptions.numbers_kept(session, organisation_id):
        return
    if await subscriptions.orders_kept(session, organisation_id):
        return
    for payer in paid_by:
        order = await number_orders.pay(session, organisation_id, payer, {})
        if order is not None:
            await numbers.enqueue_order(session, order.id)
            return


def _known(status: OrganisationStatus, row: Subscription) -> Known:
    return Known(
        status=status,
        subscription=row.stripe_subscription_id,
        seats=row.seats,
        cancel_at_period_end=row.cancel_at_period_end,
        paid_at=row.paid_at,
        past_due_since=row.past_due_since,
        ended_at=row.ended_at,
        release_after=row.release_after,
    )
