"""The ways to a page of the call log: along which index, how far, and what is checked there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    TableValuedAlias,
    and_,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)

from db.models import Call, CallTag
from db.paging import Cursor
from db.queries.log.conditions import Condition, OneOf, between

WALK = 5_000
"""How many calls are looked up for one page, at most."""
_TAG_COSTS = 5  # times as much as a call, to look up one with its tags
_INDEX_READS = 5  # calls are read from an index alone while one is looked up
_MOST_BRANCHES = 30  # indexes walked along side by side: for a larger group, agents are checked
Way = ColumnElement[bool] | UUID
"""What an index is walked along for; a UUID is a tag's."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The calls of one organisation from ``since`` until ``until``, in one order, behind ``after``."""

    organisation_id: UUID
    since: datetime | None
    until: datetime | None
    after: Cursor | None
    is_oldest_first: bool

    def along(self, way: Way, *checks: ColumnElement[bool]) -> Select[datetime, UUID]:
        """Select time and id of its calls along the index of ``way``, in order; and whether they pass ``checks``."""
        at: Any = Call.started_at
        call: Any = Call.id
        passes = [and_(*checks).label("passes")] if checks else []
        if isinstance(way, UUID):
            at, call = CallTag.started_at, CallTag.call_id
            rows: Any = select(at.label("started_at"), call.label("id"), *passes)
            rows = rows.join(Call, Call.id == CallTag.call_id) if checks else rows
            rows = rows.where(CallTag.organisation_id == self.organisation_id, CallTag.choice_id == way)
            rows = rows.where(at.is_not(None))
        else:
            rows = select(at, call, *passes).where(Call.organisation_id == self.organisation_id, way)
        rows = rows.where(*between(at, self.since, self.until))
        if self.after is not None:
            here, there = tuple_(at, call), tuple_(self.after.at, self.after.id)
            rows = rows.where(here > there if self.is_oldest_first else here < there)
        in_order: Select[datetime, UUID] = rows.order_by(*self.ordered(at, call))
        return in_order

    def ordered(self, at: Any, call: Any) -> tuple[Any, Any]:
        """Return what sorts by ``at`` and ``call`` in its order."""
        return (at, call) if self.is_oldest_first else (at.desc(), call.desc())

    def first(self, keys: Sequence[Cursor]) -> Cursor:
        """Return the one that is reached first."""
        choose = min if self.is_oldest_first else max
        return choose(keys, key=lambda key: (key.at, key.id))


class Walk:
    """Along the indexes of one condition, side by side if it has several ways; the others are checked."""

    def __init__(
        self, stretch: Stretch, conditions: Sequence[Condition], *, limit: int, most: int, has_tag: bool
    ) -> None:
        first = next((each for each in conditions[:1] if each.has_index and _width(each) <= _MOST_BRANCHES), None)
        checks = [each.check for each in (conditions if first is None else conditions[1:])]
        self._stretch = stretch
        self._width = 1 if first is None else _width(first)
        self._steps = max(1, _looked_up(most, has_tag=has_tag) // self._width) if checks else limit + 1
        self.may_be_cut = bool(checks)
        self.has_one_end = self._width == 1
        self._each = None if first is None or first.one_of is None else _unnested(first.one_of)
        self._branches = [stretch.along(way, *checks) for way in self._ways(first)]

    def matches(self, count: int) -> Select[datetime, UUID]:
        """Select time and id of the first ``count`` calls that match, or more.

        A call may be found twice: by the beginning of its number and by its end.
        """
        walked = _together([branch.limit(self._steps) for branch in self._branches], self._each)
        rows = select(walked.c.started_at, walked.c.id)
        rows = rows.where(walked.c.passes) if self.may_be_cut else rows
        rows = rows.order_by(*self._stretch.ordered(walked.c.started_at, walked.c.id))
        return rows.limit(count * min(2, self._width))

    def ends(self) -> Select[datetime, UUID]:
        """Select where each branch stopped before its end."""
        return _ends(self._branches, self._steps, self._each)

    def _ways(self, first: Condition | None) -> Sequence[Way]:
        if first is None:
            return [true()]
        if first.tag_id is not None:
            return [first.tag_id]
        if first.one_of is not None and self._each is not None:
            return [first.one_of.column == self._each.c.value]
        return first.ways


class Join:
    """Along the indexes of two narrow conditions at once, without looking up a call that meets only one of them."""

    may_be_cut = True
    has_one_end = True  # what meets both lies before the ends of both

    def __init__(
        self, stretch: Stretch, pair: Sequence[Condition], others: Sequence[Condition], *, most: int
    ) -> None:
        self._stretch = stretch
        self._checks = [each.check for each in others]
        self._few = _looked_up(most, has_tag=True)
        self._steps = most * _INDEX_READS
        self._branches = [stretch.along(each.ways[0] if each.tag_id is None else each.tag_id) for each in pair]

    def are_many(self) -> Select[bool, bool]:
        """Select whether more calls meet each of the two than can be looked up.

        Of one that is met by fewer, all are looked up instead, however far they go back.
        """
        one, other = (exists(branch.offset(self._few).limit(1)) for branch in self._branches)
        return select(one, other)

    def matches(self, count: int) -> Select[datetime, UUID]:
        """Select time and id of the first ``count`` calls that match."""
        one, other = self._limited()
        rows = select(one.c.started_at, one.c.id)
        rows = rows.join(other, and_(one.c.started_at == other.c.started_at, one.c.id == other.c.id))
        if self._checks:
            rows = rows.join(Call, Call.id == one.c.id).where(*self._checks)
        return rows.order_by(*self._stretch.ordered(one.c.started_at, one.c.id)).limit(count)

    def ends(self) -> Select[datetime, UUID]:
        """Select where each of the two stopped before its end."""
        return _ends(self._branches, self._steps, None)

    def _limited(self) -> Sequence[Subquery]:
        return [branch.limit(self._steps).subquery() for branch in self._branches]


def is_pair(conditions: Sequence[Condition]) -> bool:
    """Return whether the first two of ``conditions`` can be joined."""
    first_two = conditions[:2]
    return len(first_two) == 2 and all(each.is_narrow and len(each.ways) == 1 for each in first_two)


def _looked_up(most: int, *, has_tag: bool) -> int:
    return max(1, most // _TAG_COSTS) if has_tag else most


def _width(condition: Condition) -> int:
    """Return how many indexes are walked along side by side."""
    return max(1, len(condition.ways if condition.one_of is None else condition.one_of.values))


def _unnested(one_of: OneOf) -> TableValuedAlias:
    values = literal(list(one_of.values), ARRAY(one_of.column.type))
    return func.unnest(values).table_valued("value", name="each").render_derived()


def _ends(
    branches: Sequence[Select[datetime, UUID]], steps: int, each: TableValuedAlias | None
) -> Select[datetime, UUID]:
    ends = _together([branch.offset(steps - 1).limit(1) for branch in branches], each)
    return select(ends.c.started_at, ends.c.id)


def _together(branches: Sequence[Select[datetime, UUID]], each: TableValuedAlias | None) -> FromClause:
    """Return the rows of all ``branches``; of the only one, for each value of ``each``."""
    if each is None:
        return (union_all(*branches) if len(branches) > 1 else branches[0]).subquery()
    of_each = branches[0].lateral()
    return select(of_each).select_from(each).join(of_each, true()).subquery()
