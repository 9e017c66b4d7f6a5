"""The rooms of calls, one row each, as JSON that only web reads (`web.conferences.rooms`).

Every change that phones show is told to all web processes: ``NOTIFY`` is part of the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import LegRole, among
from db.call_progress import LegReport
from db.models import Call, Conference, Leg, Organisation
from db.queries.integrations import events

CHANNEL = "bilby_phone"
"""What web processes LISTEN to. The payload is an organisation's id: something about its phone has changed.

The name of a process may follow it, after a space: that one knows already.
"""
OVER = "over"
"""The phase of a room in which nothing will happen."""

_NOTIFY = select(func.pg_notify(CHANNEL, bindparam("payload")))


@dataclass(frozen=True, slots=True)
class StoredRoom:
    """A room, as JSON, and what its call's row says."""

    call_id: UUID
    call_sid: str
    state: str


@dataclass(frozen=True, slots=True)
class Glance:
    """What changes about a room and its call, without anything that is encrypted or long.

    By the ``version`` a state is known again that was read before: it counts the changes that phones show.
    """

    version: int
    call_sid: str
    answered_at: datetime | None
    words_stopped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a room belongs."""

    organisation_id: UUID
    call_id: UUID


async def notify(session: AsyncSession, organisation_id: UUID, by: str = "") -> None:
    """Tell all web processes but ``by``, at the commit, that something of the organisation's phone has changed."""
    await session.execute(_NOTIFY, {"payload": payload(organisation_id, by)})


def payload(organisation_id: UUID, by: str = "") -> str:
    """Return what is sent on `CHANNEL`."""
    return f"{organisation_id} {by}".rstrip()


async def organisation_of(session: AsyncSession, call_id: UUID) -> UUID | None:
    """Return whose room it is. The organisation is read with it: whoever asks needs that next."""
    organisation = await session.scalar(_ORGANISATION, {"of_call": call_id})
    return None if organisation is None else organisation.id


