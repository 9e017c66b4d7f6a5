"""A number's opening hours in words: whether it is open now, and the fields of its form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from db.base import Region
from db.opening_hours import Closed, Day, Open, is_open
from db.public_holidays import public_holidays
from db.queries.answering_plans import Plan
from web.numbers.hours_form import OWN_FIELDS, OWN_ROWS, WEEKDAYS, own_field
from web.request.callers import shown
from web.request.geography import REGIONS

_SPARE_ROWS = 3  # empty rows for further own days
_SOON = timedelta(days=6)  # until then a weekday says which day is meant


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a number is open now."""

    state: Literal["open", "closed"]
    words: str


def status(plan: Plan, usual_zone: str, now: datetime) -> Status:
    """Return what to say of a number; ``usual_zone`` is the organisation's time zone."""
    schedule = plan.schedule(usual_zone)
    if schedule is None:
        return Status("open", "Always open")
    found, here = is_open(schedule, now), now.astimezone(schedule.zone)
    change = found.until if isinstance(found, Open) else found.next_opening
    until = "" if change is None else f" until {_moment(change.astimezone(schedule.zone), here)}"
    if isinstance(found, Open):
        return Status("open", f"Open now{until}")
    return Status("closed", f"Closed{until}{_because(found, plan.region)}")


def _because(closed: Closed, region: Region | None) -> str:
    if closed.reason == "hours":
        return ""
    return f" ({closed.name}, {region})" if closed.reason == "public_holiday" else f" ({closed.name})"


def _moment(at: datetime, now: datetime) -> str:
    """Return ``17:00``, ``midnight``, ``Monday 9:00`` or ``4 January 9:00``; with the year from 300 days ahead on."""
    clock = clock_of(at.hour * 60 + at.minute)
    if at.date() == now.date():
        return clock
    if at.date() == now.date() + timedelta(days=1) and at.hour == at.minute == 0:
        return "midnight"
    if at - now <= _SOON:
        return f"{at:%A} {clock}"
    return f"{at.day} {at:%B} {clock}" if (at - now).days < 300 else f"{at.day} {at:%B %Y} {clock}"


def clock_of(minute: int) -> str:
    """Return a time of day as ``9:00``."""
    return f"{minute // 60}:{minute % 60:02}"


def hours_words(hours: Day) -> str:
    """Return the hours of a day as they are typed: ``9:00–12:30, 13:30–17:00``; "" if closed."""
    return ", ".join(f"{clock_of(opens)}–{clock_of(closes)}" for opens, closes in hours)


def typed(plan: Plan, today: date) -> dict[str, str]:
    """Return the fields of the form that stand for ``plan``; own days before ``today`` are left out."""
    filled = {"open": "always" if plan.week is None else "hours"}
    filled |= {name: hours_words(hours) for name, hours in zip(WEEKDAYS, plan.week or ((),) * 7, strict=True)}
    filled |= {"zone": plan.time_zone or "", "region": plan.region or ""}
    for row, period in enumerate(period for period in plan.own_days if period.last >= today):
        last = "" if period.last == period.first else period.last.isoformat()
        values = (period.first.isoformat(), last, period.name, hours_words(period.hours))
        filled |= dict(zip((own_field(row, part) for part in OWN_FIELDS), values, strict=True))
    for when, alternative in (("closed", plan.closed), ("unanswered", plan.unanswered)):
        filled[f"{when}_announcement"] = alternative.announcement or ""
        filled[f"{when}_overflow"] = "" if alternative.overflow is None else shown(alternative.overflow)
    return filled


def corrections(wrong: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return where to look for what is ``wrong``: fields of the form, and what they are called; each place once."""
    found: dict[str, str] = {}
    for name in wrong:
        when, _, what = name.partition("_")
        if name.startswith("own-"):
            words = "your own days"
        elif what:
            words = f"{what} {'outside hours' if when == 'closed' else 'when nobody answers'}"
        else:
            words = {"zone": "time zone", "region": "public holidays"}.get(name, name.capitalize())
        found.setdefault(words, name)
    return [(name, words) for words, name in found.items()]


def own_rows(fields: Mapping[str, str]) -> range:
    """Return the rows of own days that the form shows: those filled in, and some to fill in."""
    filled = [row for row in range(OWN_ROWS) if any(fields.get(own_field(row, part)) for part in OWN_FIELDS)]
    return range(min(OWN_ROWS, (filled[-1] + 1 if filled else 0) + _SPARE_ROWS))


def coming_holidays(region: Region, today: date, most: int = 4) -> list[tuple[date, str]]:
    """Return the next public holidays of ``region``."""
    both = {**public_holidays(region, today.year), **public_holidays(region, today.year + 1)}
    names = {
        day: holiday.name if not holiday.starts else f"{holiday.name} from {clock_of(holiday.starts)}"
        for day, holiday in both.items()
    }
    return [(day, name) for day, name in names.items() if day >= today][:most]


def changes(before: Plan, after: Plan) -> dict[str, str]:
    """Return what differs, as ``old → new`` by field."""
    old, new = _summary(before), _summary(after)
    return {name: f"{old[name] or 'nothing'} → {new[name] or 'nothing'}" for name in old if old[name] != new[name]}


def _summary(plan: Plan) -> dict[str, str]:
    return {
        "hours": "always open" if plan.week is None else _week_words(plan),
        "time_zone": plan.time_zone or "the organisation's",
        "public_holidays": REGIONS.get(plan.region or "", "none"),
        "own_days": "; ".join(
            f"{period.first} to {period.last} {period.name}: {hours_words(period.hours) or 'closed'}"
            for period in plan.own_days
        ),
        "words_outside_hours": plan.closed.announcement or "",
        "overflow_outside_hours": shown(plan.closed.overflow) if plan.closed.overflow else "",
        "words_unanswered": plan.unanswered.announcement or "",
        "overflow_unanswered": shown(plan.unanswered.overflow) if plan.unanswered.overflow else "",
    }


def _week_words(plan: Plan) -> str:
    days = zip(WEEKDAYS, plan.week or (), strict=False)
    return "; ".join(f"{name[:3].capitalize()} {hours_words(hours) or 'closed'}" for name, hours in days)


def zone_of(plan: Plan, usual_zone: str) -> ZoneInfo:
    """Return the time zone that the number's hours are in."""
    return ZoneInfo(plan.time_zone or usual_zone)
