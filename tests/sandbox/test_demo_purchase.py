"""What the demo organisation has bought: whole, agreed on everywhere, once, and open to what time brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import func, select

from db.engine import Database
from db.models import AuditEntry, Member, Number, NumberOrder, Organisation, Subscription
from db.queries import bundles, organisations
from db.queries.number_orders import NumberOrders
from db.queries.numbers import Numbers
from provisioning.schedule import open_handlers
from sandbox.config import NUMBER
from sandbox.demo_organisation import seed
from sandbox.demo_purchase import LABEL, SEATS, Given, given, settle
from sandbox.engines.processes import StartError
from sandbox.twilio.emulator import Number as TwilioNumber, RestFault
from tests.kit.vendors.twilio_account import Account, account
from tests.kit.web.paid_site import KEY, PRICE, Shop


@dataclass
class Demo:
    """The demo organisation's owner among the vendors, beside a web process that is told by webhooks."""

    shop: Shop
    twilio: Account
    settings: Given
    owner: Member

    async def settle(self) -> None:
        """As at a start."""
        await settle(self.shop.database, self.settings, self.owner)
        await self.shop.delivered()

    async def organisation(self) -> Organisation:
        return await self.shop.organisation(self.owner)

    async def subscription(self) -> Subscription:
        found = await self.shop.subscription(self.owner.organisation_id)
        assert found is not None
        return found

    async def counts(self) -> tuple[int, ...]:
        """Of everything that must not be there twice."""
        async with self.shop.database.begin() as session:
            rows = [
                await session.scalar(select(func.count()).select_from(table)) or 0
                for table in (Number, NumberOrder, Subscription)
            ]
        stripe = self.shop.stripe.account
        bought = [len(stripe.all(kind)) for kind in ("customer", "subscription", "checkout.session", "invoice")]
        return (*rows, *bought, len(self.twilio.numbers), len(self.twilio.registry.bundles) - 1)


ONCE = (1, 2, 1, 1, 1, 1, 1, 1, 1)  # two orders: the hold that was let go, and what was paid for


@pytest_asyncio.fixture
async def demo(shop: Shop, database: Database, database_url: str, encryption_key: str) -> AsyncIterator[Demo]:
    owner = await seed(database)
    async with account() as twilio:
        environment = {
            "DATABASE_URL": database_url,
            "ENCRYPTION_KEYS": encryption_key,
            "NATS_URL": "nats://127.0.0.1:1",
            "WEB_PUBLIC_URL": shop.site.url,
            "MAIL_FROM": "Bilby <bilby@example.com.au>",
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_PRICE_ID": PRICE,
            "STRIPE_API_BASE": shop.stripe.url,
            "TWILIO_ACCOUNT_SID": twilio.settings.twilio_account_sid,
            "TWILIO_API_KEY_SID": twilio.settings.twilio_api_key_sid,
            "TWILIO_API_KEY_SECRET": twilio.settings.twilio_api_key_secret.get_secret_value(),
            "TWILIO_API_BASE": twilio.settings.twilio_api_base,
        }
        yield Demo(shop, twilio, given(environment), owner)


async def test_is_a_whole_customer(demo: Demo, database: Database) -> None:
    await demo.settle()
    organisation, subscription = await demo.organisation(), await demo.subscription()
    assert (organisation.status, subscription.status, subscription.seats) == ("active", "active", SEATS)
    [invoice] = demo.shop.stripe.account.all("invoice")
    assert (invoice["status"], invoice["customer"]) == ("paid", subscription.stripe_customer_id)
    assert invoice["customer_tax_ids"] == [{"type": "au_abn", "value": organisation.abn}]
    async with database.begin() as session:
        bundle = await bundles.of_organisation(session, organisation.id)
        [number] = await Numbers(session, organisation.id).all()
        [order] = await NumberOrders(session, organisation.id).all()
        assert await NumberOrders(session, organisation.id).open() == 1
    assert bundle is not None
    assert bundle.status == "twilio-approved"
    assert (number.e164, number.label, order.state) == (NUMBER, LABEL, "done")
    assert number.verified_at is not None


