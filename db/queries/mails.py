"""Mails that were asked for and are not sent yet. What is known of each is encrypted; a sent one is deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete as delete_from, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Mail


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """One mail. ``is_cleared``: an earlier attempt was allowed to send it."""

    kind: str
    facts: Mapping[str, str]
    created_at: datetime
    is_cleared: bool


async def add(session: AsyncSession, kind: str, facts: Mapping[str, str]) -> UUID:
    """Store a mail of ``kind``; return its id."""
    mail = Mail(id=uuid4(), sealed=json.dumps({"kind": kind, "facts": dict(facts)}))
    session.add(mail)
    await session.flush()
    return mail.id


async def locked(session: AsyncSession, mail_id: UUID) -> WaitingMail | None:
    """Return the mail, locked until the transaction ends; None if it was sent or given up."""
    mail = await session.scalar(select(Mail).where(Mail.id == mail_id).with_for_update())
    if mail is None:
        return None
    sealed = json.loads(mail.sealed)
    return WaitingMail(sealed["kind"], sealed["facts"], mail.created_at, mail.cleared_at is not None)


async def clear(session: AsyncSession, mail_id: UUID) -> None:
    """Record that the mail may be sent: an attempt after a failure is not another mail."""
    await session.execute(update(Mail).where(Mail.id == mail_id).values(cleared_at=func.now()))


async def delete(session: AsyncSession, mail_id: UUID) -> None:
    """Delete the mail."""
    await session.execute(delete_from(Mail).where(Mail.id == mail_id))


async def purge(session: AsyncSession, before: datetime) -> int:
    """Delete what was asked for ``before`` then and could not be sent; return how many."""
    return len((await session.scalars(delete_from(Mail).where(Mail.created_at < before).returning(Mail.id))).all())
