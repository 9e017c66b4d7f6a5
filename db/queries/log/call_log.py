"""The call log as it is read: one call with its legs, and pages of calls by any filter, fast however many there are.

A page is found by walking along one index, the newest call first: that of the filter which as a rule lets the fewest
calls through. `ix_calls_…` has one for each, and all of them end in the time. Where several filters are set, the
others are checked in the calls that are walked past; of two that both let few calls through, the indexes are joined.
There is an end to that: after `WALK` calls the page says how far back it has looked, and the next one goes on from
there. So no search takes long, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from db.base import among
from db.encryption import keyring_of
from db.models import Call, Contact, GroupMember, Leg, Member
from db.paging import PAGE, Cursor
from db.queries.log.agent_access import is_agents_own
from db.queries.log.call_filter import GOING_ON, CallFilter, Sort
from db.queries.log.conditions import Condition, any_of, between, equal, in_state, number_has, tagged, words
from db.queries.log.walks import WALK, Join, Stretch, Walk, is_pair

_FEW_DAYS = timedelta(days=2)
_MOST_SOURCES = 200


@dataclass(frozen=True, slots=True)
class Longest:
    """The last row of a page that is sorted by seconds."""

    seconds: int
    id: UUID


PageCursor = Cursor | Longest


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, with ``number`` and the name of ``agent``.

    ``after``: where the next page begins; None if there is no more.

    ``looked_to``: there may be further calls, beyond this time: the search has not looked there yet.
    """

    calls: Sequence[Call]
    after: PageCursor | None = None
    looked_to: datetime | None = None


