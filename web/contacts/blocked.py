"""The block list: numbers whose calls are refused. Listed here, and added here, from a contact or from a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.queries.phone.blocked_numbers import MOST, TooManyBlockedError
from db.queries.rate_limits import Limit
from web.contacts.table import number_of
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.callers import shown
from web.request.errors import ConflictError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render

BLOCKS = Limit("blocked numbers", count=120, seconds=10 * 60)
NO_NUMBER = "That is not a phone number: write it as it is dialled in Australia, or with + and the country."
FULL = f"There are {MOST:,} blocked numbers, and that is the most. Remove some first."

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Line:
    """One number as shown; ``name``: of the contact who has it."""

    id: UUID
    number: str
    name: str
    by: str
    at: datetime


@routes.get("/blocked")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the list."""
    return await _page(request, await access.require(request, "callers"))


@routes.post("/blocked")
async def add(request: web.Request) -> web.StreamResponse:
    """Block a number that was typed."""
    viewer = await access.require(request, "callers")
    await limits.spend(request, BLOCKS, str(viewer.organisation_id))
    typed = await field(request, "number")
    number = number_of(typed)
    if number is None:
        return await _page(request, viewer, typed, NO_NUMBER)
    try:
        async with access.rows(request, viewer) as rows:
            await block(rows, viewer, number)
    except ConflictError as refusal:
        return await _page(request, viewer, typed, str(refusal))
    raise web.HTTPSeeOther("/blocked")


@routes.post("/blocked/{entry}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Let the calls of a number ring again."""
    viewer = await access.require(request, "callers")
    async with access.rows(request, viewer) as rows:
        if not await rows.blocked.remove(read_uuid(request.match_info["entry"])):
            raise NotFoundError
        await rows.audit.record("number.unblocked")
    raise web.HTTPSeeOther("/blocked")


async def block(rows: Rows, viewer: Viewer, number: str) -> None:
    """Block ``number`` (E.164). Raises `ConflictError`. The audit log says who and when."""
    await rows.lock()
    try:
        if await rows.blocked.add(number, viewer.member_id):
            await rows.audit.record("number.blocked")
    except TooManyBlockedError:
        raise ConflictError("full", FULL) from None


async def _page(request: web.Request, viewer: Viewer, typed: str = "", problem: str = "") -> web.Response:
    async with access.rows(request, viewer) as rows:
        zone, entries = ZoneInfo(rows.organisation.time_zone), await rows.blocked.all()
        names = await rows.contacts.named([each.number for each in entries])
    lines = [
        Line(
            each.id,
            shown(each.number),
            names.get(each.number, ""),
            each.member.name,
            each.blocked_at.astimezone(zone),
        )
        for each in entries
    ]
    return render(
        request,
        "contacts/blocked.html",
        status=400 if problem else 200,
        typed=typed,
        problem=problem,
        lines=lines,
    )
