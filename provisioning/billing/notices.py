"""Mails to an organisation's owners about payments and numbers, each sent once per occasion.

A notice is claimed and a job for each owner enqueued in one transaction. After a crash a mail may be sent twice, but
is never lost: while the mail server is down, the job is retried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import aiosmtplib
import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import Member, Organisation, Subscription
from db.queries import organisations, subscriptions
from db.queries.members import Members
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.mail import Mailer
from provisioning.worker import Do

Kind = Literal[
    "past_due",
    "action_required",
    "debit_failed",
    "not_finalized",
    "doubled",
    "ended",
    "soon",
    "tomorrow",
    "released",
]

SEND = "send_notice"
LATER = timedelta(minutes=5)
SUBJECTS: Mapping[Kind, str] = {
    "past_due": "Your payment for Bilby did not go through",
    "action_required": "Your bank asks you to confirm a payment for Bilby",
    "debit_failed": "The bank debit for Bilby did not go through",
    "not_finalized": "Your invoice for Bilby waits for your address",
    "doubled": "You pay for Bilby twice",
    "ended": "Bilby has stopped: your numbers are kept for a while",
    "soon": "Bilby gives your numbers back in three days",
    "tomorrow": "Bilby gives your numbers back tomorrow",
    "released": "Your numbers have been given back",
}
BEFORE_RELEASE: Mapping[Kind, timedelta] = {"soon": timedelta(days=3), "tomorrow": timedelta(days=1)}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NoticeSender:
    """Send notices by mail."""

    mailer: Mailer
    web_public_url: str

    def jobs(self) -> Mapping[str, Do]:
        """Return the job handlers by name."""
        return {SEND: self.send}

    async def send(self, database: Database, payload: Payload) -> None:
        """Job: mail one owner, unless they have left meanwhile."""
        kind, organisation_id = _kind(payload["kind"]), UUID(payload["organisation"])
        async with database.begin() as session:
            organisation = await organisations.find(session, organisation_id)
            row = await subscriptions.of(session, organisation_id)
            everybody = await Members(session, organisation_id).all()
        owner = next((each for each in owners(everybody) if str(each.id) == payload["owner"]), None)
        if organisation is not None and owner is not None:
            text, html = self._written(kind, owner, organisation, row)
            await self._deliver(owner, SUBJECTS[kind], text, html)

    async def _deliver(self, owner: Member, subject: str, text: str, html: str) -> None:
        try:
            await self.mailer.send(owner.email, subject, text, html)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            if is_refused(error):
                _log.error("owner mail rejected", owner=str(owner.id))
                return
            _log.warning("mail server unavailable", error=type(error).__name__)
            raise TryAgain(LATER) from None

    def _written(
        self, kind: Kind, owner: Member, organisation: Organisation, row: Subscription | None
    ) -> tuple[str, str]:
        facts = {
            "subject": SUBJECTS[kind],
            "name": owner.name or parseaddr(owner.email)[1],
            "organisation": organisation.name,
            "release_day": day(row.release_after, organisation.time_zone) if row and row.release_after else "",
            "url": f"{self.web_public_url}/billing",
        }
        text, html = (_templates.get_template(f"{kind}.{form}").render(facts) for form in ("txt", "html"))
        return text, html


def owners(everybody: Sequence[Member]) -> Iterator[Member]:
    """Return the organisation's owners."""
    return (member for member in everybody if member.role == "owner")


async def tell(session: AsyncSession, organisation_id: UUID, kind: Kind, about: str) -> bool:
    """Enqueue the mails of ``kind`` to the owners. Return False if they were already sent for ``about``."""
    if not await subscriptions.claim_notice(session, organisation_id, kind, about):
        return False
    for owner in owners(await Members(session, organisation_id).all()):
        payload = {"organisation": str(organisation_id), "kind": kind, "owner": str(owner.id)}
        await enqueue(session, SEND, payload, key=f"{owner.id}:{kind}:{about}")
    return True


def is_refused(error: Exception) -> bool:
    """Return whether the server rejects the address for good. Other errors are temporary or the operator's."""
    return isinstance(error, aiosmtplib.SMTPRecipientsRefused) and all(
        500 <= each.code < 600 for each in error.recipients
    )


def due(release_after: datetime, now: datetime) -> Kind | None:
    """Return the reminder due before a release; if several were missed, the nearest to the release only."""
    left = release_after - now
    waiting = [(before, kind) for kind, before in BEFORE_RELEASE.items() if timedelta(0) < left <= before]
    return min(waiting)[1] if waiting else None


async def remind(database: Database) -> None:
    """Sweep: remind owners whose numbers will be released soon."""
    now = datetime.now(UTC)
    async with database.begin() as session:
        for row in await subscriptions.in_grace(session, now):
            kind = due(row.release_after, now) if row.release_after else None
            if kind is not None and row.release_after:
                await tell(session, row.organisation_id, kind, row.release_after.isoformat())


def _kind(word: str) -> Kind:
    return next(kind for kind in SUBJECTS if kind == word)


def day(at: datetime, time_zone: str) -> str:
    """Return the date as ``Friday 4 December 2026`` in the organisation's time zone."""
    there = at.astimezone(ZoneInfo(time_zone))
    return f"{there:%A} {there.day} {there:%B %Y}"


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "mails"),
    autoescape=select_autoescape(enabled_extensions=("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
