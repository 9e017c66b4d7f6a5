"""Customers at Stripe: each organisation is one, before it pays for anything."""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db import organisations, subscriptions
from provisioning.stripe_api import StripeApi

_log = structlog.get_logger(__name__)


async def ensure(session: AsyncSession, stripe: StripeApi, organisation_id: UUID, email: str) -> str:
    """The organisation's customer, made at Stripe if there is none; invoices go to ``email``. Raises `StripeError`.

    Whoever else asks at the same time waits, and finds the same one.
    """
    organisation = await organisations.locked(session, organisation_id)
    assert organisation is not None, "whoever pays has an organisation"
    row = await subscriptions.start(session, organisation_id)
    if row.stripe_customer_id is None:
        name = organisation.legal_name or organisation.name
        row.stripe_customer_id = await stripe.create_customer(organisation_id, name, email)
        await session.flush()
    return row.stripe_customer_id


async def adopt(session: AsyncSession, organisation_id: UUID | None, customer: str) -> UUID | None:
    """A customer we did not make, who bears an organisation's name all the same: it is that one's, if it has none."""
    if organisation_id is None or await organisations.locked(session, organisation_id) is None:
        return None
    row = await subscriptions.start(session, organisation_id)
    if row.stripe_customer_id is not None:
        _log.error("second customer", organisation=str(organisation_id), customer=customer)
        return None
    row.stripe_customer_id = customer
    await session.flush()
    return organisation_id
