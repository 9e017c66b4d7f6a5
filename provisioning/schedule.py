"""All jobs and sweeps of this process, put together from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from uuid import UUID

import structlog
from sqlalchemy import text

from db import recount
from db.engine import Database
from db.queries import audit, calls, mails, number_orders, rate_limits, retention
from db.queries.audit import Details
from db.queries.billing import stripe_events
from db.queries.integrations import events, kept_answers
from db.queries.log import search_columns
from db.queries.phone import conferences
from db.queries.sign_in import identity_providers, sign_in_links
from provisioning.billing import closing, customers, notices, release, sync as billing_sync
from provisioning.billing.closing import ClosingJob
from provisioning.billing.events import Events
from provisioning.billing.release import ReleaseJob
from provisioning.config import Settings
from provisioning.mail import factors, links
from provisioning.mail.sender import MailSender
from provisioning.mail.smtp import Mailer
from provisioning.numbers import bundles, orders as numbers_orders
from provisioning.numbers.purchase import PurchaseContext
from provisioning.progress import Progress
from provisioning.reconciliation import AskStripe, reconcile
from provisioning.stripe import api as stripe_api
from provisioning.stripe.api import StripeApi, StripeError
from provisioning.twilio import bundles_api, numbers_api
from provisioning.twilio.bundles_api import BundlesApi
from provisioning.webhooks import letters
from provisioning.worker import Handlers, JobHandler, Sweep
from runtime import background

SILENT = timedelta(hours=5)  # Twilio ends a call after 4 hours at most, and repeats callbacks for less than 1
JOB_LOG = timedelta(days=30)
EVENT_LOG = timedelta(days=30)
ENDED_ROOMS = timedelta(days=1)
ANSWERS = timedelta(days=1)  # of the API to writes that named an idempotency key: as long as its reference says
UNSENT = timedelta(days=7)  # mails that no server has taken for so long: an invitation lasts no longer
BATCH = 2000  # calls per transaction, so that none holds locks for long

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_handlers(settings: Settings, database: Database) -> AsyncIterator[Handlers]:
    """Yield the jobs and sweeps, with their connections open. Without its settings a job has no handler and waits."""
    async with AsyncExitStack() as stack:
        jobs: dict[str, JobHandler] = {}
        mail: Mapping[str, JobHandler] = {}
        sweeps: dict[str, tuple[str, Sweep]] = {**SWEEPS, **_retention(settings.call_log_days)}
        progress = await stack.enter_async_context(_progress(settings))
        stripe = await _stripe(settings, stack)
        if stripe is not None:
            grace = timedelta(days=settings.release_grace_days)
            jobs |= {**ReleaseJob(stripe, grace).jobs(), **Events(stripe, grace, progress.tell_entitlements).jobs()}
            sweeps |= _MONEY
        if settings.smtp_url and settings.mail_from and settings.web_public_url:
            mailer = Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
            writers = {**links.WRITERS, **factors.WRITERS, **notices.WRITERS, **letters.WRITERS, **closing.WRITERS}
            mail = {**MailSender(mailer, settings.web_public_url, writers).jobs(), **notices.JOBS}
        else:
            _log.warning("mail is disabled: SMTP_URL, MAIL_FROM or WEB_PUBLIC_URL is not set")
        filing: BundlesApi | None = None
        if settings.rents_numbers:
            context = await stack.enter_async_context(_context(settings, database, progress))
            filing = await stack.enter_async_context(bundles_api.opened(settings))
            jobs |= {
                **numbers_orders.jobs(context),
                **bundles.jobs(filing, parseaddr(settings.mail_from or "")[1]),
            }
            sweeps |= _nightly(context, stripe, timedelta(days=settings.release_grace_days))
        else:
            _log.warning(
                "number orders are on hold: TWILIO_ACCOUNT_SID, TWILIO_API_KEY_SID or WEB_PUBLIC_URL is not set"
            )
        jobs |= ClosingJob(stripe, filing, progress.tell_entitlements).jobs()
        yield Handlers(jobs, sweeps, mail)


def _retention(usual_days: int) -> Mapping[str, tuple[str, Sweep]]:
    async def purge(database: Database) -> None:
        await purge_calls(database, usual_days)

    return {"purge_calls": ("30 15 * * *", purge)}  # 1 or 2 in the morning in Sydney


async def _stripe(settings: Settings, stack: AsyncExitStack) -> StripeApi | None:
    if not settings.stripe_is_set:
        _log.warning("billing is disabled: STRIPE_SECRET_KEY or STRIPE_PRICE_ID is not set")
        return None
    key = settings.stripe_secret_key.get_secret_value()
    return await stack.enter_async_context(stripe_api.opened(key, settings.stripe_price_id, settings.stripe_api_base))


@asynccontextmanager
async def _progress(settings: Settings) -> AsyncIterator[Progress]:
    progress = Progress(settings.nats_url.get_secret_value() if settings.nats_url else "")
    async with background.running(progress.run()):
        yield progress


@asynccontextmanager
async def _context(settings: Settings, database: Database, progress: Progress) -> AsyncIterator[PurchaseContext]:
    bundle = (settings.twilio_bundle_sid, settings.twilio_address_sid)
    async with numbers_api.opened(settings) as api:
        yield PurchaseContext(
            database=database,
            api=api,
            progress=progress,
            web_public_url=settings.web_public_url,
            fallback_url=settings.voice_fallback_url,
            platform_bundle=bundle if settings.has_platform_bundle else None,
            keep_released=settings.released_numbers == "keep",
        )


def _nightly(context: PurchaseContext, stripe: StripeApi | None, grace: timedelta) -> Mapping[str, tuple[str, Sweep]]:
    async def compare(database: Database) -> None:
        if stripe is None:
            await reconcile(context)
            return
        try:
            await customers.link_subscriptions(database, stripe)
        except StripeError as error:  # numbers are still compared
            _log.error("stripe comparison failed", code=error.code, retryable=error.retryable)
        await reconcile(context, _asking(stripe, grace))

    return {"reconcile": ("10 16 * * *", compare)}  # 2 or 3 in the morning in Sydney


def _asking(stripe: StripeApi, grace: timedelta) -> AskStripe:
    async def ask(database: Database, organisation_id: UUID) -> bool:
        return await billing_sync.correct(database, stripe, organisation_id, grace)

    return ask


_MONEY: Mapping[str, tuple[str, Sweep]] = {
    "remind": ("5 * * * *", notices.remind),
    "release": ("20 * * * *", release.sweep),
}
"""Hourly: a grace period may begin at any time of day."""


# -- sweeps of the database ---------------------------------------------------------------------------------------


async def forget(database: Database) -> None:
    """Delete expired links, sign-outs, rate limits, mails, answers, events and rooms; free held numbers not paid.

    A room that is over has no use but to recognise late callbacks, and may hold a third party's number.
    """
    async with database.begin() as session:
        links, counts = await sign_in_links.purge(session), await rate_limits.purge(session)
        links += await identity_providers.purge(session)
        unsent = await mails.purge(session, datetime.now(UTC) - UNSENT)
        holds = await number_orders.free_expired_holds(session)
        answers = await kept_answers.purge(session, datetime.now(UTC) - ANSWERS)
        told = await events.purge(session, datetime.now(UTC) - events.KEPT)
        await conferences.forget_ended(session, before=datetime.now(UTC) - ENDED_ROOMS)
    _log.info(
        "expired rows purged", links=links, counts=counts, holds=holds, mails=unsent, answers=answers, events=told
    )


async def close_silent_calls(database: Database) -> None:
    """Close calls whose last callback never came: they would stay in progress and keep their agent busy."""
    async with database.begin() as session:
        closed = await calls.close_silent(session, datetime.now(UTC) - SILENT)
    if closed:
        _log.warning("overdue calls closed", calls=closed)


async def shorten_job_log(database: Database) -> None:
    """Shorten the job engine's own log, which it never does itself."""
    oldest = {"oldest": datetime.now(UTC) - JOB_LOG}
    async with database.begin() as session:
        await session.execute(text("DELETE FROM pgqueuer_log WHERE created < :oldest"), oldest)
        await session.execute(text("DELETE FROM pgqueuer_statistics WHERE created < :oldest"), oldest)


