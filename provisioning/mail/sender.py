"""The job that sends a mail: decide in a transaction, send outside, delete what was asked for.

After a crash a mail may be sent twice, but it is never lost: while the mail server is down, the job is retried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.queries import mails
from provisioning.jobs import Payload, TryAgain
from provisioning.mail.queue import SEND
from provisioning.mail.render import render
from provisioning.mail.smtp import Mailer, MailError
from provisioning.metrics import MAILS
from provisioning.worker import JobHandler

SOON, LATER = timedelta(seconds=5), timedelta(minutes=5)
"""The shortest and the longest pause between two attempts at a mail."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that was asked for, as its writer gets it."""

    facts: Mapping[str, str]
    age: timedelta
    is_cleared: bool
    """An earlier attempt was allowed to send it, and failed."""
    public_url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to send: ``template`` filled with ``context``."""

    to: str
    subject: str
    template: str
    context: Mapping[str, object]


Write = Callable[[AsyncSession, Asked], Awaitable[Letter | None]]
"""Return the letter, None if it must not be sent (any more)."""


class MailSender:
    """Sends mails through ``mailer``. ``writers`` has one for each kind; ``public_url`` begins all links."""

    def __init__(self, mailer: Mailer, public_url: str, writers: Mapping[str, Write]) -> None:
        self._mailer = mailer
        self._public_url = public_url
        self._writers = writers

    def jobs(self) -> Mapping[str, JobHandler]:
        """Return the job handlers by name."""
        return {SEND: self.send}

    async def send(self, database: Database, payload: Payload) -> None:
        """Job: send one mail. Raise `TryAgain` while the mail server does not take it."""
        mail_id, now = UUID(payload["mail"]), datetime.now(UTC)
        async with database.begin() as session:
            mail = await mails.locked(session, mail_id)
            if mail is None:  # sent before, by a worker that died then
                return
            age = now - mail.created_at
            asked = Asked(mail.facts, age, mail.is_cleared, self._public_url)
            letter = await self._writers[mail.kind](session, asked)
            if letter is None:
                MAILS.labels("dropped").inc()
                await mails.delete(session, mail_id)
                return
            await mails.clear(session, mail_id)
        await self._deliver(letter, age)
        async with database.begin() as session:
            await mails.delete(session, mail_id)

    async def _deliver(self, letter: Letter, age: timedelta) -> None:
        text, html = render(letter.template, {"subject": letter.subject, **letter.context})
        try:
            await self._mailer.send(letter.to, letter.subject, text, html)
        except MailError as error:
            if not error.retryable:
                MAILS.labels("refused").inc()
                _log.error("mail rejected", kind=letter.template)
                return
            MAILS.labels("delayed").inc()
            _log.warning("mail server unavailable", kind=letter.template, error=error.kind)
            raise TryAgain(min(max(age, SOON), LATER)) from None
        MAILS.labels("sent").inc()
