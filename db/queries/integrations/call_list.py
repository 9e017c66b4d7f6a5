"""The calls as the API lists them, and who is in one now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from db.call_progress import Direction, Outcome
from db.encryption import keyring_of
from db.models import Call, Choice, Leg
from db.paging import Cursor, newest_first
from db.queries.integrations import resources
from db.queries.log.call_tags import tags_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; None asks nothing. ``since`` is inclusive, ``until`` is not; ``customer`` is E.164."""

    since: datetime | None = None
    until: datetime | None = None
    direction: Direction | None = None
    outcome: Outcome | None = None
    member_id: UUID | None = None
    number_id: UUID | None = None
    customer: str | None = None


_COLUMNS = (
    Call.id,
    Call.direction,
    Call.status,
    case((Call.direction == "outbound", Call.to_number), else_=Call.from_number).label("customer"),
    Call.customer_hash,
    Call.number_id,
    Call.agent_id,
    Call.started_at,
    Call.answered_at,
    Call.ended_at,
    Call.duration_s,
    Call.outcome,
    Call.reason,
    Call.on_hold,
    Call.outcome_choice_id,
    Call.follow_up,
)
"""What is seen of a call. Its note is not among them: words of an agent's are nobody else's."""


class CallList:
    """The calls of one organisation, as its own programs see them."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def page(self, wanted: Wanted, *, after: Cursor | None, limit: int) -> Sequence[resources.Call]:
        """Return the newest ``limit`` calls older than ``after``."""
        rows = newest_first(self._filtered(wanted), Call.started_at, Call.id, after=after, limit=limit)
        return await self._seen((await self._session.execute(rows)).all())

    async def one(self, call_id: UUID) -> resources.Call | None:
        """Return that call."""
        found = await self._session.execute(self._mine().where(Call.id == call_id))
        return next(iter(await self._seen(found.all())), None)

    async def talking(self) -> Mapping[UUID, datetime]:
        """Return the members who are in a call, and since when."""
        live = (Call.organisation_id == self._organisation_id, Call.outcome.is_(None))
        in_rooms = (
            select(Leg.member_id.label("member"), Leg.joined_at.label("at"))
            .join(Call, Call.id == Leg.call_id)
            .where(*live, Leg.member_id.is_not(None), Leg.joined_at.is_not(None), Leg.left_at.is_(None))
        )
        has_room = select(Leg.leg_sid).where(Leg.call_id == Call.id, Leg.joined_at.is_not(None)).exists()
        dialled = select(Call.agent_id.label("member"), Call.answered_at.label("at")).where(
            *live, Call.agent_id.is_not(None), Call.answered_at.is_not(None), ~has_room
        )
        both = union_all(in_rooms, dialled).subquery()
        first = select(both.c.member, func.min(both.c.at).label("at")).group_by(both.c.member)
        return {row.member: row.at for row in await self._session.execute(first)}

    async def _seen(self, calls: Sequence[Row[Any]]) -> Sequence[resources.Call]:
        tags = await tags_of(self._session, self._organisation_id, [call.id for call in calls], Choice.id)
        return [resources.call_of(call, tags.get(call.id, [])) for call in calls]

    def _mine(self) -> Select[Any]:
        return select(*_COLUMNS).where(Call.organisation_id == self._organisation_id)

    def _filtered(self, wanted: Wanted) -> Select[Any]:
        calls = self._mine()
        equal = {
            Call.direction: wanted.direction,
            Call.outcome: wanted.outcome,
            Call.agent_id: wanted.member_id,
            Call.number_id: wanted.number_id,
        }
        for column, value in equal.items():
            if value is not None:
                calls = calls.where(column == value)
        if wanted.since is not None:
            calls = calls.where(Call.started_at >= wanted.since)
        if wanted.until is not None:
            calls = calls.where(Call.started_at < wanted.until)
        if wanted.customer is not None:
            hashes = keyring_of(self._session).hashes("number", wanted.customer)
            calls = calls.where(Call.customer_hash.in_(hashes))
        return calls
