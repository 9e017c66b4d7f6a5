"""Release an organisation's numbers after its grace period, after asking Stripe once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import NumberOrder
from db.queries import audit, number_orders, organisations
from db.queries.billing import subscriptions
from db.queries.organisations import entitlements
from provisioning.billing import notices
from provisioning.billing.sync import ask, write
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.numbers.orders import cancel
from provisioning.stripe.api import StripeApi, StripeError
from provisioning.worker import JobHandler

RELEASE_ALL = "release_organisation"
LATER = timedelta(minutes=15)  # retry when Stripe does not answer: keeping a number too long is better than losing it

_log = structlog.get_logger(__name__)


async def sweep(database: Database) -> None:
    """Sweep: enqueue a release for each organisation whose grace period is over."""
    async with database.begin() as session:
        for organisation_id in await subscriptions.to_release(session, datetime.now(UTC)):
            payload = {"organisation": str(organisation_id)}
            await enqueue(session, RELEASE_ALL, payload, key=str(organisation_id))


@dataclass(frozen=True, slots=True)
class ReleaseJob:
    """Release numbers in the worker."""

    stripe: StripeApi
    grace: timedelta

    def jobs(self) -> Mapping[str, JobHandler]:
        """Return the job handlers by name."""
        return {RELEASE_ALL: self.release}

    async def release(self, database: Database, payload: Payload) -> None:
        """Job: ask Stripe; if nothing has been paid and the grace period is over, release all numbers and orders."""
        organisation_id = UUID(payload["organisation"])
        try:
            look = await ask(database, self.stripe, organisation_id)
            async with database.begin() as session:
                await write(session, look, self.grace)
                if await _is_over(session, organisation_id):
                    await _cancel_all(session, organisation_id)
        except StripeError as error:
            _log.warning("release postponed: stripe unavailable", organisation=str(organisation_id), error=str(error))
            raise TryAgain(LATER) from None


async def _is_over(session: AsyncSession, organisation_id: UUID) -> bool:
    organisation = await organisations.find(session, organisation_id)
    row = await subscriptions.of(session, organisation_id)
    if organisation is None or row is None or row.release_after is None:
        return False
    return not entitlements(organisation).keeps_numbers and row.release_after <= datetime.now(UTC)


async def _cancel_all(session: AsyncSession, organisation_id: UUID) -> None:
    orders = await orders_of(session, organisation_id)
    for order in orders:
        if not await cancel(session, order):
            raise TryAgain(timedelta(seconds=1))
    if orders:
        row = await subscriptions.of(session, organisation_id)
        assert row is not None, "its grace is over"
        assert row.release_after is not None, "its grace is over"
        await audit.record(session, organisation_id, "numbers.given_up", {"numbers": len(orders)})
        await notices.tell(session, organisation_id, "released", row.release_after.isoformat())


async def orders_of(session: AsyncSession, organisation_id: UUID) -> Sequence[NumberOrder]:
    """Return every order with a number or in progress; create an order for a number that has none."""
    rented = [
        await number_orders.of_rented(session, number)
        for number in await subscriptions.numbers_kept(session, organisation_id)
    ]
    under_way = await subscriptions.orders_kept(session, organisation_id)
    return list({order.id: order for order in [*rented, *under_way] if order is not None}.values())
