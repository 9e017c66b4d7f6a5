"""The customer of a call, on its page: block their number, or say not to call or not to transcribe them."""

from __future__ import annotations

from aiohttp import web

from db.models import Call
from db.queries.phone.contacts import TooManyContactsError
from web.contacts import blocked
from web.contacts.page import read_flags
from web.request import access
from web.request.access import Rows
from web.request.callers import shown
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import read_uuid

WITHHELD = "This caller withheld their number, so nothing can be kept for it."
FULL = "Your organisation keeps as many contacts as it may."

routes = web.RouteTableDef()


@routes.post("/calls/{call}/flags")
async def flags(request: web.Request) -> web.StreamResponse:
    """Set the flags of the customer's contact. One that is not there yet is named by its number."""
    viewer = await access.require(request, "callers")
    wanted = await read_flags(request)
    async with access.rows(request, viewer) as rows:
        call = await _call(rows, request)
        await rows.lock()
        named = await rows.contacts.named([call.customer])
        if not named and not any(wanted.values()):
            raise web.HTTPSeeOther(f"/calls/{call.id}")
        try:
            names = {call.customer: named.get(call.customer, shown(call.customer))}
            kept = await rows.contacts.keep(names, {call.customer: wanted})
        except TooManyContactsError:
            raise ConflictError("full", FULL) from None
        if kept.flagged:
            await rows.audit.record("contacts.flagged", {"contacts": kept.flagged})
    raise web.HTTPSeeOther(f"/calls/{call.id}")


@routes.post("/calls/{call}/block")
async def block(request: web.Request) -> web.StreamResponse:
    """Block the customer's number."""
    viewer = await access.require(request, "callers")
    async with access.rows(request, viewer) as rows:
        call = await _call(rows, request)
        await blocked.block(rows, viewer, call.customer)
    raise web.HTTPSeeOther(f"/calls/{call.id}")


async def _call(rows: Rows, request: web.Request) -> Call:
    call = await rows.log.get(read_uuid(request.match_info["call"]))
    if call is None:
        raise NotFoundError
    if call.customer_hash is None:
        raise InvalidError(WITHHELD)
    return call
