"""The call log: who called, when, how it ended. Never what was said."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Call, Member
from db.queries.calls import PAGE, Place
from web.calls.log_view import DIRECTIONS, OUTCOMES, REASON_WORDS, Line, asked, call_filter, line
from web.request import access, csv_export
from web.request.access import Rows, Viewer
from web.request.errors import ForbiddenError
from web.request.paging import page_after, read_page
from web.request.render import render

_COLUMNS = (
    *("Started", "Direction", "Customer", "Number", "Agent"),
    *("Outcome", "Seconds", "Transcription", "Call", "Reason"),
)

routes = web.RouteTableDef()


@routes.get("/calls", name="calls")
async def log(request: web.Request) -> web.StreamResponse:
    """Show the newest calls that match the filters, with a link to older ones."""
    viewer = await access.require(request, "calls")
    filters = asked(request.query)
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
        which, before = call_filter(filters, zone), read_page(request.query.get("before"))
        found = await rows.calls.page(which, after=Place(*before) if before else None, limit=PAGE + 1)
        agents = await _agents(rows, viewer)
    shown = found[:PAGE]
    return render(
        request,
        "calls/calls.html",
        calls=[line(call, zone) for call in shown],
        filters=filters,
        directions=DIRECTIONS,
        outcomes=OUTCOMES,
        reasons=REASON_WORDS,
        agents=agents,
        zone=str(zone),
        newest=None if before is None else _url("/calls", filters),
        older=_url("/calls", filters, shown[-1]) if len(found) > PAGE else None,
        export=_url("/calls.csv", filters) if viewer.may("calls.all") else None,
    )


@routes.get("/calls.csv", name="calls-export")
async def export(request: web.Request) -> web.StreamResponse:
    """Export every call that matches the filters as CSV."""
    viewer = await access.require(request, "calls")
    if not viewer.may("calls.all"):
        raise ForbiddenError
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
    which = call_filter(asked(request.query), zone)

    async def read(last: Call | None, size: int) -> Sequence[Call]:
        async with access.rows(request, viewer) as rows:
            return await rows.calls.page(which, after=None if last is None else _place_of(last), limit=size)

    return await csv_export.export(request, "calls.csv", _COLUMNS, read, lambda call: _cells(line(call, zone)))


async def _agents(rows: Rows, viewer: Viewer) -> Sequence[Member]:
    """Return the members to filter by; none for an agent, who sees their own calls only."""
    return await rows.members.all() if viewer.may("calls.all") else []


def _url(path: str, filters: dict[str, str], last: Call | None = None) -> str:
    query = filters if last is None else {**filters, "before": page_after(last.started_at, last.id)}
    return f"{path}?{urlencode(query)}" if query else path


def _place_of(call: Call) -> Place:
    return Place(call.started_at, call.id)


def _cells(shown: Line) -> Sequence[str]:
    return (
        shown.started_at.isoformat(sep=" ", timespec="seconds"),
        shown.direction,
        shown.customer,
        shown.number,
        shown.agent or "",
        shown.outcome or "in progress",
        "" if shown.duration_s is None else str(shown.duration_s),
        "stopped" if shown.words_stopped else shown.transcription or "",
        shown.call,
        shown.reason or "",
    )
