"""The closing of an organisation: asked for, taken back, and moved from one state to the next.

waiting ──due──► ending ──► releasing ──► erasing ──► (no row: the organisation is gone)
   └─ taken back
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import ClosureState
from db.models import Closure, Member, Number, NumberOrder

_NOTHING = ("held", "failed", "released")
"""States of an order that has rented nothing."""


async def of(session: AsyncSession, organisation_id: UUID) -> Closure | None:
    """Return the organisation's closing; None if nobody has asked for it."""
    return await session.get(Closure, organisation_id, populate_existing=True)


async def is_asked(session: AsyncSession, organisation_id: UUID) -> bool:
    """Return whether the organisation is to be closed."""
    return bool(await session.scalar(select(exists().where(Closure.organisation_id == organisation_id))))


async def has_begun(session: AsyncSession, organisation_id: UUID) -> bool:
    """Return whether the organisation is being closed, which cannot be taken back any more."""
    begun = exists().where(Closure.organisation_id == organisation_id, Closure.state != "waiting")
    return bool(await session.scalar(select(begun)))


async def ask(session: AsyncSession, organisation_id: UUID, member_id: UUID, grace: timedelta) -> bool:
    """Ask for the closing, after ``grace``. Return False if it was asked for before."""
    statement = insert(Closure).values(
        organisation_id=organisation_id, state="waiting", asked_by=member_id, due_at=func.now() + grace
    )
    made = await session.scalar(statement.on_conflict_do_nothing().returning(Closure.organisation_id))
    return made is not None


async def take_back(session: AsyncSession, organisation_id: UUID) -> bool:
    """Take the organisation's closing back; return False if there is none, or it is too late."""
    statement = delete(Closure).where(Closure.organisation_id == organisation_id, Closure.state == "waiting")
    return bool((await session.execute(statement.returning(Closure.organisation_id))).all())


async def due(session: AsyncSession) -> Sequence[UUID]:
    """Return the organisations whose closing goes on now."""
    goes_on = or_(Closure.state != "waiting", Closure.due_at <= func.now())
    return (await session.scalars(select(Closure.organisation_id).where(goes_on))).all()


async def remind(session: AsyncSession, before: timedelta) -> Sequence[Closure]:
    """Return, once each, the closings that begin within ``before``."""
    soon = update(Closure).where(
        Closure.state == "waiting",
        Closure.reminded_at.is_(None),
        Closure.due_at > func.now(),
        Closure.due_at <= func.now() + before,
        Closure.due_at > Closure.asked_at + before,  # else the first mail said it only just before
    )
    return (await session.scalars(soon.values(reminded_at=func.now()).returning(Closure))).all()


async def move(session: AsyncSession, organisation_id: UUID, before: ClosureState, to: ClosureState) -> bool:
    """Move from one state to the next; return False if it was moved on or taken back meanwhile, or is not due yet."""
    mine = update(Closure).where(Closure.organisation_id == organisation_id, Closure.state == before)
    if before == "waiting":
        mine = mine.where(Closure.due_at <= func.now())
    moved = await session.execute(mine.values(state=to, changed_at=func.now()).returning(Closure.organisation_id))
    return bool(moved.all())


async def holds_numbers(session: AsyncSession, organisation_id: UUID) -> bool:
    """Return whether a number of the organisation may still be rented at Twilio."""
    rented = exists().where(Number.organisation_id == organisation_id, Number.released_at.is_(None))
    under_way = exists().where(NumberOrder.organisation_id == organisation_id, NumberOrder.state.not_in(_NOTHING))
    return bool(await session.scalar(select(or_(rented, under_way))))


async def remove_members(session: AsyncSession, organisation_id: UUID) -> None:
    """End everybody's membership: nobody is signed in any more. `owners` still finds who owned it."""
    there = update(Member).where(Member.organisation_id == organisation_id, Member.removed_at.is_(None))
    since = select(Closure.changed_at).where(Closure.organisation_id == organisation_id).scalar_subquery()
    await session.execute(there.values(removed_at=since).execution_options(synchronize_session=False))


async def owners(session: AsyncSession, organisation_id: UUID) -> Sequence[Member]:
    """Return the owners at the time at which everybody's membership ended."""
    since = select(Closure.changed_at).where(Closure.organisation_id == organisation_id).scalar_subquery()
    theirs = select(Member).where(
        Member.organisation_id == organisation_id,
        Member.role == "owner",
        Member.accepted_at.is_not(None),
        Member.removed_at >= since,
    )
    return (await session.scalars(theirs)).all()


class Closures:
    """The closing of one organisation, as its owner sees it."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def current(self) -> Closure | None:
        """Return it; None if nobody has asked for it."""
        return await of(self._session, self._organisation_id)

    async def ask(self, member_id: UUID, grace: timedelta) -> datetime | None:
        """Ask for the closing. Return when it begins; None if it was asked for before."""
        if not await ask(self._session, self._organisation_id, member_id, grace):
            return None
        closure = await self.current()
        return None if closure is None else closure.due_at

    async def take_back(self) -> bool:
        """Take the closing back; return False if there is none, or it is too late."""
        return await take_back(self._session, self._organisation_id)
