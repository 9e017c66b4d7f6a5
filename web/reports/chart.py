"""Bars of counts over time, as the parts of an SVG. Pure.

Bars have no text in them: the drawing is stretched to the page's width, and text would be, too. Numbers and names
stand beside it, and in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from db.queries.reports.counts import Counts
from web.reports.period import Period, spoken

HEIGHT = 100  # units, of which the highest bar has all
STEP = 10  # units from one bar to the next
_BAR = 8
_MOST_DAYS = 92  # bars; longer periods are drawn by week
_LABELS = 8
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar; ``series`` is what it counts."""

    series: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: calls of an hour, a day, or a week.

    ``label`` stands under it where there is room; ``is_minor``: not on a narrow screen.
    """

    name: str
    label: str
    x: int
    counts: Counts
    segments: Sequence[Segment]
    is_minor: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing ``width`` by `HEIGHT`; ``top`` is how many calls its height is."""

    bars: Sequence[Bar]
    top: int

    width_of_bar = _BAR

    @property
    def width(self) -> int:
        return STEP * len(self.bars)


_SERIES: Sequence[tuple[str, Callable[[Counts], int]]] = (
    ("answered", lambda each: each.answered),
    ("missed", lambda each: each.missed),
    ("outbound", lambda each: each.outbound),
)


def by_day(counts: Mapping[date, Counts], period: Period) -> Chart:
    """Return a bar for each day of ``period``, or for each week if there are too many."""
    days = period.days
    if len(days) <= _MOST_DAYS:
        named = [(f"{day:%A} {spoken(day)}", f"{day.day} {day:%b}", counts.get(day, Counts())) for day in days]
        return _chart(named)
    weeks: dict[date, Counts] = {}
    for day in days:
        monday = day - timedelta(days=day.weekday())
        weeks[monday] = weeks.get(monday, Counts()) + counts.get(day, Counts())
    return _chart(
        [(_week(monday, period), f"{monday.day} {monday:%b}", counted) for monday, counted in weeks.items()]
    )


def by_hour(counts: Mapping[int | None, Counts]) -> Chart:
    """Return a bar for each hour of the day."""
    return _chart(
        [(f"{_hour(hour)} to {_hour(hour + 1)}", _hour(hour), counts.get(hour, Counts())) for hour in range(24)]
    )


def _week(monday: date, period: Period) -> str:
    return Period(max(monday, period.first), min(monday + _WEEK - timedelta(days=1), period.last)).words


def _hour(hour: int) -> str:
    return f"{(hour - 1) % 12 + 1} {'am' if hour % 24 < 12 else 'pm'}"


def _chart(named: Sequence[tuple[str, str, Counts]]) -> Chart:
    top = max((sum(count(counts) for _, count in _SERIES) for _, _, counts in named), default=0)
    every = -(-len(named) // _LABELS)
    bars = [
        Bar(
            name,
            label if place % every == 0 else "",
            place * STEP + 1,
            counts,
            _segments(counts, top),
            is_minor=place % (2 * every) != 0,
        )
        for place, (name, label, counts) in enumerate(named)
    ]
    return Chart(bars, top)


def _segments(counts: Counts, top: int) -> list[Segment]:
    segments, y = [], float(HEIGHT)
    for series, count in _SERIES:
        if of_series := count(counts):
            height = HEIGHT * of_series / top
            y -= height
            segments.append(Segment(series, round(y, 2), round(height, 2)))
    return segments
