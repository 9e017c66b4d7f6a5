"""An organisation that pays at the emulated Stripe, as provisioning sees it: without web and without webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from db.engine import Database
from db.models import AuditEntry, Member, NumberOrder, Organisation, Subscription
from db.queries import organisations
from db.queries.audit import details_of
from db.queries.billing import subscriptions
from db.queries.members import Members
from provisioning.billing import customers
from provisioning.billing.sync import synchronise
from provisioning.stripe.api import StripeApi
from tests.kit.vendors.stripe import PRICE, Till
from tests.kit.web.number_orders import SYDNEY, Shop, waiting_jobs

GRACE = timedelta(days=14)


@dataclass
class Payer:
    """One organisation, its owner, and its customer at Stripe."""

    till: Till
    database: Database
    api: StripeApi
    owner: Member
    customer: str

    @property
    def id(self) -> UUID:
        """The organisation's."""
        return self.owner.organisation_id

    async def buy(self, seats: int = 2, instrument: str = "visa") -> str:
        """Go through a checkout; the subscription's id."""
        ours = {"customer": self.customer, "customer_update": {"address": "auto", "name": "auto"}}
        subscription: str = (await self.till.bought(seats, instrument, **ours)).id
        return subscription

    def fall_behind(self, subscription: str) -> None:
        """The bank declines the renewal."""
        self.till.emulator.fail_next_payment(self.customer)
        self.till.renew(subscription)

    def catch_up(self) -> None:
        """Pay every open invoice."""
        for invoice in self.till.emulator.account.all("invoice", customer=self.customer, status="open"):
            self.till.emulator.pay_invoice(invoice["id"])

    async def cancel(self, subscription: str) -> None:
        """End it now."""
        await self.till.v1.subscriptions.cancel_async(subscription)

    async def look(self) -> Organisation:
        """Have Stripe's word written down; the organisation as it is then."""
        await synchronise(self.database, self.api, self.id, GRACE)
        return await self.organisation()

    async def organisation(self) -> Organisation:
        """As it stands in the database."""
        async with self.database.begin() as session:
            found = await organisations.find(session, self.id)
        assert found is not None
        return found

    async def row(self) -> Subscription:
        """What is kept of the subscription."""
        async with self.database.begin() as session:
            found = await subscriptions.of(session, self.id)
        assert found is not None
        return found

    async def change(self, **values: Any) -> None:
        """Change that row behind everybody's back."""
        async with self.database.begin() as session:
            row = await subscriptions.of(session, self.id)
            for name, value in values.items():
                setattr(row, name, value)

    async def orders(self) -> list[NumberOrder]:
        """Every order of a number, the oldest first."""
        mine = select(NumberOrder).where(NumberOrder.organisation_id == self.id).order_by(NumberOrder.created_at)
        async with self.database.begin() as session:
            return list((await session.scalars(mine)).all())

    async def jobs(self) -> list[str]:
        """The names of the jobs that wait."""
        return await waiting_jobs(self.database)

    async def log(self, *actions: str) -> list[tuple[str, dict[str, Any]]]:
        """The audit log's entries of those actions (none: of all), the oldest first."""
        mine = select(AuditEntry).where(AuditEntry.organisation_id == self.id).order_by(AuditEntry.at)
        async with self.database.begin() as session:
            entries = (await session.scalars(mine)).all()
        return [(one.action, details_of(one)) for one in entries if not actions or one.action in actions]


async def payer_at(till: Till, database: Database, name: str = "Wattle") -> Payer:
    """A new organisation without numbers that has not paid yet."""
    api = StripeApi(till.client, PRICE)
    async with database.begin() as session:
        organisation = await organisations.create(session, name=name)
        members = Members(session, organisation.id)
        owner = await members.add(email=f"owner@{name.lower()}.example", name="Wanda West", role="owner")
    customer = await customers.ensure(database, api, organisation.id, owner.email)
    return Payer(till, database, api, owner, customer)


async def with_number(payer: Payer, here: Shop) -> tuple[str, NumberOrder]:
    """Pay, and have the number rented; return the subscription's id, and the order as it was made."""
    subscription = await payer.buy()
    await payer.look()
    (order,) = await payer.orders()
    async with here.database.begin() as session:  # as if they had said where: nobody waits for them to choose
        await session.execute(update(NumberOrder).where(NumberOrder.id == order.id).values(wanted=SYDNEY))
    assert await here.work(order) is None
    return subscription, order


async def pays_for(database: Database, organisation: Organisation, seats: int) -> None:
    """Let ``organisation``, which has not paid before, have a subscription to so many seats."""
    async with database.begin() as session:
        row = await subscriptions.start(session, organisation.id)
        row.status, row.seats = "active", seats
