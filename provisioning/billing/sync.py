"""Follow Stripe's subscriptions: `decide` is pure, `synchronise` asks and writes.

An event only says that something has changed. The present state is read from Stripe first, without a transaction
(`ask`), and written under the organisation's lock afterwards (`write`), unless a later answer was written already. So
events in any order have the same result, and no row is locked while Stripe answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import OrganisationStatus
from db.engine import Database
from db.models import Subscription
from db.queries import audit, number_orders, organisations
from db.queries.audit import Details
from db.queries.billing import subscriptions
from db.queries.organisations import ENTITLEMENTS
from provisioning.billing import notices
from provisioning.mail.queue import NoticeKind
from provisioning.numbers import orders as numbers_orders
from provisioning.stripe.api import StripeApi
from provisioning.stripe.subscription import StripeSubscription, chosen, superfluous

_LOCK_SECONDS = 9  # for an organisation: events arrive in bursts


@dataclass(frozen=True, slots=True)
class Known:
    """The organisation's state before."""

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
    """The organisation's new ``status``, its row's ``values``, and what else to do."""

    status: OrganisationStatus
    values: dict[str, Any]
    paid_by: Sequence[str]
    """If the organisation has no number, order one; the first of these that has not paid for one yet pays for it."""
    entries: Sequence[tuple[str, Details]]
    """Entries for the audit log."""
    notice: tuple[NoticeKind, str] | None
    """A mail to the owners, and its occasion; None for no mail."""
    doubled: Sequence[str] = ()
    """Subscriptions paid for beside the one that counts; the owners get one mail about each."""


def decide(known: Known, found: Sequence[StripeSubscription], now: datetime, grace: timedelta) -> Decision:
    """Decide what subscriptions ``found`` at Stripe mean for an organisation in state ``known``. Pure."""
    one = chosen(found)
    if one is None:  # never checked out, or subscribed without Stripe
        return Decision(known.status, {}, (), (), None)
    values = _values(known, one, now, grace)
    return Decision(
        status=one.means,
        values=values,
        paid_by=_paid_by(known, one),
        entries=_entries(known, one),
        notice=_notice(known, one, values),
        doubled=sorted(each.id for each in superfluous(found)),
    )


def _values(known: Known, one: StripeSubscription, now: datetime, grace: timedelta) -> dict[str, Any]:
    same, ended = known.subscription == one.id, not ENTITLEMENTS[one.means].keeps_numbers
    return {
        "stripe_subscription_id": one.id,
        "status": one.status,
        "seats": one.seats,
        "current_period_end": one.period_end,
        "cancel_at_period_end": one.cancel_at_period_end,
        "attention": one.attention,
        "paid_at": ((known.paid_at if same else None) or now) if one.paid else None,
        "past_due_since": (known.past_due_since or now) if one.means == "past_due" else None,
        "ended_at": (known.ended_at or now) if ended else None,
        "release_after": (known.release_after or now + grace) if ended else None,
    }


def _paid_by(known: Known, one: StripeSubscription) -> Sequence[str]:
    if ENTITLEMENTS[known.status].connects or not ENTITLEMENTS[one.means].connects:
        return ()
    again = [f"{one.id}:{known.ended_at.isoformat()}"] if known.ended_at else []
    return (one.id, *again)


def _entries(known: Known, one: StripeSubscription) -> list[tuple[str, Details]]:
    entries: list[tuple[str, Details]] = []
    if known.status != one.means:
        entries.append(("subscription.changed", {"from": known.status, "to": one.means, "subscription": one.id}))
    if known.seats != one.seats:
        entries.append(("seats.changed", {"from": known.seats, "to": one.seats}))
    if known.cancel_at_period_end != one.cancel_at_period_end:
        verb = "subscription.ending" if one.cancel_at_period_end else "subscription.continued"
        entries.append((verb, {"period_end": one.period_end.isoformat() if one.period_end else None}))
    return entries


def _notice(known: Known, one: StripeSubscription, values: dict[str, Any]) -> tuple[NoticeKind, str] | None:
    if one.means == "past_due" and known.status != "past_due":
        return "past_due", f"{one.id} {values['past_due_since'].isoformat()}"
    if values["release_after"] is not None and known.release_after is None:
        return "ended", values["release_after"].isoformat()
    return None


@dataclass(frozen=True, slots=True)
class Look:
    """A customer's subscriptions at Stripe, and when they were read (the database's clock)."""

    organisation_id: UUID
    customer: str | None
    """None if the organisation never checked out; Stripe was not asked then."""
    asked_at: datetime
    subscriptions: Sequence[StripeSubscription] = ()


async def ask(database: Database, stripe: StripeApi, organisation_id: UUID) -> Look:
    """Read the organisation's subscriptions from Stripe, outside any transaction. Raise `StripeError`."""
    async with database.begin() as session:
        row = await subscriptions.of(session, organisation_id)
        customer = row.stripe_customer_id if row else None
        asked_at = await _now(session)
    found = await stripe.subscriptions(customer) if customer else ()
    return Look(organisation_id, customer, asked_at, found)


async def write(session: AsyncSession, look: Look, grace: timedelta) -> bool:
    """Update the organisation to what ``look`` found. Return whether its status changed.

    Nothing is written if a later answer was written already, or if the organisation has another customer by now. The
    last question was asked after the last change, so its answer must stay.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    organisation = await organisations.locked(session, look.organisation_id)
    row = await subscriptions.start(session, look.organisation_id)
    if organisation is None or look.customer is None or row.stripe_customer_id != look.customer:
        return False
    if row.asked_at is not None and row.asked_at > look.asked_at:
        return False
    before = organisation.status
    decision = decide(_known(before, row), look.subscriptions, look.asked_at, grace)
    organisation.status = decision.status
    for name, value in decision.values.items():
        setattr(row, name, value)
    row.asked_at, row.updated_at = look.asked_at, await _now(session)
    await session.flush()
    await _follow(session, look.organisation_id, decision)
    return decision.status != before


async def synchronise(database: Database, stripe: StripeApi, organisation_id: UUID, grace: timedelta) -> bool:
    """Call `ask`, then `write` in its own transaction. Return whether the organisation's status changed."""
    look = await ask(database, stripe, organisation_id)
    async with database.begin() as session:
        return await write(session, look, grace)


async def correct(database: Database, stripe: StripeApi, organisation_id: UUID, grace: timedelta) -> bool:
    """Call `synchronise` without an event. Return whether our rows differed from Stripe."""
    look = await ask(database, stripe, organisation_id)
    async with database.begin() as session:
        before = await _look_up(session, organisation_id)
        await write(session, look, grace)
        return await _look_up(session, organisation_id) != before


async def _now(session: AsyncSession) -> datetime:
    now: datetime = (await session.scalars(select(func.clock_timestamp()))).one()
    return now


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
    """Order a number if the organisation has none. One that paid again within the grace period has kept its own."""
    if await subscriptions.numbers_kept(session, organisation_id):
        return
    if await subscriptions.orders_kept(session, organisation_id):
        return
    for payer in paid_by:
        order = await number_orders.pay(session, organisation_id, payer, {})
        if order is not None:
            await numbers_orders.enqueue_order(session, order.id)
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
