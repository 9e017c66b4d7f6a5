"""What an organisation asks of provisioning about its numbers and papers, in the transaction it is given."""

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
    """The counter of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def pick(self, e164: str, order_id: UUID | None = None) -> NumberOrder:
        """``e164`` for what is paid already (``order_id``), or held until it is. Raises `NumberTakenError`."""
        return await numbers_orders.pick(self._session, self._organisation_id, e164, order_id)

    async def keep_choosing(self) -> None:
        """Let nobody choose a number for those who look at numbers just now."""
        await number_orders.keep_choosing(self._session, self._organisation_id, datetime.now(UTC))

    async def buy(self, e164: str, key: str, limits: TwilioSettings, label: str = "") -> NumberOrder | None:
        """One more; None if the form ``key`` has ordered. Raises `numbers.LimitError`, `NumberTakenError`."""
        return await numbers_orders.buy_another(self._session, self._organisation_id, e164, key, limits, label)

    async def try_again(self, order_id: UUID) -> NumberOrder | None:
        """Take up an order that waits or has failed; None if there is none, or nothing to do."""
        order = await NumberOrders(self._session, self._organisation_id).find(order_id)
        return order if order is not None and await numbers_orders.try_again(self._session, order) else None

    async def release(self, number: Number) -> None:
        """Have a number of this organisation given back. Repeatable."""
        order = await number_orders.of_rented(self._session, number)
        if order is not None and not await numbers_orders.cancel(self._session, order):
            # Somebody works on it just now: the job waits for them.
            await enqueue(self._session, numbers_orders.RELEASE, {"number": str(number.id)}, key=str(number.id))

    async def cancel(self, order_id: UUID) -> NumberOrder | None:
        """Give up an order that can not go on and that nobody but a member has placed; None if there is none."""
        order = await NumberOrders(self._session, self._organisation_id).find(order_id)
        if order is None or not number_orders.may_be_cancelled(order):
            return None
        return order if await numbers_orders.cancel(self._session, order) else None

    async def papers(self) -> Bundle | None:
        """Its regulatory papers, if it has filed any."""
        return await bundles.of_organisation(self._session, self._organisation_id)

    async def file_papers(self) -> Bundle:
        """File them with its details as they are; rejected ones anew."""
        return await regulatory.begin(self._session, self._organisation_id)
