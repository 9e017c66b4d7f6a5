"""Whether a number is open, in words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from db.opening_hours import Day, Week
from db.queries.answering_plans import Alternative, OwnDays, Plan
from web.numbers.hours_view import changes, coming_holidays, status

DAY: Day = ((540, 1020),)
OFFICE: Week = (DAY, DAY, DAY, DAY, DAY, (), ())
ALL_DAY: Day = ((0, 1440),)
ALWAYS: Week = (ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY)
NEVER: Week = ((), (), (), (), (), (), ())
MELBOURNE = "Australia/Melbourne"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(MELBOURNE)).astimezone(UTC)


@pytest.mark.parametrize(
    ("plan", "now", "state", "words"),
    [
        (Plan(), "2026-03-05T12:00", "open", "Always open"),
        (Plan(ALWAYS), "2026-03-05T12:00", "open", "Open now"),
        (Plan(NEVER), "2026-03-05T12:00", "closed", "Closed"),
        (Plan(OFFICE), "2026-03-05T12:00", "open", "Open now until 17:00"),
        (Plan(OFFICE), "2026-03-05T08:00", "closed", "Closed until 9:00"),
        (Plan(OFFICE), "2026-03-06T18:00", "closed", "Closed until Monday 9:00"),
        (Plan(OFFICE, None, "VIC"), "2026-03-08T18:00", "closed", "Closed until Tuesday 9:00 (Labour Day, VIC)"),
        (Plan(ALWAYS, None, "VIC"), "2026-03-08T18:00", "open", "Open now until midnight"),
        (
            Plan(OFFICE, own_days=(OwnDays(date(2026, 3, 5), date(2026, 3, 20), "Move"),)),
            "2026-03-05T12:00",
            "closed",
            "Closed until 23 March 9:00 (Move)",
        ),
        (Plan(OFFICE, "Australia/Perth"), "2026-03-05T18:00", "open", "Open now until 17:00"),
    ],
)
def test_status(plan: Plan, now: str, state: str, words: str) -> None:
    found = status(plan, MELBOURNE, at(now))
    assert (found.state, found.words) == (state, words)


def test_part_days_are_announced_with_their_hour() -> None:
    assert coming_holidays("SA", date(2026, 12, 20), 2) == [
        (date(2026, 12, 24), "Christmas Eve from 19:00"),
        (date(2026, 12, 25), "Christmas Day"),
    ]


def test_changes_are_recorded_by_field() -> None:
    before, after = Plan(), Plan(OFFICE, None, "VIC", closed=Alternative(None, "+61399990000"))
    assert set(changes(before, after)) == {"hours", "public_holidays", "overflow_outside_hours"}
    assert changes(after, after) == {}
