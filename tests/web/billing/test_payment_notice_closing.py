"""What Stripe tells closes the consoles that are open at that moment: over a real NATS, by the real webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import nats
import pytest
import pytest_asyncio
from nats.aio.subscription import Subscription

from db.engine import Database
from db.models import Member
from db.queries.members import Members
from provisioning.progress import Progress
from provisioning.stripe.api import Purchase
from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import settled
from tests.kit.web.paid_site import Shop, open_shop
from web.billing import payment_notice
from web.bus import BUS
from web.config import Settings

WAIT = 60  # seconds


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, server: NatsServer) -> Settings:
    ours = Settings.model_validate(settings.model_dump() | {"nats_url": server.url("web")})
    return settings.model_copy(update={"nats_url": ours.nats_url})


@pytest_asyncio.fixture
async def shop(settings: Settings, database: Database, server: NatsServer) -> AsyncIterator[Shop]:
    progress = Progress(server.url("provisioning"))
    async with asyncio.TaskGroup() as tasks, open_shop(settings, database, progress.tell_entitlements) as opened:
        running = tasks.create_task(progress.run())
        await asyncio.wait_for(opened.site.app[BUS].ready.wait(), WAIT)
        yield opened
        running.cancel()


@asynccontextmanager
async def _media(server: NatsServer) -> AsyncIterator[Subscription]:
    """What media hears of consoles to close."""
    client = await nats.connect(server.url("media"))
    heard = await client.subscribe("member.*.*.removed")
    await settled(client)
    yield heard
    await client.close()


async def _closed(heard: Subscription, count: int) -> set[str]:
    """The next ``count`` members whose consoles close."""
    return {(await heard.next_msg(WAIT)).subject.split(".")[2] for _ in range(count)}


async def _paying(shop: Shop) -> tuple[Member, str, str]:
    """An owner whose organisation has paid, and its customer and subscription at Stripe."""
    owner = await shop.newcomer()
    customer = await shop.customer(owner)
    back = "http://127.0.0.1:1/"
    checkout = await shop.api.create_checkout(Purchase(owner.organisation_id, customer, 2, back, back, str(uuid4())))
    await shop.buy(checkout.id)
    row = await shop.subscription(owner.organisation_id)
    assert row is not None
    assert row.stripe_subscription_id is not None
    return owner, customer, row.stripe_subscription_id


async def _agent(database: Database, organisation_id: UUID) -> Member:
    async with database.begin() as session:
        return await Members(session, organisation_id).add(email="bo@numbat.example", name="Bo", role="agent")


async def test_past_due_and_paid_again_close_what_is_open(shop: Shop, server: NatsServer, database: Database) -> None:
    owner, customer, subscription = await _paying(shop)
    everybody = {str(owner.id), str((await _agent(database, owner.organisation_id)).id)}
    async with _media(server) as heard:
        shop.stripe.fail_next_payment(customer)
        shop.stripe.clock.to_renewal(shop.stripe.account.find("subscription", subscription))
        await shop.delivered()
        assert (await shop.organisation(owner)).status == "past_due"
        assert await _closed(heard, 2) == everybody
        (unpaid,) = shop.stripe.account.all("invoice", customer=customer, status="open")
        shop.stripe.pay_invoice(unpaid["id"])
        await shop.delivered()
        assert (await shop.organisation(owner)).status == "active"
        assert await _closed(heard, 2) == everybody


async def test_an_event_that_changes_nothing_closes_nothing(shop: Shop, server: NatsServer) -> None:
    owner, _, _ = await _paying(shop)
    async with _media(server) as heard:
        for event in shop.stripe.events:
            shop.stripe.resend(event["id"])
        await shop.delivered()
        shop.site.app[BUS].close_consoles(owner.organisation_id, UUID(int=1))
        assert await _closed(heard, 1) == {str(UUID(int=1))}  # the first there was


async def test_an_organisation_that_is_gone_is_no_error(shop: Shop) -> None:
    await payment_notice.close_consoles(shop.site.app, uuid4())
