"""Mails to an organisation's owners about payments and numbers, each sent once per occasion.

A notice is claimed and a mail to each owner put into the queue in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import Member
from db.queries import organisations
from db.queries.billing import subscriptions
from db.queries.members import Members
from db.queries.rights import closures
from provisioning.jobs import Payload
from provisioning.mail import queue
from provisioning.mail.names import salutation
from provisioning.mail.queue import NoticeKind
from provisioning.mail.sender import Asked, Letter, Write
from provisioning.worker import JobHandler

SUBJECTS: Mapping[NoticeKind, str] = {
    "past_due": "Your payment for Bilby did not go through",
    "action_required": "Your bank asks you to confirm a payment for Bilby",
    "debit_failed": "The bank debit for Bilby did not go through",
    "not_finalized": "Your Bilby invoice needs your business address",
    "doubled": "You are paying for Bilby twice",
    "ended": "Bilby has stopped: your numbers are kept for a while",
    "soon": "Your numbers will be released in three days",
    "tomorrow": "Your numbers will be released tomorrow",
    "released": "Your numbers have been released",
}
BEFORE_RELEASE: Mapping[NoticeKind, timedelta] = {"soon": timedelta(days=3), "tomorrow": timedelta(days=1)}


async def notice(session: AsyncSession, asked: Asked, kind: NoticeKind) -> Letter | None:
    """Write ``kind`` to ``owner`` of ``organisation``, unless they have left meanwhile."""
    organisation_id = UUID(asked.facts["organisation"])
    organisation = await organisations.find(session, organisation_id)
    row = await subscriptions.of(session, organisation_id)
    everybody = await Members(session, organisation_id).all()
    owner = next((each for each in owners(everybody) if str(each.id) == asked.facts["owner"]), None)
    if organisation is None or owner is None:
        return None
    context = {
        "name": salutation(owner.name, owner.email),
        "organisation": organisation.name,
        "release_day": day(row.release_after, organisation.time_zone) if row and row.release_after else "",
        "url": f"{asked.public_url}/billing",
    }
    return Letter(owner.email, SUBJECTS[kind], kind, context)


WRITERS: Mapping[str, Write] = {kind: partial(notice, kind=kind) for kind in SUBJECTS}


async def ask_again(database: Database, payload: Payload) -> None:
    """Job: enqueue the mail as `tell` does, for a job that the release before this one left waiting."""
    async with database.begin() as session:
        facts = {"organisation": payload["organisation"], "owner": payload["owner"]}
        await queue.put(session, _kind(payload["kind"]), facts)


JOBS: Mapping[str, JobHandler] = {"send_notice": ask_again}


def owners(everybody: Sequence[Member]) -> Iterator[Member]:
    """Return the organisation's owners."""
    return (member for member in everybody if member.role == "owner")


async def tell(session: AsyncSession, organisation_id: UUID, kind: NoticeKind, about: str) -> bool:
    """Enqueue the mails of ``kind`` to the owners. Return False if none is due, or no more."""
    if await closures.is_asked(session, organisation_id):
        return False  # its owners have their own mails: these would speak of numbers that are kept
    if not await subscriptions.claim_notice(session, organisation_id, kind, about):
        return False
    for owner in owners(await Members(session, organisation_id).all()):
        await queue.put(session, kind, {"organisation": str(organisation_id), "owner": str(owner.id)})
    return True


def due(release_after: datetime, now: datetime) -> NoticeKind | None:
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


def _kind(word: str) -> NoticeKind:
    return next(kind for kind in SUBJECTS if kind == word)


def day(at: datetime, time_zone: str) -> str:
    """Return the date as ``Friday 4 December 2026`` in the organisation's time zone."""
    there = at.astimezone(ZoneInfo(time_zone))
    return f"{there:%A} {there.day} {there:%B %Y}"
