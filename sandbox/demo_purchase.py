"""The demo organisation's plan and number: bought from the emulated vendors by the product's own code.

::

    bundle filed ─► approved ─► number held ─► Checkout's page filled in ─► Stripe asked ─► number set up

That is a newcomer's way, without the waiting. The product's processes may go parts of it meanwhile, for webhooks
reach them too, and every step may be done twice. A purchase that was interrupted goes on at the next start. An
organisation that has bought once is left as it is, whatever has become of it since.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from db.engine import Database
from db.models import Member, Number
from db.queries import bundles, numbers, organisations
from db.queries.billing import subscriptions
from db.queries.number_orders import UNDER_WAY, NumberTakenError
from provisioning import config
from provisioning.billing import customers
from provisioning.billing.sync import correct
from provisioning.jobs import TryAgain
from provisioning.numbers.bundles import FOLLOW
from provisioning.numbers.orders import PROVISION, pick
from provisioning.numbers.twilio_config import repair
from provisioning.schedule import open_handlers
from provisioning.stripe import api as stripe_api
from provisioning.stripe.api import Purchase, StripeApi, StripeError
from provisioning.twilio import numbers_api
from provisioning.twilio.numbers_api import TwilioApi, TwilioError
from provisioning.worker import JobHandler
from sandbox.config import NUMBER
from sandbox.engines.processes import StartError

SEATS = 5
LABEL = "Help line"
SECONDS = 30.0  # for all of it
_PAUSE_SECONDS = 0.1  # while a worker of the product has the order
_COMPLAINT = "the demo organisation could not buy its plan and number"


class Given(config.Settings):
    """The settings of `provisioning`, out of what it is given by us: nothing of our own environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def given(environment: Mapping[str, str]) -> Given:
    """Return the settings in that process's ``environment``; open pages are notified by the product's own."""
    return Given.model_validate({name.lower(): value for name, value in environment.items() if name != "NATS_URL"})


async def settle(database: Database, settings: config.Settings, owner: Member) -> None:
    """Make sure that ``owner``'s organisation has bought a plan and `NUMBER` once, and that numbers lead to us.

    Repeatable. Raise `StartError`, maybe in a group.
    """
    try:
        async with asyncio.timeout(SECONDS), _open(database, settings, owner) as till:
            await _settle(till)
    except TimeoutError:
        raise StartError(f"{_COMPLAINT} within {SECONDS:g} seconds") from None


@dataclass(frozen=True, slots=True)
class _Till:
    """Whom it is bought for, and all that it takes."""

    database: Database
    settings: config.Settings
    owner: Member
    stripe: StripeApi
    twilio: TwilioApi
    jobs: Mapping[str, JobHandler]
    http: aiohttp.ClientSession

    @property
    def organisation(self) -> UUID:
        return self.owner.organisation_id


@asynccontextmanager
async def _open(database: Database, settings: config.Settings, owner: Member) -> AsyncIterator[_Till]:
    key, price = settings.stripe_secret_key.get_secret_value(), settings.stripe_price_id
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        yield _Till(
            database=database,
            settings=settings,
            owner=owner,
            stripe=await enter(stripe_api.opened(key, price, settings.stripe_api_base)),
            twilio=await enter(numbers_api.opened(settings)),
            jobs=(await enter(open_handlers(settings, database))).jobs,
            http=await enter(aiohttp.ClientSession(raise_for_status=True)),
        )


async def _settle(till: _Till) -> None:
    try:
        async with till.database.begin() as session:
            row = await subscriptions.of(session, till.organisation)
        if row is None or row.stripe_subscription_id is None:
            await _buy(till)
        await _lead_here(till)
    except (StripeError, TwilioError, aiohttp.ClientError) as error:
        raise StartError(f"{_COMPLAINT}: {error}") from error


async def _buy(till: _Till) -> None:
    await _file_bundle(till)
    with suppress(NumberTakenError):  # it is theirs since before it had to be bought
        async with till.database.begin() as session:
            await pick(session, till.organisation, NUMBER)
    await _pay(till)
    await correct(till.database, till.stripe, till.organisation, timedelta(days=till.settings.release_grace_days))
    await _see_number_through(till)


async def _file_bundle(till: _Till) -> None:
    """File them, be Twilio's people who approve them, and look at once."""
    async with till.database.begin() as session:
        bundle = str((await bundles.start(session, till.organisation)).id)
    await _work(till, FOLLOW, bundle=bundle)
    async with till.database.begin() as session:
        filed = await bundles.of_organisation(session, till.organisation)
    if filed is not None and filed.bundle_sid:
        page = f"{till.settings.twilio_api_base}/sandbox/numbers/bundles/{filed.bundle_sid}/approve"
        async with till.http.post(page, allow_redirects=False):
            pass
    await _work(till, FOLLOW, bundle=bundle)


async def _pay(till: _Till) -> None:
    """Fill in Checkout's page as its owner would, unless that was done before we were interrupted."""
    customer = await customers.ensure(till.database, till.stripe, till.organisation, till.owner.email)
    async with till.database.begin() as session:
        organisation = await organisations.find(session, till.organisation)
    if await till.stripe.subscriptions(customer):
        return
    here = f"{till.settings.web_public_url}/checkout"
    back = f"{here}/success?session_id={{CHECKOUT_SESSION_ID}}"
    checkout = await till.stripe.create_checkout(Purchase(till.organisation, customer, SEATS, back, here, key="demo"))
    assert checkout.url, "it was made just now"
    assert organisation
    typed = {"legal_name": "name", "abn": "abn", "street": "line1", "locality": "city", "region": "state"}
    fields = {field: getattr(organisation, name) for name, field in typed.items()}
    fields |= {"postal_code": organisation.postcode, "instrument": "visa"}
    async with till.http.post(checkout.url, data=fields, allow_redirects=False) as answer:
        if answer.status != 303:
            raise StartError(f"{_COMPLAINT}: its card was not taken")


async def _see_number_through(till: _Till) -> None:
    """Wait until it rings; a worker of the product may have the order just now."""
    async with till.database.begin() as session:
        order = next(iter(await subscriptions.orders_kept(session, till.organisation)), None)
    while order is not None and order.state in UNDER_WAY:
        if not await _work(till, PROVISION, order=str(order.id)):
            await asyncio.sleep(_PAUSE_SECONDS)
        async with till.database.begin() as session:
            order = next(iter(await subscriptions.orders_kept(session, till.organisation)), None)
    if order is not None and order.number_id is not None:
        async with till.database.begin() as session:
            await numbers.Numbers(session, till.organisation).rename(order.number_id, LABEL)


async def _work(till: _Till, job: str, **payload: str) -> bool:
    """Do a job of the product's as a worker does; False if it asks to be done again."""
    try:
        await till.jobs[job](till.database, payload)
    except TryAgain:
        return False
    return True


async def _lead_here(till: _Till) -> None:
    """Lead every number's calls to where we listen now: it may be at another port than the last time."""
    async with till.database.begin() as session:
        rented: list[Number] = list(await numbers.everywhere(session))
    for number in rented:
        sid, here = number.twilio_sid, (till.settings.web_public_url, till.settings.voice_fallback_url)
        if sid and await repair(till.twilio, sid, *here) is not None:
            async with till.database.begin() as session:
                await numbers.Numbers(session, number.organisation_id).verified(number.id, datetime.now(UTC))
