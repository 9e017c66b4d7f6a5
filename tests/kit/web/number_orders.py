"""Orders of numbers in a test: the context to work on them, a worker's steps, and the result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text, update

from db.engine import Database
from db.models import NumberOrder
from db.queries import number_orders
from provisioning.jobs import TryAgain
from provisioning.numbers import orders as numbers_orders
from provisioning.numbers.purchase import PurchaseContext
from provisioning.progress import Progress
from provisioning.twilio import numbers_api
from tests.kit.vendors.twilio_account import Account

WEB = "https://bilby.example"
SYDNEY = {"locality": "Sydney"}


@dataclass(slots=True)
class Shop:
    """An account to buy in, and a database to write it down."""

    account: Account
    database: Database
    context: PurchaseContext

    async def paid(self, organisation_id: UUID, by: str = "sub_1", **wanted: str) -> NumberOrder:
        """An order that was paid for."""
        async with self.database.begin() as session:
            order = await number_orders.pay(session, organisation_id, by, wanted or SYDNEY)
        assert order is not None
        return order

    async def work(self, order: NumberOrder) -> timedelta | None:
        """Have the order worked on once; how long it is to be left alone then, None for good."""
        return await self.do("provision_number", order=str(order.id))

    async def release(self, number_id: UUID | None) -> None:
        """Have the number's release worked on to its end."""
        assert await self.do("release_number", number=str(number_id)) is None
        for order in await self.everything():
            if order.state == "releasing":
                assert await self.work(order) is None

    async def do(self, job: str, **payload: str) -> timedelta | None:
        """Do the job as a worker does."""
        try:
            async with asyncio.timeout(60):
                await numbers_orders.jobs(self.context)[job](self.database, payload)
        except TryAgain as again:
            return again.after
        return None

    def choose_at_once(self) -> None:
        """Leave nobody time to pick a number."""
        self.context = replace(self.context, time_to_pick=timedelta(0))

    async def look(self, order: NumberOrder) -> NumberOrder:
        """The order's row as it is now."""
        async with self.database.begin() as session:
            found = await number_orders.find(session, order.id)
        assert found is not None
        return found

    async def everything(self) -> list[NumberOrder]:
        """Every order that was ever paid for."""
        async with self.database.begin() as session:
            return list(await number_orders.of_everybody(session))

    async def age(self, days: float = 1.0) -> None:
        """Make everything older, without its noticing."""
        earlier = datetime.now(UTC) - timedelta(days=days)
        async with self.database.begin() as session:
            await session.execute(update(NumberOrder).values(updated_at=earlier))
            await session.execute(text("UPDATE numbers SET created_at = :at"), {"at": earlier})

    async def jobs(self) -> list[str]:
        """The names of the jobs that wait."""
        return await waiting_jobs(self.database)


async def waiting_jobs(database: Database) -> list[str]:
    """The names of the jobs that wait, the oldest first."""
    async with database.begin() as session:
        return list(await session.scalars(text("SELECT entrypoint FROM pgqueuer ORDER BY id")))


@asynccontextmanager
async def shop(account: Account, database: Database) -> AsyncIterator[Shop]:
    """Open ``account`` for orders in ``database``."""
    settings = account.settings
    bundle = (settings.twilio_bundle_sid, settings.twilio_address_sid)
    async with numbers_api.opened(settings) as api:
        context = PurchaseContext(
            database=database,
            api=api,
            progress=Progress(""),
            web_public_url=WEB,
            fallback_url="",
            platform_bundle=bundle if all(bundle) else None,
            keep_released=settings.released_numbers == "keep",
        )
        yield Shop(account, database, context)