async def take_due(session: AsyncSession, *, now: datetime, until: datetime, most: int) -> Sequence[Place]:
    """Return rooms of all organisations that must be looked at by ``now``, the most overdue first.

    Nobody else is given them before ``until``.
    """
    due = (
        select(Conference.call_id)
        .where(Conference.wakes_at <= now)
        .order_by(Conference.wakes_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = update(Conference).where(Conference.call_id.in_(due)).values(wakes_at=until)
    rows = await session.execute(taken.returning(Conference.organisation_id, Conference.call_id))
    return [Place(organisation, call) for organisation, call in rows]


async def forget_ended(session: AsyncSession, *, before: datetime) -> None:
    """Delete rooms that ended long ago; the log of their calls stays."""
    ended = delete(Conference).where(Conference.phase == OVER, Conference.wakes_at.is_(None))
    await session.execute(ended.where(Conference.heard_at < before))


_ROOM = (
    select(Conference.call_id, Call.call_sid, Conference.state)
    .join(Call, Call.id == Conference.call_id)
    .where(Conference.organisation_id == bindparam("of_organisation"), Conference.call_id == bindparam("of_call"))
)
_LOCKED = _ROOM.with_for_update(of=Conference)
_ORGANISATION = (
    select(Organisation)
    .join(Conference, Conference.organisation_id == Organisation.id)
    .where(Conference.call_id == bindparam("of_call"))
)
_GLANCE = (
    select(Conference.call_id, Conference.version, Call.call_sid, Call.answered_at, Call.words_stopped_at)
    .join(Call, Call.id == Conference.call_id)
    .where(Conference.organisation_id == bindparam("of_organisation"), Conference.phase != OVER)
    .order_by(Conference.created_at, Conference.call_id)
)
_SAVE = (
    update(Conference)
    .where(Conference.organisation_id == bindparam("of_organisation"), Conference.call_id == bindparam("of_call"))
    .values(
        phase=bindparam("new_phase"),
        state=bindparam("new_state"),
        conference_sid=func.coalesce(bindparam("named"), Conference.conference_sid),
        wakes_at=bindparam("new_wakes_at"),
        heard_at=func.now(),
    )
    .execution_options(synchronize_session=False)
)
_SAVE_AND_NOTIFY = _SAVE.values(version=Conference.version + 1).returning(
    func.pg_notify(CHANNEL, bindparam("payload"))
)
"""Written once: putting a statement together costs as much as sending it, and one that is not sent costs nothing."""


class Conferences:
    """The rooms of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def open(self, call_id: UUID, *, phase: str, state: str, wakes_at: datetime | None) -> None:
        """Store a new room."""
        self._session.add(
            Conference(
                call_id=call_id,
                organisation_id=self._organisation_id,
                phase=phase,
                state=state,
                wakes_at=wakes_at,
            )
        )
        await self._session.flush()
        await notify(self._session, self._organisation_id)

    async def get(self, call_id: UUID, *, locked: bool = False) -> StoredRoom | None:
        """Return the room, ``locked`` until the transaction ends; None if there is none."""
        values = {"of_organisation": self._organisation_id, "of_call": call_id}
        row = (await self._session.execute(_LOCKED if locked else _ROOM, values)).one_or_none()
        return None if row is None else StoredRoom(*row)

    async def live(self) -> Sequence[StoredRoom]:
        """Return all rooms that are not over, the oldest first."""
        live = (
            select(Conference, Call.call_sid)
            .join(Call, Call.id == Conference.call_id)
            .where(Conference.organisation_id == self._organisation_id, Conference.phase != OVER)
            .order_by(Conference.created_at, Conference.call_id)
        )
        return [StoredRoom(room.call_id, sid, room.state) for room, sid in await self._session.execute(live)]

    async def glance(self) -> Mapping[UUID, Glance]:
        """Return what is cheap to read of each room that is not over, the oldest first."""
        live = await self._session.execute(_GLANCE, {"of_organisation": self._organisation_id})
        return {row.call_id: Glance(*row[1:]) for row in live}

    async def states(self, calls: Collection[UUID]) -> Mapping[UUID, tuple[int, str]]:
        """Return the version and the state of these rooms."""
        if not calls:
            return {}
        theirs = select(Conference.call_id, Conference.version, Conference.state).where(
            Conference.organisation_id == self._organisation_id, among(Conference.call_id, calls)
        )
        return {row.call_id: (row.version, row.state) for row in await self._session.execute(theirs)}

    async def save(
        self,
        call_id: UUID,
        *,
        phase: str,
        state: str,
        conference_sid: str | None,
        wakes_at: datetime | None,
        is_news: bool,
    ) -> None:
        """Store what has become of a room that was read ``locked``; tell all web processes if phones show it."""
        values = {
            "of_organisation": self._organisation_id,
            "of_call": call_id,
            "new_phase": phase,
            "new_state": state,
            "named": conference_sid,
            "new_wakes_at": wakes_at,
        }
        if is_news:
            await self._session.execute(_SAVE_AND_NOTIFY, values | {"payload": str(self._organisation_id)})
        else:
            await self._session.execute(_SAVE, values)

    async def wake(self, call_id: UUID, wakes_at: datetime | None) -> None:
        """Set when to look at a room again in which nothing has changed."""
        mine = Conference.organisation_id == self._organisation_id
        await self._session.execute(
            update(Conference).where(mine, Conference.call_id == call_id).values(wakes_at=wakes_at)
        )

    async def name_call(self, call_id: UUID, call_sid: str) -> None:
        """Let the call's row go by the customer's leg, once Twilio has named it."""
        mine = update(Call).where(Call.organisation_id == self._organisation_id, Call.id == call_id)
        await self._session.execute(mine.values(call_sid=call_sid))

    async def note_transfer(self, call_id: UUID, to_member_id: UUID | None) -> None:
        """Record that somebody else has the call now; None: somebody outside."""
        await events.note_call(
            self._session, self._organisation_id, "call.transferred", call_id, to_member_id=to_member_id
        )

    async def note_leg(
        self,
        call_id: UUID,
        leg_sid: str,
        role: LegRole,
        *,
        member_id: UUID | None,
        report: LegReport,
        left_at: datetime | None,
    ) -> None:
        """Store the leg of a party: who was in the call, and from when to when."""
        leg = await self._session.get(Leg, leg_sid)
        if leg is None:
            leg = Leg(
                leg_sid=leg_sid,
                organisation_id=self._organisation_id,
                call_id=call_id,
                member_id=member_id,
                status=report.status,
            )
            self._session.add(leg)
        leg.role, leg.joined_at, leg.left_at = role, leg.joined_at or report.at, left_at
        leg.status = report.status if left_at is None else "completed"
