"""Which days are asked for: typed, guessed, swapped, refused."""

from __future__ import annotations

from datetime import date

import pytest

from web.reports.period import LONGEST, Period, asked, choices

TODAY = date(2026, 11, 29)
USUAL = Period(date(2026, 11, 23), TODAY)


@pytest.mark.parametrize(
    ("typed", "period"),
    [
        ({}, USUAL),
        ({"from": "2026-11-01", "to": "2026-11-03"}, Period(date(2026, 11, 1), date(2026, 11, 3))),
        ({"from": "2026-11-01"}, Period(date(2026, 11, 1), TODAY)),
        ({"from": "2026-12-24"}, Period(date(2026, 12, 24), date(2026, 12, 24))),
        ({"to": "2026-11-10"}, Period(date(2026, 11, 4), date(2026, 11, 10))),
        ({"from": " 2026-11-29 ", "to": "2026–11–29"}, Period(TODAY, TODAY)),
    ],
)
def test_days(typed: dict[str, str], period: Period) -> None:
    found = asked(typed, TODAY)
    assert (found.period, found.swapped, found.wrong) == (period, False, None)


def test_days_the_wrong_way_round_are_swapped() -> None:
    found = asked({"from": "2026-11-03", "to": "2026-11-01"}, TODAY)
    assert (found.period, found.swapped) == (Period(date(2026, 11, 1), date(2026, 11, 3)), True)
    assert found.typed == found.period.query


@pytest.mark.parametrize(
    "typed",
    [{"from": "yesterday"}, {"to": "2026-02-30"}, {"from": "1066-01-01"}, {"from": "2024-01-01", "to": "2026-11-01"}],
)
def test_what_is_no_period_is_said_and_the_usual_one_shown(typed: dict[str, str]) -> None:
    found = asked(typed, TODAY)
    assert found.wrong
    assert (found.period, found.typed) == (USUAL, typed)


def test_the_longest_period() -> None:
    first, last = date(2024, 11, 29), date(2026, 11, 29)
    assert Period(first, last).length == LONGEST
    assert asked(Period(first, last).query, TODAY).wrong is None


def test_the_period_before_is_as_long_and_ends_just_before() -> None:
    assert USUAL.before == Period(date(2026, 11, 16), date(2026, 11, 22))
    assert USUAL.before.length == USUAL.length == len(USUAL.days)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (TODAY, TODAY, "Sunday 29 November 2026"),
        (date(2026, 11, 1), TODAY, "1 to 29 November 2026"),
        (date(2026, 10, 1), TODAY, "1 October to 29 November 2026"),
        (date(2025, 10, 1), TODAY, "1 October 2025 to 29 November 2026"),
    ],
)
def test_it_is_said_as_australians_say_it(first: date, last: date, words: str) -> None:
    assert Period(first, last).words == words


def test_choices_in_march() -> None:
    found = dict(choices(date(2026, 3, 1)))
    assert found["This month"] == Period(date(2026, 3, 1), date(2026, 3, 1))
    assert found["February"] == Period(date(2026, 2, 1), date(2026, 2, 28))
    assert found["Yesterday"] == Period(date(2026, 2, 28), date(2026, 2, 28))
