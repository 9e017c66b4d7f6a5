"""What members say of a call after it: outcome, tags, follow-up, and a note where their organisation wants notes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Call, CallTag, Choice, Leg
from db.queries.integrations import events
from db.queries.log.call_tags import tags_of


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What was said of one call. ``note`` is in the member's own words."""

    outcome: UUID | None = None
    tags: tuple[UUID, ...] = ()
    follow_up: bool = False
    note: str | None = None


class WrapUps:
    """The wrap-ups of one organisation's calls."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def of_member(self, call_id: UUID, member_id: UUID) -> Call | None:
        """Lock the call until the transaction ends and return it, if that member had a part in it."""
        was_there = exists().where(Leg.call_id == Call.id, Leg.member_id == member_id)
        theirs = select(Call).where(
            Call.organisation_id == self._organisation_id,
            Call.id == call_id,
            or_(Call.agent_id == member_id, was_there),
        )
        return await self._session.scalar(
            theirs.with_for_update(key_share=True).execution_options(populate_existing=True)
        )

    async def store(self, call: Call, said: WrapUp, now: datetime) -> None:
        """Replace what was said of a call that is locked."""
        call.outcome_choice_id, call.follow_up, call.note = said.outcome, said.follow_up, said.note
        call.wrapped_up_at = now
        await self._session.execute(delete(CallTag).where(CallTag.call_id == call.id))
        tags = [
            {
                "call_id": call.id,
                "choice_id": each,
                "organisation_id": self._organisation_id,
                "started_at": call.started_at,
            }
            for each in dict.fromkeys(said.tags)
        ]
        if tags:
            await self._session.execute(insert(CallTag), tags)
        await self._session.flush()
        await events.note_call(self._session, self._organisation_id, "call.outcome", call.id)

    async def tags(self, calls: Collection[UUID]) -> Mapping[UUID, Sequence[str]]:
        """Return the labels of these calls' tags, in the order of the organisation's list."""
        return await tags_of(self._session, self._organisation_id, calls, Choice.label)
