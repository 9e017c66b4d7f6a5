"""Read what the dashboard shows of a period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from db.queries.reports.counts import Counts
from web.reports import tables
from web.reports.period import Period
from web.reports.tables import Row
from web.request.access import Rows


@dataclass(frozen=True, slots=True)
class Summary:
    """A period's counts. ``lacks_since``: changes of calls from then on are not in them yet; None: all are."""

    period: Period
    total: Counts
    before: Counts
    by_day: Mapping[date, Counts]
    by_hour: Mapping[int | None, Counts]
    lines: Sequence[Row]
    groups: Sequence[Row]
    agents: Sequence[Row]
    lacks_since: datetime | None


@dataclass(frozen=True, slots=True)
class Made:
    """For whom the PDF is made, and when: ``at`` is in the organisation's time zone, whose name is ``zone``."""

    organisation: str
    at: datetime
    zone: str


async def read(rows: Rows, period: Period) -> Summary:
    """Return the summary of ``period``."""
    reports, span = rows.reports, (period.first, period.last)
    by_day, by_agent = await reports.by_day(*span), await reports.by_agent(*span)
    names = await reports.agents([member for member in by_agent if member is not None])
    return Summary(
        period=period,
        total=sum(by_day.values(), Counts()),
        before=await reports.total(period.before.first, period.before.last),
        by_day=by_day,
        by_hour=await reports.by_hour(*span),
        lines=tables.lines(await reports.by_line(*span), await reports.lines(), period),
        groups=tables.groups(by_agent, await rows.groups.all(), period),
        agents=tables.agents(by_agent, names, period),
        lacks_since=await reports.counted_until(),
    )
