"""The audit log: who did what, when and from where; and Stripe events that could not be processed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import AuditEntry, StripeEvent
from db.paging import PAGE, Cursor
from db.queries.rate_limits import Limit
from web.organisation.audit_view import OUTSIDE, AuditRow, asked, audit_filter, choices, line
from web.request import access, csv_export, limits
from web.request.paging import read_cursor, write_cursor
from web.request.render import render

EXPORTS = Limit("audit export", count=10, seconds=10 * 60)  # each export reads and decrypts the whole log
_COLUMNS = ("When", "Who", "What", "Action", "Details", "From")

routes = web.RouteTableDef()


@routes.get("/audit")
async def log(request: web.Request) -> web.StreamResponse:
    """Show the newest entries that match the filters, with a link to older ones."""
    viewer = await access.require(request, "audit")
    filters = asked(request.query)
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
        which, before = audit_filter(filters, zone), read_cursor(request.query.get("before"))
        found = await rows.audit.page(which, after=before, limit=PAGE + 1)
        failed = await rows.failed_events()
        actions, members = await rows.audit.actions(), await rows.audit.members()
    shown = found[:PAGE]
    return render(
        request,
        "organisation/audit.html",
        entries=[line(entry, zone) for entry in shown],
        failed=[_failed(event, zone) for event in failed],
        filters=filters,
        actions=choices(actions, filters.get("what")),
        members=sorted(members.items(), key=lambda member: member[1].casefold()),
        outside=OUTSIDE,
        zone=str(zone),
        newest=None if before is None else _url("/audit", filters),
        older=_url("/audit", filters, shown[-1]) if len(found) > PAGE else None,
        export=_url("/audit.csv", filters),
    )


@routes.get("/audit.csv", name="audit-export")
async def export(request: web.Request) -> web.StreamResponse:
    """Export every entry that matches the filters as CSV."""
    viewer = await access.require(request, "audit")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
        which = audit_filter(asked(request.query), zone)
        await rows.audit.record("watching.exported_audit_log")

    async def pages() -> AsyncIterator[Sequence[AuditEntry]]:
        last: Cursor | None = None
        while True:
            async with access.rows(request, viewer) as rows:
                found = await rows.audit.page(which, after=last, limit=csv_export.PAGE)
            if not found:
                return
            yield found
            last = Cursor(found[-1].at, found[-1].id)

    return await csv_export.export(request, "audit.csv", _COLUMNS, pages(), lambda entry: _cells(line(entry, zone)))


def _url(path: str, filters: dict[str, str], last: AuditEntry | None = None) -> str:
    query = filters if last is None else {**filters, "before": write_cursor(Cursor(last.at, last.id))}
    return f"{path}?{urlencode(query)}" if query else path


def _failed(event: StripeEvent, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "at": event.received_at.astimezone(zone),
        "attempts": event.attempts,
        "error": event.error or "No reason was recorded.",
    }


def _cells(shown: AuditRow) -> Sequence[str]:
    return (
        shown.at.isoformat(sep=" ", timespec="seconds"),
        shown.who,
        shown.what,
        shown.action,
        "; ".join(f"{name}: {value}" for name, value in shown.details),
        shown.place,
    )
