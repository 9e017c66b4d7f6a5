"""Read the form of a number's opening hours, as people type hours: ``9-5pm``, ``9:00–12:30, 13:30–17:00``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import cast, get_args

from db.base import Region
from db.opening_hours import MIDNIGHT, Day, Interval, Week
from db.queries.answering_plans import LONGEST_PERIOD, Alternative, OwnDays, Plan
from web.request.dialling import DiallingError
from web.request.geography import TIME_ZONES
from web.request.typed import digits_and_signs, tidy

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OWN_ROWS = 30  # own days that a number may have
OWN_FIELDS = ("first", "last", "name", "hours")
ALTERNATIVES = ("closed", "unanswered")
LONGEST_ANNOUNCEMENT = 500  # characters: about half a minute of speech
LONGEST_HOURS = 120  # characters of one day's hours
LONGEST_NAME = 60
_MOST_INTERVALS = 6  # in a day
_NOON = 12 * 60

_CLOSED = {"", "-", "closed", "none"}
_ALL_DAY = {"24 hours", "24 h", "24h", "all day", "always"}
_TIME = r"(?:(noon|midnight)|(2[0-4]|[01]?[0-9])(?:[:.h]([0-5][0-9]))? ?(am|pm|a\.m\.|p\.m\.)?)"
_RANGE = re.compile(rf"{_TIME} ?(?:-|to|until) ?{_TIME}")
_BETWEEN = re.compile(r" ?(?:,|;|&|\+|\band\b) ?")
_HOW = "Write hours like 9:00–17:00 or 9:00–12:30, 13:30–17:00. Leave it empty for a day that is closed."


class HoursError(ValueError):
    """The hours of a day cannot be read. The text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the form says: ``plan``, unless something is ``wrong`` (a sentence by field)."""

    plan: Plan = field(default_factory=Plan)
    wrong: Mapping[str, str] = field(default_factory=dict)


def fields() -> list[str]:
    """Return the names of all fields."""
    own = [own_field(row, part) for row in range(OWN_ROWS) for part in OWN_FIELDS]
    instead = [f"{when}_{part}" for when in ALTERNATIVES for part in ("announcement", "overflow")]
    return ["open", *WEEKDAYS, "zone", "region", *own, *instead]


def own_field(row: int, part: str) -> str:
    """Return the name of a field of the own days."""
    return f"own-{row}-{part}"


def read(typed: Mapping[str, str], dial: Callable[[str], str], today: date) -> Read:
    """Read the form. Own days before ``today`` are over.

    ``dial`` returns the number (E.164) that a text means; it raises `DiallingError` if that may not be called.
    """
    wrong: dict[str, str] = {}
    closed, unanswered = (_alternative(typed, when, dial, wrong) for when in ALTERNATIVES)
    if typed.get("open") != "hours":
        return Read(Plan(closed=closed, unanswered=unanswered), wrong)
    plan = Plan(
        week=_week(typed, wrong),
        time_zone=_one_of(typed, "zone", TIME_ZONES, wrong),
        region=cast("Region | None", _one_of(typed, "region", get_args(Region), wrong)),
        own_days=tuple(_own_days(typed, today, wrong)),
        closed=closed,
        unanswered=unanswered,
    )
    if not wrong and plan.week is not None and not any(plan.week) and not any(each.hours for each in plan.own_days):
        wrong[WEEKDAYS[0]] = "Enter the hours of at least one day, or choose that the number is always open."
    return Read(plan, wrong)


def read_hours(text: str) -> list[Interval]:
    """Return the hours that ``text`` means. What goes past midnight closes at more than `MIDNIGHT`.

    Raise `HoursError`.
    """
    plain = digits_and_signs(text).lower()
    if plain in _CLOSED:
        return []
    if plain in _ALL_DAY:
        return [(0, MIDNIGHT)]
    return [_interval(part) for part in _BETWEEN.split(plain)]


def _interval(text: str) -> Interval:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise HoursError(_HOW)
    begin, end = found.groups()[:4], found.groups()[4:]
    if begin[3] is None and end[3] is not None and begin[0] is None and int(begin[1]) <= 12:
        opens, closes = _minutes((*begin[:3], end[3])), _minutes(end)  # 1-5pm
        if opens >= closes:
            opens = _minutes((*begin[:3], "am" if end[3].startswith("p") else "pm"))  # 9-5pm
    else:
        opens, closes = _minutes(begin), _minutes(end)
    closes = closes or MIDNIGHT
    if opens >= MIDNIGHT or opens == closes:
        raise HoursError(_HOW)
    if closes < opens:
        if opens < _NOON and not (begin[3] and end[3]):  # 9-5
            raise HoursError(f"{text} would end on the next morning. Write afternoon times as 17:00 or 5pm.")
        closes += MIDNIGHT
    return opens, closes


def _minutes(time: Sequence[str | None]) -> int:
    """Return the minutes after midnight of (word, hour, minute, am or pm). Raise `HoursError`."""
    word, hour, minute, half = time
    if word is not None:
        return _NOON if word == "noon" else 0
    hours, minutes = int(hour or 0), int(minute or 0)
    if half is not None:
        if not 1 <= hours <= 12:
            raise HoursError(_HOW)
        hours = hours % 12 + (12 if half.startswith("p") else 0)
    if hours * 60 + minutes > MIDNIGHT:
        raise HoursError(_HOW)
    return hours * 60 + minutes


def _week(typed: Mapping[str, str], wrong: dict[str, str]) -> Week:
    """Read the week. What goes past midnight is part of the next day."""
    days: list[list[Interval]] = [[] for _ in WEEKDAYS]
    for at, name in enumerate(WEEKDAYS):
        try:
            for opens, closes in read_hours(_cut(typed.get(name, ""), LONGEST_HOURS)):
                days[at].append((opens, min(closes, MIDNIGHT)))
                if closes > MIDNIGHT:
                    days[(at + 1) % len(days)].append((0, closes - MIDNIGHT))
        except HoursError as error:
            wrong[name] = str(error)
    week = []
    for name, intervals in zip(WEEKDAYS, days, strict=True):
        try:
            week.append(_in_order(intervals))
        except HoursError as error:
            wrong.setdefault(name, str(error))
            week.append(())
    return cast(Week, tuple(week))


def _in_order(intervals: Sequence[Interval]) -> Day:
    """Return the hours of a day in order, joined where they touch. Raise `HoursError`."""
    joined: list[Interval] = []
    for opens, closes in sorted(intervals):
        if joined and opens < joined[-1][1]:
            raise HoursError("Two of these times overlap.")
        if joined and opens == joined[-1][1]:
            joined[-1] = (joined[-1][0], closes)
        else:
            joined.append((opens, closes))
    if len(joined) > _MOST_INTERVALS:
        raise HoursError(f"A day can have at most {_MOST_INTERVALS} periods.")
    return tuple(joined)


def _own_days(typed: Mapping[str, str], today: date, wrong: dict[str, str]) -> list[OwnDays]:
    found: list[OwnDays] = []
    for row in range(OWN_ROWS):
        given = {part: tidy(typed.get(own_field(row, part), "")) for part in OWN_FIELDS}
        if not any(given.values()):
            continue
        period = _own_period(row, given, today, wrong)
        if period is None:
            continue
        if any(period.first <= other.last and other.first <= period.last for other in found):
            wrong[own_field(row, "first")] = "These days are in the list already."
        found.append(period)
    return sorted(found, key=lambda period: period.first)


def _own_period(row: int, given: Mapping[str, str], today: date, wrong: dict[str, str]) -> OwnDays | None:
    first = _date(given["first"])
    last = _date(given["last"]) if given["last"] else first
    problems = {
        "first": "Enter a date." if first is None else "",
        "last": _period_problem(first, last, today),
        "name": _name_problem(given["name"]),
    }
    hours: Day = ()
    try:
        if any(closes > MIDNIGHT for _, closes in read_hours(_cut(given["hours"], LONGEST_HOURS))):
            raise HoursError("These hours must end by 24:00. Enter the next day as well.")
        hours = _in_order(read_hours(given["hours"]))
    except HoursError as error:
        problems["hours"] = str(error)
    wrong.update({own_field(row, part): problem for part, problem in problems.items() if problem})
    if first is None or last is None or problems["last"]:
        return None
    return OwnDays(first, last, given["name"], hours)


def _period_problem(first: date | None, last: date | None, today: date) -> str:
    if last is None:
        return "" if first is None else "That is not a date."
    if first is not None and last < first:
        return "The last day is before the first."
    if last < today:
        return "These days are over."
    too_long = first is not None and (last - first).days >= LONGEST_PERIOD
    return "Enter a year at most." if too_long or last.year > today.year + 5 else ""


def _name_problem(name: str) -> str:
    if not name:
        return "Give it a name, such as Stocktaking."
    return f"Use {LONGEST_NAME} characters at most." if len(name) > LONGEST_NAME else ""


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(digits_and_signs(text))
    except ValueError:
        return None


def _alternative(
    typed: Mapping[str, str], when: str, dial: Callable[[str], str], wrong: dict[str, str]
) -> Alternative:
    words, number = tidy(typed.get(f"{when}_announcement", "")), tidy(typed.get(f"{when}_overflow", ""))
    if len(words) > LONGEST_ANNOUNCEMENT:
        wrong[f"{when}_announcement"] = f"Use at most {LONGEST_ANNOUNCEMENT} characters: this has {len(words)}."
    elif words and not any(character.isalnum() for character in words):
        wrong[f"{when}_announcement"] = "It contains nothing that can be spoken."
    overflow = None
    if number:
        try:
            overflow = dial(number)
        except DiallingError as refusal:
            wrong[f"{when}_overflow"] = str(refusal)
    return Alternative(words or None, overflow)


def _one_of(typed: Mapping[str, str], name: str, choices: Collection[str], wrong: dict[str, str]) -> str | None:
    chosen = tidy(typed.get(name, ""))
    if chosen and chosen not in choices:
        wrong[name] = "Choose one from the list."
    return chosen or None


def _cut(text: str, longest: int) -> str:
    if len(text) > longest:
        raise HoursError(_HOW)
    return text