class CallLog:
    """The call log of one organisation; of one agent of it, if ``only_agent_id`` says so."""

    def __init__(
        self, session: AsyncSession, organisation_id: UUID, *, only_agent_id: UUID | None = None, walk: int = WALK
    ) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._only_agent_id = only_agent_id
        self._walk = walk

    async def get(self, call_id: UUID) -> Call | None:
        """Return that call, with ``agent`` and ``number``: an agent's own also if it was transferred to them."""
        one = select(Call).where(Call.organisation_id == self._organisation_id, Call.id == call_id)
        if self._only_agent_id is not None:
            one = one.where(is_agents_own(self._only_agent_id))
        return await self._session.scalar(one.options(joinedload(Call.agent), joinedload(Call.number)))

    async def legs(self, call_id: UUID) -> Sequence[Leg]:
        """Return the legs of that call, in the order they came."""
        theirs = select(Leg).where(Leg.organisation_id == self._organisation_id, Leg.call_id == call_id)
        return (await self._session.scalars(theirs.order_by(Leg.created_at, Leg.leg_sid))).all()

    async def sources(self) -> Sequence[str]:
        """Return the sources that calls were counted under, as choices: one look into the index for each."""
        mine = select(Call.source).where(Call.organisation_id == self._organisation_id, Call.source.is_not(None))
        first = mine.order_by(Call.source).limit(1).subquery()
        steps = select(first.c.source).cte("steps", recursive=True)
        further = mine.where(Call.source > steps.c.source).order_by(Call.source).limit(1).scalar_subquery()
        steps = steps.union_all(select(further).where(steps.c.source.is_not(None)))
        found = select(steps.c.source).where(steps.c.source.is_not(None)).limit(_MOST_SOURCES)
        return [source for source in await self._session.scalars(found) if source is not None]

    async def page(
        self, which: CallFilter, *, sort: Sort = "newest", after: PageCursor | None = None, limit: int = PAGE
    ) -> Page:
        """Return the first ``limit`` calls that match after ``after``, which is a page's of the same sort."""
        conditions = await self._conditions(which)
        if sort in ("longest", "waited"):
            column = Call.length_s if sort == "longest" else Call.wait_s
            return await self._by_seconds(column, which, conditions, after, limit)
        begin = after if isinstance(after, Cursor) else None
        stretch = Stretch(self._organisation_id, which.since, which.until, begin, is_oldest_first=sort == "oldest")
        return await self._along(stretch, await self._way(stretch, conditions, limit), limit)

    async def _way(self, stretch: Stretch, conditions: Sequence[Condition], limit: int) -> Walk | Join:
        has_tag = any(each.tag_id is not None for each in conditions)
        if is_pair(conditions):
            pair, others = conditions[:2], conditions[2:]
            join = Join(stretch, pair, others, most=self._walk)
            are_many = (await self._session.execute(join.are_many())).one()
            if all(are_many):
                return join
            few = are_many.index(False)
            conditions = [pair[few], pair[1 - few], *others]
        return Walk(stretch, conditions, limit=limit, most=self._walk, has_tag=has_tag)

    async def _along(self, stretch: Stretch, way: Walk | Join, limit: int) -> Page:
        rows = await self._session.execute(way.matches(limit + 1))
        found = list(dict.fromkeys(Cursor(row[0], row[1]) for row in rows))
        is_full = way.has_one_end and len(found) > limit
        cuts = await self._cuts(way) if way.may_be_cut and not is_full else []
        cut = stretch.first(cuts) if cuts else None
        if cut is not None:  # beyond it, one of the branches has not been looked at
            found = [each for each in found if stretch.first([each, cut]) == each]
        shown = found[:limit]
        calls = await self._load([each.id for each in shown])
        if len(found) > limit:
            return Page(calls, shown[-1])
        return Page(calls) if cut is None else Page(calls, cut, cut.at)

    async def _cuts(self, way: Walk | Join) -> Sequence[Cursor]:
        """Return where the branches stopped before their end."""
        return [Cursor(row[0], row[1]) for row in await self._session.execute(way.ends())]

    async def _by_seconds(
        self,
        column: InstrumentedAttribute[int | None],
        which: CallFilter,
        conditions: Sequence[Condition],
        after: PageCursor | None,
        limit: int,
    ) -> Page:
        """Return a page in the order of ``column``, along its index; the calls of few days are sorted instead."""
        checks = [each.check for each in conditions]
        rows = select(column.label("seconds"), Call.id)
        rows = rows.where(Call.organisation_id == self._organisation_id, column.is_not(None))
        rows = rows.where(*between(Call.started_at, which.since, which.until), *checks)
        if isinstance(after, Longest):
            rows = rows.where(tuple_(column, Call.id) < tuple_(after.seconds, after.id))
        if which.since is not None and which.until is not None and which.until - which.since <= _FEW_DAYS:
            rows = rows.offset(0)  # keeps the planner from walking past the calls of all other days
        asked = rows.subquery()
        ordered = select(asked.c.seconds, asked.c.id).order_by(asked.c.seconds.desc(), asked.c.id.desc())
        found = (await self._session.execute(ordered.limit(limit + 1))).all()
        calls = await self._load([call for _, call in found[:limit]])
        last = found[limit - 1] if len(found) > limit else None
        return Page(calls, None if last is None else Longest(last[0] or 0, last[1]))

    async def _load(self, ids: Sequence[UUID]) -> Sequence[Call]:
        if not ids:
            return []
        theirs = select(Call).where(Call.organisation_id == self._organisation_id, among(Call.id, ids))
        named = joinedload(Call.agent).load_only(Member.name)  # an address takes as long to decrypt as a name
        loaded = await self._session.scalars(theirs.options(named, joinedload(Call.number)))
        by_id = {call.id: call for call in loaded}
        return [by_id[each] for each in ids if each in by_id]

    async def _conditions(self, which: CallFilter) -> list[Condition]:
        """Return what is asked: first the condition that lets the fewest calls through, as a rule."""
        keyring = keyring_of(self._session)
        whole = [] if which.number is None else keyring.hashes("number", which.number)
        conditions = [
            any_of(Call.customer_hash, whole) if whole else None,
            number_has(which.parts, keyring),
            None if which.contact_id is None else await self._of_contact(which.contact_id),
            tagged(which.tag_id),
            equal(Call.agent_id, self._only_agent_id, is_narrow=True),
            words(which.words, lacking=True),
            equal(Call.outcome_choice_id, which.outcome_choice_id, is_narrow=True),
            equal(Call.agent_id, which.agent_id, is_narrow=True),
            equal(Call.source, which.source, is_narrow=True),
            equal(Call.number_id, which.number_id, is_narrow=True),
            None if which.group_id is None else await self._of_group(which.group_id),
            equal(Call.length_band, which.length_band),
            equal(Call.wait_band, which.wait_band),
            equal(Call.follow_up, which.follow_up),
            Condition([Call.outcome.is_(None)]) if which.live or which.state in GOING_ON else None,
            equal(Call.outcome, which.outcome),
            equal(Call.direction, which.direction),
            in_state(which.state),
            words(which.words, lacking=False),
        ]
        return [each for each in conditions if each is not None]

    async def _of_contact(self, contact_id: UUID) -> Condition:
        """Return the condition for calls of all numbers that a person has now."""
        mine = select(Contact.number).where(Contact.organisation_id == self._organisation_id)
        theirs = mine.where(or_(Contact.id == contact_id, Contact.part_of == contact_id))
        hashes = keyring_of(self._session).by_hash("number", await self._session.scalars(theirs))
        return any_of(Call.customer_hash, list(hashes))

    async def _of_group(self, group_id: UUID) -> Condition:
        """Return the condition for calls of the agents who are in that group now."""
        theirs = select(GroupMember.member_id).where(
            GroupMember.organisation_id == self._organisation_id, GroupMember.group_id == group_id
        )
        return any_of(Call.agent_id, (await self._session.scalars(theirs)).all())
