"""Subscriptions that are paid for and have brought nobody anything: their customer is in no row of ours.

Whoever checks out has a row before. So these were made by hand, or belong to a row that a restored backup has lost.
One that names an organisation without a customer is that organisation's; any other is for a person to look at.
"""

from __future__ import annotations

import structlog

from db.engine import Database
from db.queries import audit, subscriptions
from provisioning.billing.customers import adopt
from provisioning.stripe.api import Sold, StripeApi

KIND = "a subscription that is nobody's"

_log = structlog.get_logger(__name__)


async def take_in(database: Database, stripe: StripeApi) -> int:
    """Give each to the organisation it names, if that has none, and report the others; how many there were.

    What an adopted one brings is asked afterwards, as for everybody. Raises `StripeError`.
    """
    sold = await stripe.sold()
    return sum([await _take_in(database, each) for each in sold])


async def _take_in(database: Database, one: Sold) -> bool:
    async with database.begin() as session:
        if await subscriptions.of_customer(session, one.customer):
            return False
        organisation_id = await adopt(session, one.organisation_id, one.customer)
        if organisation_id is not None:
            details = {"difference": KIND, "about": one.subscription, "mended": "yes"}
            await audit.record(session, organisation_id, "subscription.reconciled", details)
    log = _log.error if organisation_id is None else _log.info
    log("difference", kind=KIND, about=one.subscription, mended=organisation_id is not None)
    return True
