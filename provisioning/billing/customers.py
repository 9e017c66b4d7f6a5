"""Stripe customers: create, replace and link them. Each organisation has one before it pays for anything."""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.queries import audit, organisations
from db.queries.billing import subscriptions
from provisioning.stripe.api import Sold, StripeApi

UNLINKED = "a subscription without an organisation"

_log = structlog.get_logger(__name__)


async def ensure(database: Database, stripe: StripeApi, organisation_id: UUID, email: str) -> str:
    """Return the organisation's customer id; create one, invoiced by ``email``, if needed. Raise `StripeError`."""
    async with database.begin() as session:
        row = await subscriptions.start(session, organisation_id)
        known = row.stripe_customer_id
    return known or await _make(database, stripe, organisation_id, email, before=None)


async def replace(database: Database, stripe: StripeApi, organisation_id: UUID, email: str, gone: str) -> str:
    """Replace the deleted customer ``gone`` by a new one and return its id. Idempotent.

    The old customer's subscription is removed from our row. Raise `StripeError`.
    """
    return await _make(database, stripe, organisation_id, email, before=gone)


async def _make(database: Database, stripe: StripeApi, organisation_id: UUID, email: str, before: str | None) -> str:
    """Create a customer that replaces ``before``, unless another process has replaced it already; return its id."""
    async with database.begin() as session:
        organisation = await organisations.find(session, organisation_id)
    assert organisation is not None, "whoever pays has an organisation"
    made = await stripe.create_customer(
        organisation_id, organisation.legal_name or organisation.name, email, instead_of=before
    )
    async with database.begin() as session:
        await organisations.locked(session, organisation_id)
        row = await subscriptions.start(session, organisation_id)
        if row.stripe_customer_id != before:  # two concurrent requests: the other one won
            assert row.stripe_customer_id is not None, "a customer is never taken away"
            return row.stripe_customer_id
        row.stripe_customer_id = made
        if before is not None:
            row.stripe_subscription_id = row.status = row.paid_at = None
            details = {"customer": before, "new_customer": made}
            await audit.record(session, organisation_id, "customer.replaced", details)
    return made


async def adopt(session: AsyncSession, organisation_id: UUID | None, customer: str) -> UUID | None:
    """Link a customer created outside Bilby to the organisation it names, if that has none; return its id."""
    if organisation_id is None or await organisations.locked(session, organisation_id) is None:
        return None
    row = await subscriptions.start(session, organisation_id)
    if row.stripe_customer_id is not None:
        _log.error("duplicate stripe customer", organisation=str(organisation_id), customer=customer)
        return None
    row.stripe_customer_id = customer
    await session.flush()
    return organisation_id


async def link_subscriptions(database: Database, stripe: StripeApi) -> int:
    """Link unlinked subscriptions to the organisations they name; report the others. Return how many there were.

    The caller updates linked organisations from Stripe afterwards, like all others. Raise `StripeError`.
    """
    sold = await stripe.sold()
    return sum([await _link(database, each) for each in sold])


async def _link(database: Database, one: Sold) -> bool:
    async with database.begin() as session:
        if await subscriptions.of_customer(session, one.customer):
            return False
        organisation_id = await adopt(session, one.organisation_id, one.customer)
        if organisation_id is not None:
            details = {"difference": UNLINKED, "about": one.subscription, "repaired": "yes"}
            await audit.record(session, organisation_id, "subscription.reconciled", details)
    log = _log.error if organisation_id is None else _log.info
    log("difference", kind=UNLINKED, about=one.subscription, repaired=organisation_id is not None)
    return True
