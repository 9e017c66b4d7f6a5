"""Offers: which call rings at which member, and how each ringing ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, bindparam, case, column, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import OfferKind, OfferResult, among
from db.models import Call, Conference, Offer as Row
from db.queries.phone.conferences import CHANNEL, OVER, payload

__all__ = ["Offer", "OfferKind", "OfferResult", "Offers"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One ringing of a call at a member. ``ended_at`` and ``result`` are None while it rings."""

    id: UUID
    call: UUID
    member: UUID
    kind: OfferKind
    offered_at: datetime
    until: datetime
    ended_at: datetime | None = None
    result: OfferResult | None = None


_COLUMNS = (Row.id, Row.call_id, Row.member_id, Row.kind, Row.offered_at, Row.until, Row.ended_at, Row.result)
_LOCK = select(func.pg_try_advisory_xact_lock(func.hashtextextended(bindparam("name"), 0)), func.clock_timestamp())
_NEW = {"id": Row.id.type, "call": Row.call_id.type, "member": Row.member_id.type, "kind": Row.kind.type}
_NEW |= {"until": Row.until.type}
_GIVEN = _NEW | {"version": Conference.version.type}
_offered = (
    func.unnest(*(bindparam(f"{name}s", type_=ARRAY(type_)) for name, type_ in _GIVEN.items()))
    .table_valued(*(column(name, type_) for name, type_ in _GIVEN.items()), name="offered")
    .render_derived()
)
_MAKE = (
    insert(Row)
    .from_select(
        ["id", "call_id", "member_id", "kind", "until", "organisation_id", "offered_at"],
        select(
            *(_offered.c[name] for name in _NEW),
            bindparam("of_organisation", type_=Row.organisation_id.type),
            bindparam("now", type_=Row.offered_at.type),
        )
        .select_from(_offered)
        .join(Conference, Conference.call_id == _offered.c.call)
        .where(
            Conference.organisation_id == bindparam("of_organisation", type_=Row.organisation_id.type),
            Conference.version == _offered.c.version,
        )
        .with_for_update(read=True, of=Conference, skip_locked=True),
    )
    .returning(Row.id, func.pg_notify(CHANNEL, bindparam("payload")))
    .execution_options(dml_strategy="raw")  # the values are not columns, as the ORM would have them
)
"""However many ring, it is one statement: one for each would cost as much as all the rest of a turn.

Rooms are locked, so that nobody claims a call while it is being offered, and what is locked is left out, because
whoever claims waits for offers that have just ended here.
"""


async def organisations(session: AsyncSession) -> Sequence[UUID]:
    """Return the organisations that have calls which may have to ring, or offers that have not ended."""
    calls = select(Conference.organisation_id).where(Conference.phase != OVER)
    ringing = select(Row.organisation_id).where(Row.ended_at.is_(None))
    return (await session.scalars(calls.union(ringing))).all()


class Offers:
    """The offers of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def lock(self) -> tuple[bool, datetime]:
        """Lock the decision whom the organisation's calls ring, until the transaction ends. Never waits.

        Return whether it is ours, and the time by the database's clock. Whoever holds it is nudged by what this
        transaction saw, too.
        """
        is_mine, now = (await self._session.execute(_LOCK, {"name": f"ringing {self._organisation_id}"})).one()
        return bool(is_mine), now

    async def open_or_of(self, calls: Collection[UUID]) -> Sequence[Offer]:
        """Return those that ring, and all of these calls, the oldest first."""
        mine = select(*_COLUMNS).where(
            Row.organisation_id == self._organisation_id, or_(Row.ended_at.is_(None), among(Row.call_id, calls))
        )
        return [Offer(*row) for row in await self._session.execute(mine.order_by(Row.offered_at, Row.id))]

    async def of(self, calls: Collection[UUID]) -> Sequence[Offer]:
        """Return all of these calls, also those that have ended, the oldest first."""
        theirs = select(*_COLUMNS).where(Row.organisation_id == self._organisation_id, among(Row.call_id, calls))
        return [Offer(*row) for row in await self._session.execute(theirs.order_by(Row.offered_at, Row.id))]

    async def taken_by(self, member: UUID) -> Sequence[UUID]:
        """Return calls that go on and that the member has claimed or dialled; they may have left some of them."""
        claimed = exists().where(Row.call_id == Call.id, Row.member_id == member, Row.result == "claimed")
        going_on = (
            select(Conference.call_id)
            .join(Call, Call.id == Conference.call_id)
            .where(
                Conference.organisation_id == self._organisation_id,
                Conference.phase != OVER,
                or_(Call.agent_id == member, claimed),
            )
        )
        return (await self._session.scalars(going_on)).all()

    async def claimed(self, call: UUID, member: UUID, kind: OfferKind, now: datetime) -> None:
        """Note that the member has taken a call that did not ring there."""
        await self._session.execute(
            insert(Row).values(
                organisation_id=self._organisation_id,
                call_id=call,
                member_id=member,
                kind=kind,
                offered_at=now,
                until=now,
                ended_at=now,
                result="claimed",
            )
        )

    async def make(self, offers: Sequence[Offer], versions: Mapping[UUID, int], by: str) -> Set[UUID]:
        """Ring, tell all web processes but ``by``, and return the ids of what rings.

        Nothing rings whose room is no longer in the version that ``versions`` has for its call, or is being changed:
        somebody may have answered.
        """
        if not offers:
            return set()
        values = {
            "of_organisation": self._organisation_id,
            "now": offers[0].offered_at,
            "payload": payload(self._organisation_id, by),
            "versions": [versions[offer.call] for offer in offers],
            **{f"{name}s": [getattr(offer, name) for offer in offers] for name in _NEW},
        }
        return set(await self._session.scalars(_MAKE, values))

    async def end(self, ended: Mapping[UUID, OfferResult], now: datetime) -> None:
        """End these offers, by their ids, unless they have ended."""
        by_result: defaultdict[OfferResult, list[UUID]] = defaultdict(list)
        for offer, result in ended.items():
            by_result[result].append(offer)
        for result, ids in by_result.items():
            still = update(Row).where(Row.organisation_id == self._organisation_id, among(Row.id, ids))
            await self._session.execute(still.where(Row.ended_at.is_(None)).values(ended_at=now, result=result))

    async def end_call(
        self, call: UUID, member: UUID, mine: OfferResult, others: OfferResult | None, now: datetime
    ) -> bool:
        """End the ringing of ``call``: the member's own as ``mine``, everybody else's as ``others`` unless None.

        Return whether it rang at the member.
        """
        ringing = update(Row).where(
            Row.organisation_id == self._organisation_id, Row.call_id == call, Row.ended_at.is_(None)
        )
        is_mine = Row.member_id == member
        if others is None:
            ringing = ringing.where(is_mine)
        ended = ringing.values(ended_at=now, result=case((is_mine, mine), else_=others or mine))
        return member in set(await self._session.scalars(ended.returning(Row.member_id)))
