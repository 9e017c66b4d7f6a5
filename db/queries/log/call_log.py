"""The call log as it is read: one call with its legs, and pages of calls by any filter, fast however many there are.

A page is found by walking along one index, the newest call first: that of the filter which as a rule lets the fewest
calls through. `ix_calls_…` has one for each, and all of them end in the time. Where several filters are set, the
others are checked in the calls that are walked past, and there is an end to that: after `WALK` calls the page says
how far back it has looked, and the next one goes on from there. So no search takes long, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    exists,
    false,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from db.base import among
from db.call_progress import Direction, Outcome
from db.encryption import Keyring, keyring_of
from db.models import Call, CallTag, Contact, GroupMember, Leg, Member
from db.paging import PAGE, Cursor
from db.queries.log.number_parts import Part, checked, indexed

WALK = 5_000
"""How many calls are walked past for one page, at most."""
_TAG_COSTS = 5  # times as much as a call, to look up one with its tags
_FEW_DAYS = timedelta(days=2)
_MOST_SOURCES = 200
_MOST_BRANCHES = 30  # indexes walked along side by side: for a larger group, agents are checked
Sort = Literal["newest", "oldest", "longest", "waited"]
CallState = Literal["ringing", "talking", "held", "over"]
"""Where a call is: not answered yet, answered, on hold, or over."""
_GOING_ON: tuple[CallState, ...] = ("ringing", "talking", "held")
WordsState = Literal["shown", "gaps", "failed", "waiting_for_slot", "stopped", "none"]
"""What became of a call's words; ``gaps``: some are missing."""
_LACKING: tuple[WordsState, ...] = ("gaps", "stopped", "failed", "waiting_for_slot")
"""Rare enough for indexes of their own."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls of the log to show; None asks nothing. ``since`` is inclusive, ``until`` is not."""

    number: str | None = None
    """A customer's whole number, E.164."""
    parts: tuple[Part, ...] = ()
    """Or a part of it: one of these."""
    contact_id: UUID | None = None
    """Whoever has that contact, from whichever of their numbers."""
    tag_id: UUID | None = None
    outcome_choice_id: UUID | None = None
    agent_id: UUID | None = None
    source: str | None = None
    number_id: UUID | None = None
    group_id: UUID | None = None
    length_band: int | None = None
    wait_band: int | None = None
    follow_up: Literal[True] | None = None
    live: Literal[True] | None = None
    """Calls that go on."""
    outcome: Outcome | None = None
    direction: Direction | None = None
    state: CallState | None = None
    words: WordsState | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Longest:
    """The last row of a page that is sorted by seconds."""

    seconds: int
    id: UUID


