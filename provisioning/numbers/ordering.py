"""What web may do with an organisation's numbers and regulatory bundle, in the transaction it is given."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Bundle, Number, NumberOrder
from db.queries import bundles, number_orders
from db.queries.number_orders import NumberOrders
from provisioning.jobs import enqueue
from provisioning.numbers import bundles as regulatory, orders as numbers_orders
from provisioning.twilio.settings import TwilioSettings


class Ordering:
    """Number orders and the regulatory bundle of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def pick(self, e164: str, order_id: UUID | None = None) -> NumberOrder:
        """Pick ``e164`` for the paid order ``order_id``, or hold it until it is paid. Raise `NumberTakenError`."""
        return await numbers_orders.pick(self._session, self._organisation_id, e164, order_id)

    async def keep_choosing(self) -> None:
        """Postpone the automatic choice of a number while members look at numbers."""
        await number_orders.keep_choosing(self._session, self._organisation_id, datetime.now(UTC))

    async def buy(self, e164: str, key: str, limits: TwilioSettings, label: str = "") -> NumberOrder | None:
        """Order another number; None if the form ``key`` already did. Raise `LimitError`, `NumberTakenError`."""
        return await numbers_orders.buy_another(self._session, self._organisation_id, e164, key, limits, label)

    async def try_again(self, order_id: UUID) -> NumberOrder | None:
        """Resume an order that waits or has failed; return None if there is none, or nothing to do."""
        order = await NumberOrders(self._session, self._organisation_id).find(order_id)
        return order if order is not None and await numbers_orders.try_again(self._session, order) else None

    async def release(self, number: Number) -> None:
        """Release a number of this organisation. Idempotent."""
        order = await number_orders.of_rented(self._session, number)
        if order is not None and not await numbers_orders.cancel(self._session, order):
            # A worker is processing the order: the job waits for it.
            await enqueue(self._session, numbers_orders.RELEASE, {"number": str(number.id)}, key=str(number.id))

    async def cancel(self, order_id: UUID) -> NumberOrder | None:
        """Cancel a stuck order that a member placed; return None if there is none that may be cancelled."""
        order = await NumberOrders(self._session, self._organisation_id).find(order_id)
        if order is None or not number_orders.may_be_cancelled(order):
            return None
        return order if await numbers_orders.cancel(self._session, order) else None

    async def bundle(self) -> Bundle | None:
        """Return the organisation's regulatory bundle, if it has filed one."""
        return await bundles.of_organisation(self._session, self._organisation_id)

    async def file_bundle(self) -> Bundle:
        """File the bundle with the present details; file a rejected one again."""
        return await regulatory.begin(self._session, self._organisation_id)
