"""The customer of a call, on its page: block their number, note something, or say not to call or transcribe them."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from db.models import Call
from db.queries.contacts.contacts import TooManyContactsError
from web.contacts import blocked, notes as contact_notes
from web.contacts.contact_page import read_flags
from web.request import access, limits
from web.request.access import Rows
from web.request.callers import shown
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import read_uuid

WITHHELD = "This caller withheld their number, so nothing can be kept for it."
FULL = "Your organisation has reached the maximum number of contacts."

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


@routes.post("/calls/{call}/notes")
async def note(request: web.Request) -> web.StreamResponse:
    """Write a note about the customer's contact: an agent of their own calls. One that is not there yet is added."""
    viewer = await access.require(request, "calls")
    await limits.hit(request, contact_notes.WRITES, str(viewer.member_id))
    async with access.rows(request, viewer) as rows:
        call = await _call(rows, request)
        await rows.lock()
        await contact_notes.write(request, rows, viewer, await _contact(rows, call))
    raise web.HTTPSeeOther(f"/calls/{call.id}#customer")


async def _contact(rows: Rows, call: Call) -> UUID:
    """Return the contact of the call's own number, on which what is noted now hangs. Raise `ConflictError`."""
    contact = await rows.contacts.row(call.customer)
    if contact is None:
        try:
            contact = await rows.contacts.add(shown(call.customer), call.customer)
        except TooManyContactsError:
            raise ConflictError("full", FULL) from None
        await rows.audit.record("contacts.kept", {"added": 1, "renamed": 0})
    return contact.id


async def _call(rows: Rows, request: web.Request) -> Call:
    call = await rows.log.get(read_uuid(request.match_info["call"]))
    if call is None:
        raise NotFoundError
    if call.customer_hash is None:
        raise InvalidError(WITHHELD)
    return call
