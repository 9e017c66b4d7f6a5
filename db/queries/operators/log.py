"""What operators did. Append-only, enforced by the database, as the organisations' own audit logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import keyring_of
from db.models import Erasure, Operator, OperatorEntry, Organisation

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``organisation``: its name, empty if it was about none, or about one that is erased."""

    at: datetime
    operator: str
    action: str
    organisation: str
    reason: str


async def record(
    session: AsyncSession,
    operator: Operator,
    action: str,
    *,
    organisation_id: UUID | None = None,
    reason: str = "",
    network: str | None = None,
) -> None:
    """Record that ``operator`` did ``action``; ``network``, where from, is hashed."""
    entry = OperatorEntry(
        operator_id=operator.id,
        operator=operator.name,
        action=action,
        organisation_id=organisation_id,
        details=json.dumps({"reason": reason}) if reason else None,
        from_hash=None if network is None else keyring_of(session).hash("origin", network),
    )
    session.add(entry)
    await session.flush()


async def newest(session: AsyncSession) -> Sequence[Entry]:
    """Return the newest entries."""
    rows = select(OperatorEntry, Organisation.name).outerjoin(
        Organisation, Organisation.id == OperatorEntry.organisation_id
    )
    newest = rows.order_by(OperatorEntry.at.desc(), OperatorEntry.id.desc()).limit(SHOWN)
    return [
        Entry(row.at, row.operator, row.action, name or "", json.loads(row.details or "{}").get("reason", ""))
        for row, name in await session.execute(newest)
    ]


async def receipts(session: AsyncSession) -> Sequence[Erasure]:
    """Return what is left of the organisations that were erased last."""
    return (await session.scalars(select(Erasure).order_by(Erasure.erased_at.desc()).limit(SHOWN))).all()
