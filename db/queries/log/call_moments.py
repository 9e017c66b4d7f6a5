"""What happened in calls, where no leg, offer or phrase hit tells of it.

``detail`` says more of some kinds. ``transfer``, ``transferred``, ``transfer_failed``: how, and to what
(``warm member``, ``blind group``, ``add number``); the member is whom it went to, where that is known. ``watched``:
how (``listened``, ``opened_transcript`` …); the member is who did. ``words``: the state of transcription, and after a
space why; or ``missing``, by whose fault, and for how many ms (``missing twilio 1500``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import MomentKind
from db.models import Call, CallMoment

MISSING = "missing"
"""What the detail of ``words`` begins with where some are missing."""
_COLUMNS = (CallMoment.at, CallMoment.kind, CallMoment.member_id, CallMoment.detail)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened in a call."""

    at: datetime
    kind: MomentKind
    member_id: UUID | None = None
    detail: str | None = None


class CallMoments:
    """The moments of one organisation's calls."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def note(self, call_id: UUID, moment: Moment) -> bool:
        """Keep a moment of a call; return False if it was kept before. Repeatable."""
        row = insert(CallMoment).values(
            call_id=call_id,
            at=moment.at,
            kind=moment.kind,
            organisation_id=self._organisation_id,
            member_id=moment.member_id,
            detail=moment.detail,
        )
        kept = await self._session.scalar(row.on_conflict_do_nothing().returning(CallMoment.call_id))
        return kept is not None

    async def note_of(self, call_sid: str, moment: Moment) -> None:
        """Keep a moment of the call that Twilio calls so; of one that has no row, none is kept."""
        mine = select(Call.id).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        call_id = await self._session.scalar(mine)
        if call_id is not None:
            await self.note(call_id, moment)

    async def of(self, call_id: UUID) -> Sequence[Moment]:
        """Return the moments of that call, in order."""
        theirs = select(*_COLUMNS).where(
            CallMoment.organisation_id == self._organisation_id, CallMoment.call_id == call_id
        )
        return [Moment(*row) for row in await self._session.execute(theirs.order_by(CallMoment.at))]