Place = Cursor | Longest


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, with ``number`` and the name of ``agent``.

    ``after``: where the next page begins; None if there is no more.

    ``looked_to``: there may be further calls, beyond this time: the search has not looked there yet.
    """

    calls: Sequence[Call]
    after: Place | None = None
    looked_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Filter:
    """One filter that is set: a call must meet one of ``ways``. An index of calls begins with what each asks."""

    ways: Sequence[ColumnElement[bool]]
    tag_id: UUID | None = None
    """Calls with this tag, which `CallTag` has in order."""
    has_index: bool = True
    """Otherwise it is checked in calls that are walked past."""

    @property
    def check(self) -> ColumnElement[bool]:
        return or_(*self.ways) if self.ways else false()


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
        agent = self._only_agent_id
        if agent is not None:
            joined = exists().where(Leg.call_id == Call.id, Leg.member_id == agent, Leg.joined_at.is_not(None))
            one = one.where(or_(Call.agent_id == agent, joined))
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
        self, which: CallFilter, *, sort: Sort = "newest", after: Place | None = None, limit: int = PAGE
    ) -> Page:
        """Return the first ``limit`` calls that match after ``after``, which is a page's of the same sort."""
        filters = await self._filters(which)
        if sort in ("longest", "waited"):
            column = Call.length_s if sort == "longest" else Call.wait_s
            return await self._by_seconds(column, which, filters, after, limit)
        begin = after if isinstance(after, Cursor) else None
        walk = _Walk(self._organisation_id, which, filters, begin, sort, limit, self._walk)
        return await self._along(walk, limit)

    async def _along(self, walk: _Walk, limit: int) -> Page:
        rows = await self._session.execute(walk.matches(limit + 1))
        found = list(dict.fromkeys(Cursor(row[0], row[1]) for row in rows))
        cuts = await self._cuts(walk) if walk.may_be_cut else []
        cut = walk.first(cuts) if cuts else None
        if cut is not None:  # beyond it, one of the branches has not been looked at
            found = [each for each in found if walk.first([each, cut]) == each]
        shown = found[:limit]
        calls = await self._load([each.id for each in shown])
        if len(found) > limit:
            return Page(calls, shown[-1])
        return Page(calls) if cut is None else Page(calls, cut, cut.at)

    async def _cuts(self, walk: _Walk) -> Sequence[Cursor]:
        """Return where the branches stopped before their end."""
        return [Cursor(row[0], row[1]) for row in await self._session.execute(walk.ends())]

    async def _by_seconds(
        self,
        column: InstrumentedAttribute[int | None],
        which: CallFilter,
        filters: Sequence[_Filter],
        after: Place | None,
        limit: int,
    ) -> Page:
        """Page by ``column``, along the index of it; the calls of few days are sorted instead."""
        checks = [each.check for each in filters]
        rows = select(column.label("seconds"), Call.id)
        rows = rows.where(Call.organisation_id == self._organisation_id, column.is_not(None))
        rows = rows.where(*_days(Call.started_at, which), *checks)
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

    async def _filters(self, which: CallFilter) -> list[_Filter]:
        """Return the filters that are set: first the one that lets the fewest calls through, as a rule."""
        keyring = keyring_of(self._session)
        whole = [] if which.number is None else keyring.hashes("number", which.number)
        filters = [
            _Filter([Call.customer_hash == each for each in whole]) if whole else None,
            _Filter([way for part in which.parts for way in _ways(part, keyring)]) if which.parts else None,
            None if which.contact_id is None else await self._of_contact(which.contact_id),
            None if which.tag_id is None else _Filter([_has_tag(which.tag_id)], which.tag_id),
            None if self._only_agent_id is None else _Filter([Call.agent_id == self._only_agent_id]),
            _words(which.words, lacking=True),
            _equal(Call.outcome_choice_id, which.outcome_choice_id),
            _equal(Call.agent_id, which.agent_id),
            _equal(Call.source, which.source),
            _equal(Call.number_id, which.number_id),
            None if which.group_id is None else await self._of_group(which.group_id),
            _equal(Call.length_band, which.length_band),
            _equal(Call.wait_band, which.wait_band),
            None if which.follow_up is None else _Filter([Call.follow_up == true()]),
            None if which.live is None else _Filter([Call.outcome.is_(None)]),
            _equal(Call.outcome, which.outcome),
            _equal(Call.direction, which.direction),
            _Filter([Call.outcome.is_(None)]) if which.state in _GOING_ON else None,
            None if which.state is None else _Filter([_in_state(which.state)], has_index=False),
            _words(which.words, lacking=False),
        ]
        return [each for each in filters if each is not None]

    async def _of_contact(self, contact_id: UUID) -> _Filter:
        """Return the filter for calls of all numbers that a person has now."""
        mine = select(Contact.number).where(Contact.organisation_id == self._organisation_id)
        theirs = mine.where(or_(Contact.id == contact_id, Contact.part_of == contact_id))
        hashes = keyring_of(self._session).by_hash("number", await self._session.scalars(theirs))
        return _Filter([Call.customer_hash == each for each in hashes])

    async def _of_group(self, group_id: UUID) -> _Filter:
        """Return the filter for calls of the agents who are in that group now."""
        theirs = select(GroupMember.member_id).where(
            GroupMember.organisation_id == self._organisation_id, GroupMember.group_id == group_id
        )
        return _Filter([Call.agent_id == each for each in await self._session.scalars(theirs)])


