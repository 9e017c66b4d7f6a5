"""The call log: who called, when, how it ended. Never what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Call
from db.queries.log.call_filter import CallFilter, CallState, Sort, WordsState
from db.queries.log.call_log import Page, PageCursor
from web.calls.log.cells import cells, columns
from web.calls.log.page_cursors import read_page_cursor, write_page_cursor
from web.calls.log.view import (
    BAND_WORDS,
    REASON_WORDS,
    Asked,
    CallRow,
    asked,
    call_filter,
    line,
    said,
    sort_of,
)
from web.phrases.hits import hits
from web.request import access, csv_export
from web.request.access import Rows, Viewer
from web.request.callers import shown
from web.request.errors import ForbiddenError, InvalidError
from web.request.render import render

_NUMBER = "number"
_SORTS: Mapping[Sort, str] = {"oldest": "Oldest first", "longest": "Longest first", "waited": "Longest wait first"}
_STATES: Mapping[CallState, str] = {
    "ringing": "Ringing",
    "talking": "Talking",
    "held": "On hold",
    "over": "Over",
}
_WORDS: Mapping[WordsState, str] = {
    "shown": "Shown live",
    "gaps": "Some are missing",
    "failed": "Stopped by a failure",
    "waiting_for_slot": "No free slot",
    "stopped": "Stopped by request",
    "none": "None",
}

routes = web.RouteTableDef()


@routes.get("/calls", name="calls")
async def log(request: web.Request) -> web.StreamResponse:
    """Show the first calls that match the filters, with a link to further ones."""
    viewer = await access.require(request, "calls")
    wanted = asked(request.query)
    filters, sort = wanted.filters, sort_of(wanted.filters)
    after = read_page_cursor(request.query.get("before"), sort)
    async with access.rows(request, viewer) as rows:
        zone = ZoneInfo(rows.organisation.time_zone)
        which, wrong = _checked(filters, zone)
        page = Page([]) if which is None else await rows.log.page(which, sort=sort, after=after)
        lines = await _lines(rows, page.calls, zone)
        choices = await _choices(rows, viewer)
        contact = await _contact(rows, viewer, which)
    return render(
        request,
        "calls/calls.html",
        status=200 if wrong is None else 400,
        calls=lines,
        asked=wanted,
        filters=filters,
        sort=sort,
        wrong=wrong,
        zone=str(zone),
        looked_to=None if page.looked_to is None else page.looked_to.astimezone(zone),
        newest=None if after is None else _url("/calls", filters),
        older=None if page.after is None else _url("/calls", filters, page.after),
        export=_url("/calls.csv", filters) if viewer.may("calls.all") else None,
        contact=contact,
        **choices,
    )


@routes.get("/calls.csv", name="calls-export")
async def export(request: web.Request) -> web.StreamResponse:
    """Export every call that matches the filters as CSV."""
    viewer = await access.require(request, "calls")
    if not viewer.may("calls.all"):
        raise ForbiddenError
    wanted = asked(request.query)
    async with access.rows(request, viewer) as rows:
        zone, notes_on = ZoneInfo(rows.organisation.time_zone), rows.organisation.notes_on
        which, sort = call_filter(wanted.filters, zone), sort_of(wanted.filters)
        await rows.audit.record("watching.exported_calls", _names(wanted))
    pages = _pages(request, viewer, which, sort)
    return await csv_export.export(request, "calls.csv", columns(notes_on=notes_on), pages, cells(notes_on=notes_on))


async def _pages(
    request: web.Request, viewer: Viewer, which: CallFilter, sort: Sort
) -> AsyncIterator[Sequence[CallRow]]:
    """Yield what matches; each page is read in a transaction of its own."""
    after: PageCursor | None = None
    while True:
        async with access.rows(request, viewer) as rows:
            page = await rows.log.page(which, sort=sort, after=after, limit=csv_export.PAGE)
            lines = await _lines(rows, page.calls, ZoneInfo(rows.organisation.time_zone))
        if lines:
            yield lines
        if page.after is None:
            return
        after = page.after


def _checked(filters: Mapping[str, str], zone: ZoneInfo) -> tuple[CallFilter | None, str | None]:
    """Return what is asked, or else what is wrong with the number, which the page says beside it."""
    others = {name: text for name, text in filters.items() if name != _NUMBER}
    call_filter(others, zone)
    try:
        return call_filter(filters, zone), None
    except InvalidError as error:
        return None, str(error)


async def _lines(rows: Rows, calls: Sequence[Call], zone: ZoneInfo) -> list[CallRow]:
    ids, notes_on = [call.id for call in calls], rows.organisation.notes_on
    labels, tags = await rows.choices.labels(), await rows.wrap_ups.tags(ids)
    fired, unsaid = await rows.phrases.fired_in(ids), await rows.phrases.unsaid_in(ids)
    return [
        line(
            call,
            zone,
            said(call, labels, tags.get(call.id, ()), notes_on=notes_on),
            hits(fired.get(call.id, ()), zone),
            unsaid.get(call.id, ()),
        )
        for call in calls
    ]


async def _choices(rows: Rows, viewer: Viewer) -> Mapping[str, Any]:
    """Return what may be chosen; no agents or groups for an agent, who sees their own calls only."""
    everybody = viewer.may("calls.all")
    choices = await rows.choices.all()
    return {
        "reasons": REASON_WORDS,
        "bands": list(enumerate(BAND_WORDS)),
        "sorts": list(_SORTS.items()),
        "states": list(_STATES.items()),
        "words": list(_WORDS.items()),
        "agents": await rows.members.names() if everybody else [],
        "groups": [(each.id, each.name) for each in await rows.groups.all()] if everybody else [],
        "lines": [(each.id, each.label or shown(each.e164)) for each in await rows.numbers.all()],
        "sources": [(each, each) for each in await rows.log.sources()],
        "results": [(each.id, each.label) for each in choices if each.kind == "outcome"],
        "tags": [(each.id, each.label) for each in choices if each.kind == "tag"],
    }


async def _contact(rows: Rows, viewer: Viewer, which: CallFilter | None) -> str | None:
    """Return the name of the contact whose calls are asked for; None without one, or if it is not for the viewer."""
    if which is None or which.contact_id is None or not viewer.may("callers"):
        return None
    contact = await rows.contacts.get(which.contact_id)
    return None if contact is None else contact.name


def _names(wanted: Asked) -> dict[str, str]:
    """Return which filters were set, for the audit log: not what was typed, which may be a customer's number."""
    return {"filters": ", ".join(wanted.filters)} if wanted.filters else {}


def _url(path: str, filters: Mapping[str, str], after: PageCursor | None = None) -> str:
    query = dict(filters) if after is None else {**filters, "before": write_page_cursor(after)}
    return f"{path}?{urlencode(query)}" if query else path
