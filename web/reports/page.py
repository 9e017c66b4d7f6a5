"""The dashboard, its live counters, its spreadsheet and its PDF."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from db.queries.rate_limits import Limit
from db.queries.reports.live import Live
from web.calls.log.view import duration
from web.reports import cells, chart, tables
from web.reports.cells import ReportRow
from web.reports.figures import figures, mean, share, within_30_s
from web.reports.period import Asked, Period, asked, choices
from web.reports.summary import Made, Summary, read
from web.request import access, csv_export, limits
from web.request.access import Rows
from web.request.errors import InvalidError
from web.request.render import render

EXPORTS = Limit("dashboard export", count=60, seconds=10 * 60)
_LATE = timedelta(minutes=5)  # from then on the page says what it lacks

routes = web.RouteTableDef()


@routes.get("/dashboard", name="dashboard")
async def dashboard(request: web.Request) -> web.StreamResponse:
    """Show what goes on now and a period, beside the period before."""
    viewer = await access.require(request, "calls.all")
    now = datetime.now(UTC)
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
        wanted = asked(request.query, now.astimezone(zone).date())
        summary, live = await read(rows, wanted.period), await rows.reports.live(now)
    return render(
        request,
        "reports/dashboard.html",
        status=200 if wanted.wrong is None else 400,
        asked=wanted,
        choices=choices(now.astimezone(zone).date()),
        zone=str(zone),
        now=_now(live, now, zone),
        lacks_since=_late(summary, now, zone),
        export=urlencode(wanted.period.query),
        **_shown(summary),
    )


@routes.get("/dashboard/now", name="dashboard-now")
async def now(request: web.Request) -> web.StreamResponse:
    """Answer the live counters alone, for the page that is open."""
    viewer = await access.require(request, "calls.all")
    at = datetime.now(UTC)
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
        live = await rows.reports.live(at)
    return web.json_response(_now(live, at, zone))


@routes.get("/dashboard.csv", name="dashboard-export")
async def export(request: web.Request) -> web.StreamResponse:
    """Export a period as CSV."""
    summary, _ = await _exported(request, "csv")

    async def pages() -> AsyncIterator[Sequence[ReportRow]]:
        yield cells.lines(summary)

    return await csv_export.export(request, _file(summary.period, "csv"), cells.COLUMNS, pages(), cells.cells)


@routes.get("/dashboard.pdf", name="dashboard-pdf")
async def print_out(request: web.Request) -> web.StreamResponse:
    """Export a period as a PDF."""
    summary, made = await _exported(request, "pdf")
    body = await asyncio.to_thread(_pdf, summary, made)  # it takes as long as many requests
    headers = {"Content-Disposition": f'attachment; filename="{_file(summary.period, "pdf")}"'}
    return web.Response(body=body, content_type="application/pdf", headers=headers)


def _pdf(summary: Summary, made: Made) -> bytes:
    from web.reports.pdf import pdf  # its library is a twentieth of what web imports, and seldom asked for

    return pdf(summary, made)


async def _exported(request: web.Request, kind: str) -> tuple[Summary, Made]:
    """Return the period that is asked for, and for whom; the export is in the audit log. Raise `InvalidError`."""
    viewer = await access.require(request, "calls.all")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        wanted = _asked(request, rows)
        details = {**wanted.period.query, "as": kind}
        await rows.audit.record("watching.exported_dashboard", details)
        zone = rows.organisation.time_zone
        made = Made(rows.organisation.name, datetime.now(ZoneInfo(zone)), zone.replace("_", " "))
        return await read(rows, wanted.period), made


def _asked(request: web.Request, rows: Rows) -> Asked:
    """Return what is asked for. Raise `InvalidError`."""
    wanted = asked(request.query, datetime.now(ZoneInfo(rows.organisation.time_zone)).date())
    if wanted.wrong is not None:
        raise InvalidError(wanted.wrong)
    return wanted


def _file(period: Period, kind: str) -> str:
    return f"calls {period.first.isoformat()} to {period.last.isoformat()}.{kind}"


def _shown(summary: Summary) -> Mapping[str, Any]:
    return {
        "summary": summary,
        "figures": figures(summary.total, summary.before),
        "by_day": chart.by_day(summary.by_day, summary.period),
        "by_hour": chart.by_hour(summary.by_hour),
        "reasons": tables.reasons(summary.total),
        "waits": tables.waits(summary.total),
        "lengths": tables.lengths(summary.total),
        "duration": duration,
        "mean": mean,
        "share": share,
        "within_30_s": within_30_s,
    }


def _now(live: Live, at: datetime, zone: ZoneInfo) -> Mapping[str, str]:
    """Return the live counters as shown, by the id of their place in the page."""
    return {
        "talking": f"{live.talking:,}",
        "waiting": f"{live.waiting:,}",
        "longest-wait": duration(live.longest_wait_s) if live.waiting else "",
        "dialling": f"{live.dialling:,}",
        "answered-today": f"{live.answered:,}",
        "missed-today": f"{live.missed:,}",
        "reached-today": f"{live.reached:,}",
        "as-of": f"{at.astimezone(zone):%I:%M:%S %p}".lstrip("0").lower(),
    }


def _late(summary: Summary, now: datetime, zone: ZoneInfo) -> datetime | None:
    since = summary.lacks_since
    return since.astimezone(zone) if since is not None and now - since > _LATE else None
