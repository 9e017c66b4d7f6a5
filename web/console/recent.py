"""Recent missed calls: the list beside the phone, who has seen it, and calling back."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from db.queries.missed_calls import KEPT
from web.calls import outgoing
from web.config import SETTINGS
from web.console import recent_view
from web.console.recent_view import Reader
from web.request import access
from web.request.access import Rows, Viewer
from web.request.callers import shown
from web.request.dialling import DiallingError, dialled
from web.request.errors import NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render

routes = web.RouteTableDef()


@routes.get("/console/recent")
async def recent(request: web.Request) -> web.Response:
    """Render the list: a part of a page."""
    viewer = await access.require(request, "softphone")
    async with access.rows(request, viewer) as rows:
        reader = await _reader(rows, viewer)
        entries = recent_view.entries(await rows.missed.since(reader.now - KEPT), reader)
    unseen = sum(entry.is_new for entry in entries)
    return render(request, "console/recent_list.html", entries=entries, unseen=unseen, days=KEPT.days)


@routes.post("/console/recent/seen")
async def seen(request: web.Request) -> web.Response:
    """Record that the viewer has looked at the list."""
    viewer = await access.require(request, "softphone")
    async with access.rows(request, viewer) as rows:
        await rows.members.saw_missed(viewer.member_id)
    return web.Response(status=204)


@routes.post("/console/recent/{call}/call-back")
async def call_back(request: web.Request) -> web.Response:
    """Claim a customer to call them back, so that nobody else does.

    JSON ``{"number", "shown"}`` if the page should dial, else ``{"refused", "error"}``: ``taken``, or a
    `web.request.dialling.Reason`. ``knows`` is the call with them that the page told of.
    """
    viewer = await access.require(request, "softphone")
    knows, settings = await field(request, "knows"), request.app[SETTINGS]
    try:
        async with access.rows(request, viewer) as rows:
            await rows.lock()
            missed, reader = await rows.missed.get(read_uuid(request.match_info["call"])), await _reader(rows, viewer)
            if missed is None:
                raise NotFoundError
            taken = recent_view.refusal(missed, reader, knows)
            if taken:
                return web.json_response({"refused": "taken", "error": taken})
            number = dialled(missed.call.customer, settings.dial_countries)
            await outgoing.check(rows, settings, number)
            missed.call.callback_by, missed.call.callback_at = viewer.member_id, reader.now
    except DiallingError as refusal:
        return web.json_response({"refused": refusal.reason, "error": str(refusal)})
    return web.json_response({"number": number, "shown": shown(number)})


async def _reader(rows: Rows, viewer: Viewer) -> Reader:
    members = await rows.members.all()
    mine = next(member for member in members if member.id == viewer.member_id)
    return Reader(
        member_id=viewer.member_id,
        seen_at=mine.missed_seen_at or mine.created_at,
        now=datetime.now(UTC),
        zone=ZoneInfo(rows.organisation.time_zone),
        names={member.id: member.name for member in members},
        has_lines=len(await rows.numbers.all()) > 1,
    )
