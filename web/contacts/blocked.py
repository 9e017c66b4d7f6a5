"""The block list: numbers whose calls are refused. Listed here, and added here, from a contact or from a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.queries.contacts.blocked_numbers import MOST, TooManyBlockedError
from db.queries.rate_limits import Limit
from web.contacts.table import NO_NUMBER, number_of, read_numbers
from web.contacts.view import read_count
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.callers import shown
from web.request.errors import ConflictError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render

BLOCKS = Limit("blocked numbers", count=120, seconds=10 * 60)
_NAMED = 10  # wrong lines
FULL = f"There are already {MOST:,} blocked numbers, the maximum. Remove some first."

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class BlockedRow:
    """One number as shown; ``name``: of the contact who has it."""

    id: UUID
    number: str
    name: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Typed:
    """Rejected input: a number or a list of them, and what is wrong with it."""

    number: str = ""
    table: str = ""
    problem: str = ""


@routes.get("/blocked")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the list."""
    return await _page(request, await access.require(request, "callers"))


@routes.post("/blocked")
async def add(request: web.Request) -> web.StreamResponse:
    """Block a number that was typed."""
    viewer = await access.require(request, "callers")
    await limits.hit(request, BLOCKS, str(viewer.organisation_id))
    typed = await field(request, "number")
    number = number_of(typed)
    if number is None:
        return await _page(request, viewer, Typed(typed[:40], problem=NO_NUMBER))
    try:
        async with access.rows(request, viewer) as rows:
            await block(rows, viewer, number)
    except ConflictError as refusal:
        return await _page(request, viewer, Typed(typed[:40], problem=str(refusal)))
    raise web.HTTPSeeOther("/blocked")


@routes.post("/blocked/import")
async def add_all(request: web.Request) -> web.StreamResponse:
    """Block the numbers of a list. If a line of it has none, block nothing and show it as typed."""
    viewer = await access.require(request, "callers")
    await limits.hit(request, BLOCKS, str(viewer.organisation_id))
    text = await field(request, "table")
    read = read_numbers(text)
    if read.wrong or not read.numbers:
        return await _page(request, viewer, Typed(table=text, problem=_wrong(read.wrong)))
    try:
        async with access.rows(request, viewer) as rows:
            await rows.lock()
            added = await rows.blocked.add_all(read.numbers, viewer.member_id)
            if added:
                await rows.audit.record("number.blocked", {"numbers": added})
    except TooManyBlockedError:
        return await _page(request, viewer, Typed(table=text, problem=FULL))
    raise web.HTTPSeeOther(f"/blocked?added={added}&same={len(read.numbers) - added}")


@routes.post("/blocked/{entry}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Unblock a number."""
    viewer = await access.require(request, "callers")
    async with access.rows(request, viewer) as rows:
        if not await rows.blocked.remove(read_uuid(request.match_info["entry"])):
            raise NotFoundError
        await rows.audit.record("number.unblocked")
    raise web.HTTPSeeOther("/blocked")


async def block(rows: Rows, viewer: Viewer, number: str) -> None:
    """Block ``number`` (E.164). Raise `ConflictError`. The audit log says who and when."""
    await rows.lock()
    try:
        if await rows.blocked.add(number, viewer.member_id):
            await rows.audit.record("number.blocked")
    except TooManyBlockedError:
        raise ConflictError("full", FULL) from None


def _wrong(lines: Sequence[int]) -> str:
    if not lines:
        return "It contains no numbers."
    named = ", ".join(map(str, lines[:_NAMED]))
    more = f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    place = "line" if len(lines) == 1 else "lines"
    return f"Nothing was blocked. There is no valid phone number in {place} {named}{more}."


async def _page(request: web.Request, viewer: Viewer, typed: Typed = Typed()) -> web.Response:
    async with access.rows(request, viewer) as rows:
        zone, entries = ZoneInfo(rows.organisation.time_zone), await rows.blocked.all()
        names = await rows.contacts.named([each.number for each in entries])
    lines = [
        BlockedRow(
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
        status=400 if typed.problem else 200,
        typed=typed,
        lines=lines,
        report={name: read_count(request, name) for name in ("added", "same")},
    )
