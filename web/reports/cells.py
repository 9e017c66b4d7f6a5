"""The dashboard as a spreadsheet: one row for the period, each day, hour, line, group and agent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db.queries.reports.counts import Counts
from web.calls.log.view import REASON_WORDS
from web.reports.figures import within_30_s
from web.reports.period import Period
from web.reports.summary import Summary


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row; ``kind`` says by what its calls are counted."""

    kind: str
    name: str
    counts: Counts


_COUNTS: Sequence[tuple[str, Callable[[Counts], int]]] = (
    ("Incoming", lambda each: each.inbound),
    ("Answered", lambda each: each.answered),
    ("Answered in less than 30 s", within_30_s),
    ("At the overflow number", lambda each: each.overflowed),
    ("Missed", lambda each: each.missed),
    *((words, lambda each, reason=reason: getattr(each, reason)) for reason, words in REASON_WORDS.items()),
    ("Outgoing", lambda each: each.outbound),
    ("Reached", lambda each: each.reached),
    ("No answer", lambda each: each.unanswered),
    ("Busy", lambda each: each.busy),
    ("Failed", lambda each: each.failed),
    ("Seconds waited until answered", lambda each: each.answer_wait_s),
    ("Seconds waited, missed calls", lambda each: each.missed_wait_s),
    ("Longest wait in seconds", lambda each: each.longest_wait_s),
    ("Seconds talking", lambda each: each.talk_s),
    ("Seconds on hold", lambda each: each.held_s),
    ("Longest call in seconds", lambda each: each.longest_s),
)
COLUMNS = ("By", "Name", *(name for name, _ in _COUNTS))


def lines(summary: Summary) -> list[ReportRow]:
    """Return every row; days and hours without calls as well."""
    period = summary.period
    return [
        ReportRow("Period", _iso(period), summary.total),
        ReportRow("Period before", _iso(period.before), summary.before),
        *(ReportRow("Day", day.isoformat(), summary.by_day.get(day, Counts())) for day in period.days),
        *(ReportRow("Hour", f"{hour:02}:00", summary.by_hour.get(hour, Counts())) for hour in range(24)),
        *(ReportRow("Our number", row.name, row.counts) for row in summary.lines),
        *(ReportRow("Group", row.name, row.counts) for row in summary.groups),
        *(ReportRow("Agent", row.name, row.counts) for row in summary.agents),
    ]


def cells(line: ReportRow) -> Sequence[str]:
    """Return the cells of one row."""
    return (line.kind, line.name, *(str(count(line.counts)) for _, count in _COUNTS))


def _iso(period: Period) -> str:
    return f"{period.first.isoformat()} to {period.last.isoformat()}"