class _Walk:
    """The way to a page: along which indexes, how far, and what is checked there."""

    def __init__(
        self,
        organisation_id: UUID,
        which: CallFilter,
        filters: Sequence[_Filter],
        after: Cursor | None,
        sort: Sort,
        limit: int,
        most: int,
    ) -> None:
        walked = [each for each in filters[:1] if each.has_index and len(each.ways) <= _MOST_BRANCHES]
        checks = [each.check for each in filters[len(walked) :]]
        self._is_oldest_first = sort == "oldest"
        most //= 1 if which.tag_id is None else _TAG_COSTS
        ways: Sequence[ColumnElement[bool] | UUID] = [true()]
        for each in walked:
            ways = [each.tag_id] if each.tag_id is not None else each.ways or [false()]
        self._steps = max(1, most // len(ways)) if checks else limit + 1
        self.may_be_cut = bool(checks)
        passes = and_(true(), *checks).label("passes")
        self._branches = [self._branch(organisation_id, which, way, after, passes) for way in ways]

    def matches(self, count: int) -> Select[datetime, UUID]:
        """Select time and id of the first ``count`` calls that match, or more.

        A call may be found twice: by the beginning of its number and by its end.
        """
        limited = [select(branch.limit(self._steps).subquery()) for branch in self._branches]
        walked = (union_all(*limited) if len(limited) > 1 else limited[0]).subquery()
        at, call = self._ordered(walked.c.started_at, walked.c.id)
        return (
            select(walked.c.started_at, walked.c.id)
            .where(walked.c.passes)
            .order_by(at, call)
            .limit(count * min(2, len(self._branches)))
        )

    def ends(self) -> Select[datetime, UUID]:
        """Select where each branch stopped before its end."""
        lasts = [select(branch.offset(self._steps - 1).limit(1).subquery()) for branch in self._branches]
        ends = (union_all(*lasts) if len(lasts) > 1 else lasts[0]).subquery()
        return select(ends.c.started_at, ends.c.id)

    def first(self, keys: Sequence[Cursor]) -> Cursor:
        """Return the one that is reached first."""
        choose = min if self._is_oldest_first else max
        return choose(keys, key=lambda key: (key.at, key.id))

    def _branch(
        self,
        organisation_id: UUID,
        which: CallFilter,
        way: ColumnElement[bool] | UUID,
        after: Cursor | None,
        passes: ColumnElement[bool],
    ) -> Select[datetime, UUID, bool]:
        at: Any = Call.started_at
        call: Any = Call.id
        rows = select(Call.started_at, Call.id, passes)
        if isinstance(way, UUID):
            at, call = CallTag.started_at, CallTag.call_id
            rows = select(at.label("started_at"), call.label("id"), passes).join(Call, Call.id == CallTag.call_id)
            rows = rows.where(CallTag.organisation_id == organisation_id, CallTag.choice_id == way, at.is_not(None))
        else:
            rows = rows.where(Call.organisation_id == organisation_id, way)
        rows = rows.where(*_days(at, which))
        if after is not None:
            here, there = tuple_(at, call), tuple_(after.at, after.id)
            rows = rows.where(here > there if self._is_oldest_first else here < there)
        return rows.order_by(*self._ordered(at, call))

    def _ordered(self, at: Any, call: Any) -> tuple[Any, Any]:
        return (at, call) if self._is_oldest_first else (at.desc(), call.desc())


def _equal(column: InstrumentedAttribute[Any], value: Any) -> _Filter | None:
    return None if value is None else _Filter([column == value])


def _words(words: WordsState | None, *, lacking: bool) -> _Filter | None:
    if words is None or (words in _LACKING) != lacking:
        return None
    return _Filter([_with_words(words)], has_index=lacking)


def _in_state(state: CallState) -> ColumnElement[bool]:
    answered = Call.answered_at.is_not(None)
    match state:
        case "ringing":
            return ~answered
        case "talking":
            return and_(answered, Call.on_hold == false())
        case "held":
            return and_(answered, Call.on_hold == true())
        case "over":
            return Call.outcome.is_not(None)


def _with_words(words: WordsState) -> ColumnElement[bool]:
    # What a partial index says is written into the statement: the plan must know it to take that index.
    stopped = Call.words_stopped_at.is_not(None)
    match words:
        case "gaps":
            return Call.gaps > literal(0, literal_execute=True)
        case "stopped":
            return stopped
        case "none":
            return and_(Call.transcription.is_(None), ~stopped)
        case "failed" | "waiting_for_slot":
            return and_(Call.transcription == literal(words, literal_execute=True), ~stopped)
        case "shown":
            return and_(Call.transcription.not_in(("failed", "waiting_for_slot")), ~stopped)


def _ways(part: Part, keyring: Keyring) -> list[ColumnElement[bool]]:
    """Return the conditions, one for each key, for numbers with that part."""
    name, found = indexed(keyring, part)
    checks = [literal(each) == any_(Call.part_keys) for each in checked(keyring, part)]
    longer = [or_(*checks)] if checks else []
    return [and_(getattr(Call, name) == each, *longer) for each in found]


def _has_tag(tag_id: UUID) -> ColumnElement[bool]:
    return exists().where(CallTag.call_id == Call.id, CallTag.choice_id == tag_id)


def _days(at: InstrumentedAttribute[Any], which: CallFilter) -> list[ColumnElement[bool]]:
    since = [] if which.since is None else [at >= which.since]
    return since if which.until is None else [*since, at < which.until]
