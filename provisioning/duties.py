"""Everything that this process does, put together from its settings: jobs, sweeps, and what they need to be done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from email.utils import parseaddr

import structlog

from db.engine import Database
from provisioning import numbers, papers_api, regulatory, twilio_api
from provisioning.config import Settings
from provisioning.housekeeping import SWEEPS
from provisioning.progress import Progress
from provisioning.purchase import Tools
from provisioning.reconciliation import reconcile
from provisioning.worker import Do, Duties, Sweep

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def on_duty(settings: Settings, database: Database) -> AsyncIterator[Duties]:
    """The duties, as long as what they need is open. A duty whose settings are missing is left out: its jobs wait."""
    async with AsyncExitStack() as stack:
        jobs: dict[str, Do] = {}
        sweeps: dict[str, tuple[str, Sweep]] = dict(SWEEPS)
        if settings.rents_numbers:
            tools = await stack.enter_async_context(_tools(settings, database))
            papers = await stack.enter_async_context(papers_api.opened(settings))
            jobs |= {**numbers.jobs(tools), **regulatory.jobs(papers, parseaddr(settings.mail_from)[1])}
            sweeps |= _nightly(tools)
        else:
            _log.warning("numbers wait: TWILIO_ACCOUNT_SID, TWILIO_API_KEY_SID or WEB_PUBLIC_URL is not set")
        yield Duties(jobs, sweeps)


@asynccontextmanager
async def _tools(settings: Settings, database: Database) -> AsyncIterator[Tools]:
    progress = Progress(settings.nats_url.get_secret_value())
    papers = (settings.twilio_bundle_sid, settings.twilio_address_sid)
    async with twilio_api.opened(settings) as api, asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(progress.run())
        try:
            yield Tools(
                database=database,
                api=api,
                progress=progress,
                web_public_url=settings.web_public_url,
                platform_papers=papers if all(papers) else None,
                keep_released=settings.released_numbers == "keep",
            )
        finally:
            telling.cancel()


def _nightly(tools: Tools) -> Mapping[str, tuple[str, Sweep]]:
    async def compare(_: Database) -> None:
        await reconcile(tools)

    return {"reconcile": ("10 16 * * *", compare)}  # 2 or 3 in the morning in Sydney