async def test_its_checklist_lacks_the_first_call_alone(demo: Demo) -> None:
    await demo.settle()
    browser = demo.shop.browser()
    await browser.sign_in_by_link(demo.owner)
    async with browser.http.get(f"{demo.shop.site.url}/onboarding/standing") as answer:
        items = (await answer.json())["items"]
    assert [item["key"] for item in items if not item["done"]] == ["call"]


async def test_the_books_agree(demo: Demo, database: Database) -> None:
    await demo.settle()
    async with open_handlers(demo.settings, database) as duties:
        await duties.sweeps["reconcile"][1](database)
    async with database.begin() as session:
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert [action for action in actions if "reconciled" in action] == []
    assert "number.ready" in actions


async def test_is_bought_once(demo: Demo) -> None:
    for _ in range(3):
        await demo.settle()
        assert await demo.counts() == ONCE


@pytest.mark.parametrize("path", [r"/Bundles$", r"/Evaluations$", r"/Addresses\.json$"])
async def test_who_was_interrupted_goes_on(demo: Demo, path: str) -> None:
    fault = RestFault("POST", path, "answer hangs")
    demo.twilio.registry.faults.append(fault)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(demo.settle())
        await fault.reached.wait()
        first.cancel()
    await demo.settle()
    assert await demo.counts() == ONCE


async def test_who_had_a_number_before_keeps_it(demo: Demo, database: Database) -> None:
    demo.twilio.numbers[NUMBER] = TwilioNumber(NUMBER)
    async with database.begin() as session:
        organisation = await organisations.find(session, demo.owner.organisation_id)
        assert organisation is not None
        organisation.status = "active"  # as it was founded, when plans were not bought yet
        rented = Numbers(session, organisation.id)
        await rented.add(e164=NUMBER, twilio_sid=TwilioNumber(NUMBER).sid, label="Ours")
    await demo.settle()
    assert (await demo.subscription()).seats == SEATS
    async with database.begin() as session:
        [number] = await Numbers(session, demo.owner.organisation_id).all()
        assert await NumberOrders(session, demo.owner.organisation_id).open() == 1
    assert (number.label, number.verified_at is None) == ("Ours", False)


async def test_numbers_follow_to_another_port(demo: Demo) -> None:
    await demo.settle()
    moved = replace(demo, settings=demo.settings.model_copy(update={"web_public_url": "http://127.0.0.1:9"}))
    await moved.settle()
    assert demo.twilio.numbers[NUMBER].voice_url == "http://127.0.0.1:9/twilio/voice/inbound"


async def test_a_vendor_that_is_away_is_one_line(demo: Demo) -> None:
    away = demo.settings.model_copy(update={"stripe_api_base": "http://127.0.0.1:9"})
    with pytest.raises(ExceptionGroup) as caught:
        await settle(demo.shop.database, away, demo.owner)
    assert caught.group_contains(StartError, match="Stripe")


async def test_a_renewal_may_fail_and_be_paid(demo: Demo) -> None:
    await demo.settle()
    stripe, known = demo.shop.stripe, await demo.subscription()
    assert known.stripe_customer_id
    stripe.fail_next_payment(known.stripe_customer_id)
    stripe.clock.to_renewal(stripe.account.find("subscription", known.stripe_subscription_id))
    await demo.shop.delivered()
    assert (await demo.organisation()).status == "past_due"
    [due] = stripe.account.all("invoice", status="open")
    stripe.pay_invoice(due["id"])
    await demo.shop.delivered()
    assert (await demo.organisation()).status == "active"


async def test_who_has_cancelled_is_left_alone(demo: Demo) -> None:
    await demo.settle()
    known = await demo.subscription()
    page = f"{demo.shop.stripe.url}/sandbox/subscription/{known.stripe_subscription_id}/cancel"
    async with aiohttp.ClientSession() as http, http.post(page, allow_redirects=False) as answer:
        assert answer.status == 303
    await demo.shop.delivered()
    await demo.settle()
    assert (await demo.organisation()).status == "cancelled"
    assert (await demo.subscription()).release_after is not None
    assert await demo.counts() == ONCE
