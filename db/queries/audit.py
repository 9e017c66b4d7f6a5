"""The audit log: who did what, when, from where. Append-only, enforced by the database.

An entry is written in the transaction of what it tells about, so that neither is there without the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import keyring_of
from db.models import AuditEntry
from db.paging import PAGE, Cursor, newest_first

SIGNED_IN = ("member.signed_in", "organisation.founded")
"""Actions that prove that a member is signed in."""
Details = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member, or somebody outside. ``network`` is hashed before it is stored."""

    name: str
    member_id: UUID | None = None
    network: str | None = None


BILBY, STRIPE, TWILIO = Actor("Bilby"), Actor("Stripe"), Actor("Twilio")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Filter of entries; None matches all. ``action`` is complete, or a noun: ``number`` for ``number.ready``."""

    action: str | None = None
    actor_id: UUID | None = None
    outside: bool = False
    """Only actions of Stripe, Twilio and Bilby itself."""
    since: datetime | None = None
    until: datetime | None = None


async def record(
    session: AsyncSession, organisation_id: UUID, action: str, details: Details | None = None, actor: Actor = BILBY
) -> None:
    """Record that ``actor`` did ``action`` (``noun.verb``, in the past: ``number.released``)."""
    network = actor.network
    entry = AuditEntry(
        organisation_id=organisation_id,
        actor_id=actor.member_id,
        actor=actor.name,
        action=action,
        details=json.dumps(dict(details)) if details else None,
        from_hash=None if network is None else keyring_of(session).hash("origin", network),
    )
    session.add(entry)
    await session.flush()


def details_of(entry: AuditEntry) -> dict[str, str | int | bool | None]:
    """Return the details that `record` was given."""
    details: dict[str, str | int | bool | None] = json.loads(entry.details or "{}")
    return details


class AuditLog:
    """The audit log of one organisation. Entries recorded through it are by ``actor``."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, actor: Actor = BILBY) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._actor = actor

    async def record(self, action: str, details: Details | None = None) -> None:
        """Record an action."""
        await record(self._session, self._organisation_id, action, details, self._actor)

    async def page(
        self, which: AuditFilter, *, after: Cursor | None = None, limit: int = PAGE
    ) -> Sequence[AuditEntry]:
        """Return the newest ``limit`` entries older than ``after``."""
        shown = self._filtered(which)
        wanted = newest_first(shown, AuditEntry.at, AuditEntry.id, after=after, limit=limit)
        return (await self._session.scalars(wanted)).all()

    async def actions(self) -> Sequence[str]:
        """Return every action that has an entry, as choices."""
        mine = select(AuditEntry.action).where(AuditEntry.organisation_id == self._organisation_id)
        return (await self._session.scalars(mine.distinct().order_by(AuditEntry.action))).all()

    async def last_sign_ins(self) -> dict[UUID, datetime]:
        """Return when each member last signed in, by id; members who never did are not included."""
        mine = (AuditEntry.organisation_id == self._organisation_id, AuditEntry.action.in_(SIGNED_IN))
        last = select(AuditEntry.actor_id, func.max(AuditEntry.at)).where(*mine).group_by(AuditEntry.actor_id)
        return {member_id: at for member_id, at in await self._session.execute(last) if member_id is not None}

    async def members(self) -> Mapping[UUID, str]:
        """Return every member with an entry, by their last name; removed members as well."""
        mine = select(AuditEntry).where(
            AuditEntry.organisation_id == self._organisation_id, AuditEntry.actor_id.is_not(None)
        )
        newest = mine.ext(distinct_on(AuditEntry.actor_id)).order_by(AuditEntry.actor_id, AuditEntry.at.desc())
        return {entry.actor_id: entry.actor for entry in await self._session.scalars(newest) if entry.actor_id}

    def _filtered(self, which: AuditFilter) -> Select[AuditEntry]:
        entries = select(AuditEntry).where(AuditEntry.organisation_id == self._organisation_id)
        if which.action is not None:
            noun = AuditEntry.action.startswith(f"{which.action}.", autoescape=True)
            entries = entries.where(noun | (AuditEntry.action == which.action))
        if which.actor_id is not None:
            entries = entries.where(AuditEntry.actor_id == which.actor_id)
        if which.outside:
            entries = entries.where(AuditEntry.actor_id.is_(None))
        if which.since is not None:
            entries = entries.where(AuditEntry.at >= which.since)
        if which.until is not None:
            entries = entries.where(AuditEntry.at < which.until)
        return entries
