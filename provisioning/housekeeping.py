"""What is done by the clock: forget what has run out, close calls that nothing was heard of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import text

from db.engine import Database
from db.queries import calls, number_orders, rate_limits, sign_in_links, stripe_events
from provisioning.worker import Sweep

SILENT = timedelta(hours=5)  # Twilio ends a call after 4 at the latest, and repeats a callback for less than 1
JOB_LOG = timedelta(days=30)
EVENT_LOG = timedelta(days=30)

_log = structlog.get_logger(__name__)


async def forget(database: Database) -> None:
    """Sign-in links, ended sign-ins and counts that have run out, and numbers that were held and not paid for."""
    async with database.begin() as session:
        links, counts = await sign_in_links.purge(session), await rate_limits.purge(session)
        holds = await number_orders.free_expired_holds(session)
    _log.info("forgotten", links=links, counts=counts, holds=holds)


async def close_silent_calls(database: Database) -> None:
    """Calls whose last callback never came: they would stay "in progress" for ever, and keep their agent busy."""
    async with database.begin() as session:
        closed = await calls.close_silent(session, datetime.now(UTC) - SILENT)
    if closed:
        _log.warning("calls closed unheard", calls=closed)


async def shorten_job_log(database: Database) -> None:
    """The job engine's own diary, which it never shortens itself."""
    oldest = {"oldest": datetime.now(UTC) - JOB_LOG}
    async with database.begin() as session:
        await session.execute(text("DELETE FROM pgqueuer_log WHERE created < :oldest"), oldest)
        await session.execute(text("DELETE FROM pgqueuer_statistics WHERE created < :oldest"), oldest)


async def forget_events(database: Database) -> None:
    """Stripe's events that were settled long ago: Stripe repeats one for days, not for weeks."""
    async with database.begin() as session:
        count = await stripe_events.purge(session, datetime.now(UTC) - EVENT_LOG)
    _log.info("events forgotten", events=count)


SWEEPS: Mapping[str, tuple[str, Sweep]] = {
    "forget": ("*/10 * * * *", forget),
    "close_silent_calls": ("*/15 * * * *", close_silent_calls),
    "forget_events": ("50 17 * * *", forget_events),
    "shorten_job_log": ("40 17 * * *", shorten_job_log),
}
"""By name: when (cron, UTC), and what."""
