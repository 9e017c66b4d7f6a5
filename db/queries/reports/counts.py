"""What was counted, summed up over days: as a whole, by day, by hour, by line, by agent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from db.base import CountSplit, among
from db.models import CallCount, Member, Number
from db.queries.log.call_times import BANDS
from db.queries.reports import live, recounts
from db.queries.reports.live import Live

_BAND_COUNT = len(BANDS) + 1
_LARGEST = ("longest_wait_s", "longest_s")
_BY_BAND = ("wait_bands", "length_bands")
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many calls ended how, and how long they took: `db.models.CallCount` says what each is."""

    inbound: int = 0
    answered: int = 0
    overflowed: int = 0
    missed: int = 0
    caller_left: int = 0
    nobody_answered: int = 0
    declined: int = 0
    nobody_available: int = 0
    outside_hours: int = 0
    outbound: int = 0
    reached: int = 0
    unanswered: int = 0
    busy: int = 0
    failed: int = 0
    answer_wait_s: int = 0
    missed_wait_s: int = 0
    length_s: int = 0
    talk_s: int = 0
    held_s: int = 0
    longest_wait_s: int = 0
    longest_s: int = 0
    wait_bands: tuple[int, ...] = field(default=(0,) * _BAND_COUNT)
    length_bands: tuple[int, ...] = field(default=(0,) * _BAND_COUNT)

    @property
    def calls(self) -> int:
        """The number of calls that began, but for blocked ones."""
        return self.inbound + self.outbound

    @property
    def talked(self) -> int:
        """The number of calls in which two people talked."""
        return self.answered + self.reached

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{each.name: _added(each.name, self, other) for each in fields(Counts)})


class Reports:
    """The counts of one organisation's calls. Days are its own, both ends included."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def live(self, now: datetime) -> Live:
        """Return what goes on now, and what did in the last 24 hours: from the calls themselves."""
        return await live.read(self._session, self._organisation_id, now)

    async def counted_until(self) -> datetime | None:
        """Return since when changes of calls are not in the counts yet; None if all are."""
        return await recounts.oldest(self._session, self._organisation_id)

    async def total(self, first: date, last: date) -> Counts:
        """Return the counts of all calls."""
        rows = await self._session.execute(select(*_sums()).where(*self._days("hour", first, last)))
        return _counts(rows.one())

    async def by_day(self, first: date, last: date) -> Mapping[date, Counts]:
        """Return the counts of each day; a day without calls is left out."""
        return await self._by(CallCount.day, "hour", first, last)

    async def by_hour(self, first: date, last: date) -> Mapping[int | None, Counts]:
        """Return the counts of each hour of the day, 0 to 23; one without calls is left out."""
        return await self._by(CallCount.hour, "hour", first, last)

    async def by_line(self, first: date, last: date) -> Mapping[UUID | None, Counts]:
        """Return the counts of each of our numbers; None: calls of which none is known."""
        return await self._by(CallCount.number_id, "line", first, last)

    async def by_agent(self, first: date, last: date) -> Mapping[UUID | None, Counts]:
        """Return the counts of each member who answered calls or dialled them."""
        return await self._by(CallCount.agent_id, "agent", first, last)

    async def lines(self) -> Mapping[UUID, Number]:
        """Return our numbers by id, also those that were released."""
        mine = select(Number).where(Number.organisation_id == self._organisation_id)
        return {number.id: number for number in await self._session.scalars(mine)}

    async def agents(self, ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Return these members' names by id, also of those who were removed."""
        theirs = select(Member).where(Member.organisation_id == self._organisation_id, among(Member.id, ids))
        return {member.id: member.name for member in await self._session.scalars(theirs)}

    async def _by(
        self, key: InstrumentedAttribute[_Key], split: CountSplit, first: date, last: date
    ) -> Mapping[_Key, Counts]:
        sums = select(key, *_sums()).where(*self._days(split, first, last)).group_by(key).order_by(key)
        return {row[0]: _counts(row[1:]) for row in await self._session.execute(sums)}

    def _days(self, split: CountSplit, first: date, last: date) -> tuple[ColumnElement[bool], ...]:
        mine = CallCount.organisation_id == self._organisation_id
        return mine, CallCount.split == split, CallCount.day.between(first, last)


def _sums() -> list[ColumnElement[Any]]:
    """Return a sum for each field of `Counts`; of bands, one for each of them."""
    found: list[ColumnElement[Any]] = []
    for each in fields(Counts):
        column = getattr(CallCount, each.name)
        if each.name in _BY_BAND:
            found += [func.coalesce(func.sum(column[band + 1]), 0) for band in range(_BAND_COUNT)]
        else:
            found.append(func.coalesce((func.max if each.name in _LARGEST else func.sum)(column), 0))
    return found


def _counts(row: Any) -> Counts:
    values, taken = [int(value) for value in row], iter(fields(Counts))
    single = len(values) - len(_BY_BAND) * _BAND_COUNT
    by_name: dict[str, Any] = {next(taken).name: value for value in values[:single]}
    for place, name in enumerate(_BY_BAND):
        begin = single + place * _BAND_COUNT
        by_name[name] = tuple(values[begin : begin + _BAND_COUNT])
    return Counts(**by_name)


def _added(name: str, one: Counts, other: Counts) -> Any:
    ours, theirs = getattr(one, name), getattr(other, name)
    if name in _BY_BAND:
        return tuple(map(sum, zip(ours, theirs, strict=True)))
    return max(ours, theirs) if name in _LARGEST else ours + theirs
