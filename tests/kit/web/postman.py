"""Provisioning's worker for mails alone, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select

from db.engine import Database
from db.models import Mail
from provisioning.billing import notices
from provisioning.mail import factors, links
from provisioning.mail.sender import MailSender
from provisioning.mail.smtp import Mailer
from provisioning.worker import Handlers, work
from tests.kit.web.site import Site
from web.config import Settings
from web.resources import DATABASE

WRITERS = {**links.WRITERS, **factors.WRITERS, **notices.WRITERS}


def sender(settings: Settings) -> MailSender:
    """The job as provisioning has it with these settings."""
    mailer = Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
    return MailSender(mailer, settings.web_public_url, WRITERS)


@asynccontextmanager
async def postman_at_work(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Send every mail that is asked for, until the block ends."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        handlers = Handlers({}, {}, sender(settings).jobs())
        tasks.create_task(work(settings.database_url.get_secret_value(), database, handlers, stop))
        yield
        stop.set()


async def all_sent(site: Site) -> None:
    """Wait until no mail waits."""
    async with asyncio.timeout(30):
        while True:
            async with site.app[DATABASE].begin() as session:
                if not await session.scalar(select(func.count()).select_from(Mail)):
                    return
            await asyncio.sleep(0.02)
