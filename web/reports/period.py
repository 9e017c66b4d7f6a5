"""Which days the dashboard is asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from web.request.errors import InvalidError
from web.request.paging import filled_in, read_day

LONGEST = 731  # days: two years
USUAL = 7
FIELDS = ("from", "to")


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the organisation's, both ends included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        """The number of its days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        """Each of its days."""
        return [self.first + timedelta(days=n) for n in range(self.length)]

    @property
    def before(self) -> Period:
        """The period of as many days just before it."""
        return Period(self.first - timedelta(days=self.length), self.first - timedelta(days=1))

    @property
    def words(self) -> str:
        """The period as Australians write it: ``23 to 29 November 2026``."""
        first, last = self.first, self.last
        end = f"{last.day} {last:%B %Y}"
        if first == last:
            return f"{first:%A} {end}"
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day} to {end}"
        return f"{first.day} {first:%B} to {end}" if first.year == last.year else f"{spoken(first)} to {end}"

    @property
    def query(self) -> Mapping[str, str]:
        """The period as a part of an address, the call log's as well."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. ``wrong``: what is wrong with the days as typed; then the usual ones are shown."""

    period: Period
    typed: Mapping[str, str] = field(default_factory=dict)
    swapped: bool = False
    wrong: str | None = None


def spoken(day: date) -> str:
    """Return ``29 November 2026``."""
    return f"{day.day} {day:%B %Y}"


def asked(query: Mapping[str, str], today: date) -> Asked:
    """Return the days that are asked for: days that are the wrong way round are swapped, a missing one is guessed."""
    typed = filled_in(query, FIELDS)
    try:
        first, last = read_day(typed, "from"), read_day(typed, "to")
        period, swapped = _period(first, last, today)
    except InvalidError as error:
        return Asked(_usual(today), typed, wrong=str(error))
    if period.length > LONGEST:
        return Asked(_usual(today), typed, wrong="That is longer than two years. Choose a shorter period.")
    return Asked(period, period.query, swapped)


def choices(today: date) -> list[tuple[str, Period]]:
    """Return periods that are often wanted, with their names."""
    month = today.replace(day=1)
    end_before = month - timedelta(days=1)
    return [
        ("Today", Period(today, today)),
        ("Yesterday", Period(today - timedelta(days=1), today - timedelta(days=1))),
        ("Last 7 days", _usual(today)),
        ("Last 28 days", Period(today - timedelta(days=27), today)),
        ("This month", Period(month, today)),
        (f"{end_before:%B}", Period(end_before.replace(day=1), end_before)),
    ]


def _usual(last: date) -> Period:
    return Period(last - timedelta(days=USUAL - 1), last)


def _period(first: date | None, last: date | None, today: date) -> tuple[Period, bool]:
    """Return the period, and whether its ends were swapped."""
    if first is None:
        return _usual(last or today), False
    last = max(first, today) if last is None else last
    return (Period(last, first), True) if first > last else (Period(first, last), False)
