"""Opening hours as people type them."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
from hypothesis import given, strategies as st

from db.opening_hours import MIDNIGHT, Day
from db.queries.answering_plans import Alternative, OwnDays, Plan
from web.numbers.hours_form import LONGEST_ANNOUNCEMENT, OWN_ROWS, WEEKDAYS, HoursError, fields, read, read_hours
from web.numbers.hours_view import hours_words, typed
from web.request.dialling import dialled

TODAY = date(2026, 11, 29)
DIAL = partial(dialled, countries=("AU",))
HOURS = {"open": "hours", "monday": "9:00–17:00"}


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", []),
        ("closed", []),
        ("-", []),
        ("9:00–17:00", [(540, 1020)]),
        ("09:00-17:00", [(540, 1020)]),
        ("9.00 – 17.30", [(540, 1050)]),
        ("9-17", [(540, 1020)]),
        ("9 to 17", [(540, 1020)]),
        ("9am-5pm", [(540, 1020)]),
        ("9 AM – 5 PM", [(540, 1020)]),
        ("9-5pm", [(540, 1020)]),
        ("1-5pm", [(780, 1020)]),
        ("11-2pm", [(660, 840)]),
        ("12-5pm", [(720, 1020)]),
        ("noon to midnight", [(720, MIDNIGHT)]),
        ("12am-12pm", [(0, 720)]),
        ("0:00–24:00", [(0, MIDNIGHT)]),
        ("24 hours", [(0, MIDNIGHT)]),
        ("18:00–0:00", [(1080, MIDNIGHT)]),
        ("9:00–12:30, 13:30–17:00", [(540, 750), (810, 1020)]),
        ("9–12; 13–17", [(540, 720), (780, 1020)]),
        ("9-12 and 1pm-5pm", [(540, 720), (780, 1020)]),
        ("22:00–6:00", [(1320, MIDNIGHT + 360)]),
        ("10pm-6am", [(1320, MIDNIGHT + 360)]),
        ("\u202a9:00\u00a0\u2011\u00a017:00\u202c", [(540, 1020)]),
    ],
)
def test_hours_are_read_as_they_were_meant(text: str, hours: list[tuple[int, int]]) -> None:
    assert read_hours(text) == hours


@pytest.mark.parametrize(
    "text",
    [
        "9-5",
        "9",
        "nine to five",
        "25-26",
        "9:60-10",
        "13pm-14pm",
        "0am-1am",
        "9-9",
        "24:00-24:00",
        "9-17,",
        "24:30-3",
    ],
)
def test_what_is_no_time_or_may_be_two_is_refused(text: str) -> None:
    with pytest.raises(HoursError):
        read_hours(text)


@given(st.text(max_size=40))
def test_any_text_is_hours_or_refused(text: str) -> None:
    try:
        hours = read_hours(text)
    except HoursError:
        return
    assert all(0 <= opens < closes <= 2 * MIDNIGHT and opens < MIDNIGHT for opens, closes in hours)


@given(st.lists(st.integers(0, MIDNIGHT), max_size=6, unique=True))
def test_hours_that_are_shown_are_read_as_the_same(marks: list[int]) -> None:
    ordered = sorted(marks)
    hours: Day = tuple(zip(ordered[::2], ordered[1::2], strict=False))
    assert tuple(read_hours(hours_words(hours))) == hours


def test_a_night_goes_on_into_the_next_day_and_sunday_into_monday() -> None:
    plan = read({"open": "hours", "friday": "22:00–2:00", "sunday": "20-4", "saturday": "2-3"}, DIAL, TODAY).plan
    assert plan.week is not None
    assert plan.week[4] == ((1320, MIDNIGHT),)
    assert plan.week[5] == ((0, 180),)  # touching, so one
    assert (plan.week[6], plan.week[0]) == (((1200, MIDNIGHT),), ((0, 240),))


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"monday": "9-12, 11-13"}, "monday"),
        ({"tuesday": "9-5"}, "tuesday"),
        ({"friday": "22:00–6:00", "saturday": "5:00–9:00"}, "saturday"),
        ({"monday": ""}, "monday"),
        ({"monday": "1-2, 3-4, 5-6, 7-8, 9-10, 11-12, 13-14"}, "monday"),
        ({"monday": "9-10" + " " * 200 + "x"}, "monday"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"region": "XYZ"}, "region"),
        ({"closed_overflow": "000"}, "closed_overflow"),
        ({"unanswered_overflow": "+44 20 7946 0958"}, "unanswered_overflow"),
        ({"closed_announcement": "x" * (LONGEST_ANNOUNCEMENT + 1)}, "closed_announcement"),
        ({"unanswered_announcement": "…!"}, "unanswered_announcement"),
        ({"own-0-first": "soon", "own-0-name": "x"}, "own-0-first"),
        ({"own-0-first": "2026-12-01"}, "own-0-name"),
        ({"own-0-first": "2026-12-01", "own-0-name": "x" * 61}, "own-0-name"),
        ({"own-0-first": "2026-12-02", "own-0-last": "2026-12-01", "own-0-name": "x"}, "own-0-last"),
        ({"own-0-first": "2026-11-28", "own-0-name": "x"}, "own-0-last"),
        ({"own-0-first": "2026-12-01", "own-0-last": "2028-12-01", "own-0-name": "x"}, "own-0-last"),
        ({"own-0-first": "9999-12-01", "own-0-last": "9999-12-31", "own-0-name": "x"}, "own-0-last"),
        ({"own-0-first": "2026-12-01", "own-0-name": "x", "own-0-hours": "22:00–2:00"}, "own-0-hours"),
        ({"own-0-hours": "9-17"}, "own-0-first"),
        (
            {
                "own-0-first": "2026-12-01",
                "own-0-last": "2026-12-03",
                "own-0-name": "x",
                "own-1-first": "2026-12-03",
                "own-1-name": "y",
            },
            "own-1-first",
        ),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(more: dict[str, str], field: str) -> None:
    wrong = read(HOURS | more, DIAL, TODAY).wrong
    assert field in wrong
    assert set(wrong) <= set(fields())


def test_a_number_that_is_always_open_may_still_have_an_overflow() -> None:
    said = read({"open": "always", "monday": "nonsense", "unanswered_overflow": "0412 345 678"}, DIAL, TODAY)
    assert said.plan == Plan(unanswered=Alternative(None, "+61412345678"))
    assert said.wrong == {}


def test_the_form_of_a_plan_is_read_as_the_plan() -> None:
    shutdown = OwnDays(date(2026, 12, 24), date(2027, 1, 4), "Shutdown")
    open_day = OwnDays(date(2027, 1, 26), date(2027, 1, 26), "Open on Australia Day", ((600, 900),))
    week = (((540, 750), (810, 1020)), ((0, MIDNIGHT),), (), (), ((540, 1020),), (), ())
    plan = Plan(
        week,
        "Australia/Perth",
        "WA",
        (shutdown, open_day),
        Alternative("We are closed.", "+61255501111"),
        Alternative("Sorry.", None),
    )
    assert read(typed(plan, TODAY), DIAL, TODAY).plan == plan
    assert read(typed(plan, date(2027, 1, 5)), DIAL, TODAY).plan.own_days == (open_day,)


def test_all_fields_fit_into_one_form() -> None:
    assert len(fields()) == len(set(fields())) < 190
    assert OWN_ROWS >= 20
    assert set(WEEKDAYS) <= set(fields())