async def forget_events(database: Database) -> None:
    """Delete Stripe's events that were settled long ago: Stripe repeats an event for days, not weeks."""
    async with database.begin() as session:
        count = await stripe_events.purge(session, datetime.now(UTC) - EVENT_LOG)
    _log.info("stripe events purged", events=count)


async def purge_calls(database: Database, usual_days: int, batch: int = BATCH) -> int:
    """Sweep: delete expired calls and record it in each organisation's audit log. Return the number of calls."""
    now = datetime.now(UTC)
    async with database.begin() as session:
        everybody = await retention.days_of_everybody(session, usual_days)
    count = 0
    for organisation_id, days in everybody.items():
        count += await _purge(database, organisation_id, days, now, batch)
    _log.info("calls purged", calls=count)
    return count


async def _purge(database: Database, organisation_id: UUID, days: int, now: datetime, batch: int) -> int:
    count, before = 0, retention.kept_since(now, days)
    while True:
        async with database.begin() as session:
            gone = await retention.delete_calls(session, organisation_id, before, batch)
            if gone:
                details: Details = {"calls": gone, "began_before": before.isoformat(timespec="minutes"), "days": days}
                await audit.record(session, organisation_id, "calls.purged", details)
        count += gone
        if gone < batch:
            return count


async def fill_search(database: Database) -> None:
    """Let the call log find calls that an earlier release has written."""
    while True:
        async with database.begin() as session:
            if await search_columns.fill(session, BATCH) < BATCH:
                return


async def recount_calls(database: Database) -> None:
    """Count again the days of calls that have changed, for the dashboard."""
    await recount.settle(database)


SWEEPS: Mapping[str, tuple[str, Sweep]] = {
    "recount_calls": ("* * * * *", recount_calls),
    "fill_search": ("*/5 * * * *", fill_search),
    "forget": ("*/10 * * * *", forget),
    "close_organisations": ("*/5 * * * *", closing.sweep),
    "close_silent_calls": ("*/15 * * * *", close_silent_calls),
    "forget_events": ("50 17 * * *", forget_events),
    "shorten_job_log": ("40 17 * * *", shorten_job_log),
}
"""Sweeps by name: when (cron, UTC), and the function."""
