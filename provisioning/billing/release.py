"""Give numbers back when the money has ended for good: by the day that was told, and not without asking once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import NumberOrder
from db.queries import audit, number_orders, organisations, subscriptions
from db.queries.organisations import entitlements
from provisioning.billing import notices
from provisioning.billing.sync import ask, write
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.numbers.orders import cancel
from provisioning.stripe.api import StripeApi, StripeError
from provisioning.worker import Do

RELEASE_ALL = "release_organisation"
LATER = timedelta(minutes=15)  # when Stripe does not answer: rather a number kept too long than one lost

_log = structlog.get_logger(__name__)


async def sweep(database: Database) -> None:
    """Put whose grace is over into the queue."""
    async with database.begin() as session:
        for organisation_id in await subscriptions.to_release(session, datetime.now(UTC)):
            payload = {"organisation": str(organisation_id)}
            await enqueue(session, RELEASE_ALL, payload, key=str(organisation_id))


@dataclass(frozen=True, slots=True)
class ReleaseJob:
    """What it takes to give numbers back."""

    stripe: StripeApi
    grace: timedelta

    def jobs(self) -> Mapping[str, Do]:
        """By name."""
        return {RELEASE_ALL: self.release}

    async def release(self, database: Database, payload: Payload) -> None:
        """The job: ask Stripe; if still nothing is paid and the grace is over, give up all that is there."""
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
    orders = await _orders(session, organisation_id)
    for order in orders:
        if not await cancel(session, order):
            raise TryAgain(timedelta(seconds=1))
    if orders:
        row = await subscriptions.of(session, organisation_id)
        assert row is not None, "its grace is over"
        assert row.release_after is not None, "its grace is over"
        await audit.record(session, organisation_id, "numbers.given_up", {"numbers": len(orders)})
        await notices.tell(session, organisation_id, "released", row.release_after.isoformat())


async def _orders(session: AsyncSession, organisation_id: UUID) -> Sequence[NumberOrder]:
    """Every order that has come, or will come, to a number; for a number that came without, one is made."""
    rented = [
        await number_orders.of_rented(session, number)
        for number in await subscriptions.numbers_kept(session, organisation_id)
    ]
    under_way = await subscriptions.orders_kept(session, organisation_id)
    return list({order.id: order for order in [*rented, *under_way] if order is not None}.values())
