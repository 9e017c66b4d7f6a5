"""When a number is open: weekly hours, public holidays and the organisation's own days. Pure.

Hours are what clocks on the wall show in the schedule's time zone. When clocks go back, an interval begins at the
first time they show its beginning and ends at the last time they show its end; a time that clocks skip is the moment
at which they do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from db.base import Region
from db.public_holidays import public_holidays

MIDNIGHT = 24 * 60  # minutes: the end of a day
_DAY = timedelta(days=1)
_AHEAD = 400  # days that are looked through for the next opening: more than a year
_LONG = timedelta(days=8)  # open for longer: nobody waits for it to close

Interval = tuple[int, int]
"""Opens and closes, in minutes after midnight: 0 <= opens < closes <= `MIDNIGHT`. Past midnight, it is two."""
Day = tuple[Interval, ...]
"""The hours of one day, in order and without overlaps; empty: closed."""
Week = tuple[Day, Day, Day, Day, Day, Day, Day]
"""Monday first."""
Reason = Literal["hours", "public_holiday", "own_day"]


@dataclass(frozen=True, slots=True)
class OwnDay:
    """A day with hours of its own, whatever the week and the calendar say."""

    name: str
    hours: Day = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a number is open."""

    week: Week
    zone: ZoneInfo
    region: Region | None = None
    """Whose public holidays are kept; None: it is open on all of them."""
    own_days: Mapping[date, OwnDay] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Open:
    """It is open, ``until`` then (UTC); None: for more than a week."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """It is closed. ``next_opening`` is UTC; None if there is none within a year.

    ``reason`` is what keeps it closed until then: a day called ``name``, or else the usual hours.
    """

    reason: Reason
    next_opening: datetime | None
    name: str = ""


def is_open(schedule: Schedule | None, at: datetime) -> Open | Closed:
    """Return whether ``schedule`` is open ``at`` that moment (with a time zone). None is always open."""
    if schedule is None:
        return Open()
    first = _first_opening(schedule, at)
    if first is None:
        return _closed(schedule, at, None)
    opens, closes = first
    return Open(closes) if opens <= at else _closed(schedule, at, opens)


def _closed(schedule: Schedule, at: datetime, next_opening: datetime | None) -> Closed:
    """Name the first day whose usual hours, between now and ``next_opening``, are not kept."""
    day = _today(schedule, at)
    last = day + _AHEAD * _DAY if next_opening is None else _today(schedule, next_opening)
    while day <= last:
        reason, name = _special(schedule, day)
        usual = _instants(schedule.zone, day, schedule.week[day.weekday()])
        if reason != "hours" and any(closes > at and _is_before(opens, next_opening) for opens, closes in usual):
            return Closed(reason, next_opening, name)
        day += _DAY
    return Closed("hours", next_opening)


def _is_before(moment: datetime, other: datetime | None) -> bool:
    return other is None or moment < other


def _first_opening(schedule: Schedule, at: datetime) -> tuple[datetime, datetime | None] | None:
    """Return from when until when it is open, the first time that ends after ``at``; hours that touch are one."""
    yesterday = _today(schedule, at) - _DAY
    opens: datetime | None = None
    closes = at
    for day in (yesterday + number * _DAY for number in range(_AHEAD)):
        for begins, ends in _instants(schedule.zone, day, hours_of(schedule, day)):
            if opens is not None and begins > closes:
                return opens, closes
            if ends > at:
                opens, closes = begins if opens is None else opens, ends
        if opens is not None and closes > opens + _LONG and closes > at + _LONG:
            return opens, None
    return None if opens is None else (opens, closes)


def hours_of(schedule: Schedule, day: date) -> Day:
    """Return the hours of ``day``."""
    own = schedule.own_days.get(day)
    if own is not None:
        return own.hours
    usual = schedule.week[day.weekday()]
    holiday = public_holidays(schedule.region, day.year).get(day) if schedule.region else None
    if holiday is None:
        return usual
    return tuple((opens, min(closes, holiday.starts)) for opens, closes in usual if opens < holiday.starts)


def _special(schedule: Schedule, day: date) -> tuple[Reason, str]:
    own = schedule.own_days.get(day)
    if own is not None:
        return "own_day", own.name
    holiday = public_holidays(schedule.region, day.year).get(day) if schedule.region else None
    return ("hours", "") if holiday is None else ("public_holiday", holiday.name)


def _today(schedule: Schedule, at: datetime) -> date:
    return at.astimezone(schedule.zone).date()


def _instants(zone: ZoneInfo, day: date, hours: Sequence[Interval]) -> list[tuple[datetime, datetime]]:
    """Return the hours of ``day`` as moments, without those that the clocks skip as a whole."""
    moments = [(_first(zone, day, opens), _last(zone, day, closes)) for opens, closes in hours]
    return [(opens, closes) for opens, closes in moments if opens < closes]


def _first(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """Return when clocks in ``zone`` first show that minute of ``day``, or skip it."""
    return _moments(zone, day, minute)[0]


def _last(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """Return when clocks in ``zone`` last show that minute of ``day``, or skip it."""
    return _moments(zone, day, minute)[1]


def _moments(zone: ZoneInfo, day: date, minute: int) -> tuple[datetime, datetime]:
    wall = datetime.combine(day, time.min, zone) + timedelta(minutes=minute)
    first, last = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= last:
        return first, last
    # Skipped: PEP 495 gives a moment after the clocks were changed, and one before.
    minutes = range((first - last) // timedelta(minutes=1) + 1)
    before = last.astimezone(zone).utcoffset()
    changed = bisect_left(
        minutes, True, key=lambda each: (last + timedelta(minutes=each)).astimezone(zone).utcoffset() != before
    )
    moment = last + timedelta(minutes=changed)
    return moment, moment
