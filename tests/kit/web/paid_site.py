"""A web application whose Stripe is the emulated one, which sends its webhooks to that very application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import text

from db.engine import Database
from db.models import Member, Organisation, Subscription
from db.queries import organisations
from db.queries.billing import subscriptions
from db.queries.members import Members
from provisioning.billing import customers
from provisioning.billing.events import ACT, Events
from provisioning.stripe.api import Purchase, StripeApi
from provisioning.worker import Handlers, work
from sandbox.stripe.emulator import Filled, Manner, Stripe, StripeSettings, stripe
from tests.kit.web.site import Browser, Site, application
from web.config import Settings
from web.resources import STRIPE

KEY = "sk_test_1234567890abcdef"
SECRET = "whsec_1234567890abcdef"
PRICE = "price_seat"
ABN = "51824753556"
IMPATIENT = (0.05,) * 20  # pauses after a webhook that was refused
SECONDS = 60  # longest wait for webhooks
PAUSE_SECONDS = 0.02
FIRST_PAUSE = timedelta(milliseconds=50)  # after an event that could not be acted on
GRACE = timedelta(days=14)


@dataclass
class Shop:
    """Both together, and the database they come to."""

    site: Site
    stripe: Stripe
    database: Database
    browser: Callable[[], Browser]
    """A new one, with cookies of its own."""

    @property
    def api(self) -> StripeApi:
        """Stripe as the product asks it."""
        return self.site.app[STRIPE]

    async def newcomer(self, email: str = "nora@numbat.example", *, known: bool = True) -> Member:
        """The owner of a new organisation that has not paid; ``known``: its legal name, ABN and address are there."""
        async with self.database.begin() as session:
            founded = await organisations.create(session, name="Numbat Nursery")
            if known:
                founded.legal_name, founded.abn = "Numbat Nursery Pty Ltd", ABN
                founded.street, founded.locality = "1 Bligh Street", "Sydney"
                founded.region, founded.postcode = "NSW", "2000"
            return await Members(session, founded.id).add(email=email, name="Nora North", role="owner")

    @property
    def checkouts(self) -> list[dict[str, Any]]:
        """Every Checkout Session, as Stripe shows it, oldest first."""
        return self.stripe.account.all("checkout.session")

    async def subscriber(
        self, seats: int = 3, instrument: str = "visa", email: str = "nora@numbat.example"
    ) -> Member:
        """The owner of a new organisation that has paid for so many seats, by ``instrument``."""
        owner = await self.newcomer(email)
        customer = await self.customer(owner)
        made = await self.api.create_checkout(
            Purchase(owner.organisation_id, customer, seats, f"{self.site.url}/", f"{self.site.url}/", key="shop")
        )
        await self.buy(made.id, instrument)
        return owner

    async def customer(self, owner: Member) -> str:
        """The organisation's customer at Stripe, made if there is none, as before a checkout."""
        return await customers.ensure(self.database, self.api, owner.organisation_id, owner.email)

    async def buy(self, checkout: str, instrument: str = "visa", seats: int | None = None) -> None:
        """Fill in Stripe's page of that Checkout Session, and wait until its webhooks have come."""
        self.stripe.buy(checkout, Filled(instrument, quantity=seats, name="Numbat Nursery Pty Ltd", abn=ABN))
        await self.delivered()

    async def delivered(self) -> None:
        """Wait until every webhook was taken or given up, and acted on. Raise `TimeoutError`."""
        await self.stripe.delivered(SECONDS)
        await self.acted()

    async def acted(self) -> None:
        """Wait until the worker has acted on every event that came. Raise `TimeoutError`."""
        waiting = text("SELECT count(*) FROM pgqueuer WHERE entrypoint = :name")
        async with asyncio.timeout(SECONDS):
            while True:
                async with self.database.begin() as session:
                    if not await session.scalar(waiting, {"name": ACT}):
                        return
                await asyncio.sleep(PAUSE_SECONDS)

    async def organisation(self, owner: Member) -> Organisation:
        """Their organisation as it stands in the database."""
        async with self.database.begin() as session:
            found = await organisations.find(session, owner.organisation_id)
        assert found is not None
        return found

    async def subscription(self, organisation_id: UUID) -> Subscription | None:
        """What is known of its subscription."""
        async with self.database.begin() as session:
            return await subscriptions.of(session, organisation_id)


async def order(owner: Browser, seats: int | str = 3, **more: str) -> tuple[int, str]:
    """Send the form of /checkout; the status, and where it leads or what the page says."""
    answer = await owner.post("/checkout", data={"seats": str(seats), "key": str(uuid4()), **more})
    if answer.status == 303:
        return 303, answer.headers["Location"]
    return answer.status, " ".join((await answer.text()).split())


@asynccontextmanager
async def open_shop(
    settings: Settings, database: Database, tell: Callable[[UUID], None] = lambda _: None
) -> AsyncIterator[Shop]:
    """The application of ``settings`` (listening where they say), with a new Stripe account and a worker beside it.

    The worker acts on Stripe's events and does nothing else; it has ``tell`` know of each change of state.
    """
    account = StripeSettings(
        KEY,
        SECRET,
        PRICE,
        webhook_url=f"{settings.web_public_url}/stripe/webhook",
        manner=Manner(retry_seconds=IMPATIENT),
    )
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(stripe(account))
        app = application(settings.model_copy(update=stripe_values(emulator)))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        site = Site(app, settings.web_public_url)
        events = Events(app[STRIPE], GRACE, tell, first_pause=FIRST_PAUSE)
        url = settings.database_url.get_secret_value()
        await stack.enter_async_context(_worker(url, database, Handlers(events.jobs(), {})))

        def browser() -> Browser:
            fresh = Browser(site, database)
            stack.push_async_callback(fresh.http.close)
            return fresh

        yield Shop(site, emulator, database, browser)


@asynccontextmanager
async def _worker(url: str, database: Database, handlers: Handlers) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work(url, database, handlers, stop))
        try:
            yield
        finally:
            stop.set()


def stripe_values(emulator: Stripe) -> dict[str, object]:
    """What a process' settings say about ``emulator``."""
    return {
        "stripe_api_base": emulator.url,
        "stripe_secret_key": SecretStr(KEY),
        "stripe_webhook_secret": SecretStr(SECRET),
        "stripe_price_id": PRICE,
    }
