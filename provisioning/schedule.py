"""Everything that this process does, put together from its settings: jobs, sweeps, and what they need to be done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from email.utils import parseaddr
from uuid import UUID

import structlog

from db.engine import Database
from provisioning import retention
from provisioning.billing import notices, release, strays, sync as billing_sync
from provisioning.billing.events import Events
from provisioning.billing.notices import NoticeSender
from provisioning.billing.release import ReleaseJob
from provisioning.config import Settings
from provisioning.housekeeping import SWEEPS
from provisioning.mail import Mailer
from provisioning.numbers import bundles, orders as numbers_orders
from provisioning.numbers.purchase import PurchaseContext
from provisioning.progress import Progress
from provisioning.reconciliation import AskStripe, reconcile
from provisioning.stripe import api as stripe_api
from provisioning.stripe.api import StripeApi, StripeError
from provisioning.twilio import bundles_api, numbers_api
from provisioning.worker import Do, Handlers, Sweep

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def on_duty(settings: Settings, database: Database) -> AsyncIterator[Handlers]:
    """The duties, as long as what they need is open. A duty whose settings are missing is left out: its jobs wait."""
    async with AsyncExitStack() as stack:
        jobs: dict[str, Do] = {}
        sweeps: dict[str, tuple[str, Sweep]] = {**SWEEPS, **_retention(settings.call_log_days)}
        progress = await stack.enter_async_context(_progress(settings))
        stripe = await _stripe(settings, stack)
        if stripe is not None:
            grace = timedelta(days=settings.release_grace_days)
            jobs |= {**ReleaseJob(stripe, grace).jobs(), **Events(stripe, grace, progress.tell_standing).jobs()}
            sweeps |= _MONEY
        if settings.smtp_url and settings.mail_from and settings.web_public_url:
            mailer = Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
            jobs |= NoticeSender(mailer, settings.web_public_url).jobs()
        else:
            _log.warning("mails wait: SMTP_URL, MAIL_FROM or WEB_PUBLIC_URL is not set")
        if settings.rents_numbers:
            tools = await stack.enter_async_context(_tools(settings, database, progress))
            papers = await stack.enter_async_context(bundles_api.opened(settings))
            jobs |= {**numbers_orders.jobs(tools), **bundles.jobs(papers, parseaddr(settings.mail_from or "")[1])}
            sweeps |= _nightly(tools, stripe, timedelta(days=settings.release_grace_days))
        else:
            _log.warning("numbers wait: TWILIO_ACCOUNT_SID, TWILIO_API_KEY_SID or WEB_PUBLIC_URL is not set")
        yield Handlers(jobs, sweeps)


def _retention(usual_days: int) -> Mapping[str, tuple[str, Sweep]]:
    async def purge(database: Database) -> None:
        await retention.purge_calls(database, usual_days)

    return {"purge_calls": ("30 15 * * *", purge)}  # 1 or 2 in the morning in Sydney


async def _stripe(settings: Settings, stack: AsyncExitStack) -> StripeApi | None:
    if not settings.stripe_is_set:
        _log.warning("money is not looked after: STRIPE_SECRET_KEY or STRIPE_PRICE_ID is not set")
        return None
    key = settings.stripe_secret_key.get_secret_value()
    return await stack.enter_async_context(stripe_api.opened(key, settings.stripe_price_id, settings.stripe_api_base))


@asynccontextmanager
async def _progress(settings: Settings) -> AsyncIterator[Progress]:
    progress = Progress(settings.nats_url.get_secret_value() if settings.nats_url else "")
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(progress.run())
        try:
            yield progress
        finally:
            telling.cancel()


@asynccontextmanager
async def _tools(settings: Settings, database: Database, progress: Progress) -> AsyncIterator[PurchaseContext]:
    papers = (settings.twilio_bundle_sid, settings.twilio_address_sid)
    async with numbers_api.opened(settings) as api:
        yield PurchaseContext(
            database=database,
            api=api,
            progress=progress,
            web_public_url=settings.web_public_url,
            fallback_url=settings.voice_fallback_url,
            platform_papers=papers if all(papers) else None,
            keep_released=settings.released_numbers == "keep",
        )


def _nightly(tools: PurchaseContext, stripe: StripeApi | None, grace: timedelta) -> Mapping[str, tuple[str, Sweep]]:
    async def compare(database: Database) -> None:
        if stripe is None:
            await reconcile(tools)
            return
        try:
            await strays.take_in(database, stripe)
        except StripeError as error:  # numbers are compared all the same
            _log.error("stripe not compared", code=error.code, passing=error.passing)
        await reconcile(tools, _asking(stripe, grace))

    return {"reconcile": ("10 16 * * *", compare)}  # 2 or 3 in the morning in Sydney


def _asking(stripe: StripeApi, grace: timedelta) -> AskStripe:
    async def ask(database: Database, organisation_id: UUID) -> bool:
        return await billing_sync.correct(database, stripe, organisation_id, grace)

    return ask


_MONEY: Mapping[str, tuple[str, Sweep]] = {
    "remind": ("5 * * * *", notices.remind),
    "release": ("20 * * * *", release.sweep),
}
"""Each hour: a day of grace begins at any time of the day."""
