"""What an organisation asks of provisioning about its numbers and papers, in the transaction it is given."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import bundles
from db.models import Bundle, NumberOrder
from db.number_orders import NumberOrders
from provisioning import numbers, regulatory
from provisioning.jobs import enqueue
from provisioning.twilio_settings import TwilioSettings


class Ordering:
    """The counter of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def pick(self, e164: str) -> NumberOrder:
        """``e164`` for what is paid already, or held until it is. Raises `NumberTakenError`."""
        return await numbers.pick(self._session, self._organisation_id, e164)

    async def buy(self, e164: str, key: str, limits: TwilioSettings, label: str = "") -> NumberOrder | None:
        """One more; None if the form ``key`` has ordered. Raises `numbers.LimitError`, `NumberTakenError`."""
        return await numbers.buy_another(self._session, self._organisation_id, e164, key, limits, label)

    async def try_again(self, order_id: UUID) -> NumberOrder | None:
        """Take up an order that waits or has failed; None if there is none, or nothing to do."""
        order = await NumberOrders(self._session, self._organisation_id).find(order_id)
        return order if order is not None and await numbers.try_again(self._session, order) else None

    async def release(self, number_id: UUID) -> None:
        """Have a number given back; it must be this organisation's."""
        await enqueue(self._session, numbers.RELEASE, {"number": str(number_id)}, key=str(number_id))

    async def papers(self) -> Bundle | None:
        """Its regulatory papers, if it has filed any."""
        return await bundles.of_organisation(self._session, self._organisation_id)

    async def file_papers(self) -> Bundle:
        """File them with its details as they are; rejected ones anew."""
        return await regulatory.begin(self._session, self._organisation_id)
