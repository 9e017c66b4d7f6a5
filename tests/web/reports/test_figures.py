"""Figures beside those of the period before, bars, and parts of a whole."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from db.queries.reports.counts import Counts
from web.reports import chart, tables
from web.reports.chart import HEIGHT
from web.reports.figures import NONE, SAME, Figure, figures
from web.reports.period import Period

FIRST = date(2026, 11, 23)


def _figures(now: Counts, before: Counts) -> dict[str, Figure]:
    return {each.key: each for each in figures(now, before)}


def _shown(figure: Figure) -> tuple[str, str, str, str | None]:
    return figure.value, figure.before, figure.change, figure.verdict


def test_figures_beside_those_before() -> None:
    now = Counts(
        inbound=1250,
        answered=1000,
        missed=250,
        outbound=10,
        reached=5,
        answer_wait_s=20_000,
        talk_s=201_000,
        wait_bands=(400, 400, 200, 0, 0, 0, 0),
    )
    before = Counts(
        inbound=1000,
        answered=800,
        missed=200,
        outbound=10,
        reached=4,
        answer_wait_s=24_000,
        talk_s=160_800,
        wait_bands=(400, 400, 0, 0, 0, 0, 0),
    )
    found = _figures(now, before)
    assert _shown(found["inbound"]) == ("1,250", "1,000", "+25 %", None)
    assert _shown(found["answered"]) == ("1,000", "800", "+25 %", None)
    assert _shown(found["answered-share"]) == ("80 %", "80 %", SAME, "even")
    assert _shown(found["missed"]) == ("250", "200", "+25 %", "worse")
    assert _shown(found["wait"]) == ("0:20", "0:30", "0:10 shorter", "better")
    assert _shown(found["soon"]) == ("80 %", "100 %", "−20 points", "worse")
    assert _shown(found["outbound"]) == ("10", "10", SAME, None)
    assert _shown(found["reached"]) == ("50 %", "40 %", "+10 points", None)
    assert _shown(found["talk"]) == ("3:20", "3:20", SAME, None)


def test_nothing_to_compare_with() -> None:
    found = _figures(Counts(inbound=3, missed=3), Counts())
    assert _shown(found["inbound"]) == ("3", "0", "+3", None)
    assert _shown(found["answered-share"]) == ("0 %", NONE, "", None)
    assert _shown(found["wait"]) == (NONE, NONE, "", None)


@pytest.mark.parametrize("days", [1, 7, 92])
def test_a_bar_for_each_day(days: int) -> None:
    period = Period(FIRST, FIRST + timedelta(days=days - 1))
    drawn = chart.by_day({FIRST: Counts(inbound=4, answered=3, missed=1)}, period)
    assert (len(drawn.bars), drawn.top) == (days, 4)
    [answered, missed] = drawn.bars[0].segments
    assert (answered.series, missed.series) == ("answered", "missed")
    assert answered.height + missed.height == HEIGHT
    assert (answered.y + answered.height, missed.y + missed.height) == (HEIGHT, answered.y)
    assert all(not bar.segments for bar in drawn.bars[1:])


def test_long_periods_are_drawn_by_week_and_nothing_is_lost() -> None:
    period = Period(date(2026, 1, 1), date(2026, 12, 31))
    drawn = chart.by_day({day: Counts(inbound=1, answered=1) for day in period.days}, period)
    assert len(drawn.bars) == 53
    assert sum(bar.counts.answered for bar in drawn.bars) == 365
    assert drawn.bars[0].name == "1 to 4 January 2026"
    assert drawn.bars[1].name == "5 to 11 January 2026"


def test_hours_have_their_names() -> None:
    drawn = chart.by_hour({0: Counts(inbound=1, missed=1), 12: Counts(outbound=2)})
    names = [bar.name for bar in drawn.bars]
    assert (names[0], names[11], names[12], names[23]) == (
        "12 am to 1 am",
        "11 am to 12 pm",
        "12 pm to 1 pm",
        "11 pm to 12 am",
    )
    assert [bar.counts.calls for bar in drawn.bars if bar.counts.calls] == [1, 2]


def test_no_calls_are_no_bars() -> None:
    drawn = chart.by_hour({})
    assert (drawn.top, [bar.segments for bar in drawn.bars]) == (0, [[]] * 24)


def test_missed_calls_whose_reason_is_not_known_are_named() -> None:
    parts = tables.reasons(Counts(missed=10, caller_left=4, declined=5))
    assert sum(part.count for part in parts) == 10
    assert (parts[-1].count, parts[-1].share) == (1, "10 %")
    assert max(part.of_largest for part in parts) == 100
    assert sum(part.count for part in tables.reasons(Counts())) == 0
