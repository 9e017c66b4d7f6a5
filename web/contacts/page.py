"""The organisation's contacts: names for phone numbers, shown when they call. Added one by one or as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field as default
from uuid import UUID

from aiohttp import web

from db.models import Contact
from db.queries.phone.contacts import MOST, Flags, Kept, TooManyContactsError
from db.queries.rate_limits import Limit
from web.contacts import blocked, table as contacts_table
from web.request import access, limits
from web.request.access import Viewer
from web.request.callers import shown
from web.request.errors import NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render

CHANGES = Limit("contacts", count=60, seconds=10 * 60)
_LISTED = 200

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Line:
    """One contact as shown."""

    id: UUID
    name: str
    number: str
    do_not_call: bool
    do_not_transcribe: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """Rejected input, and what is wrong with it."""

    table: str = ""
    wrong: Sequence[str] = default(default_factory=list)


@routes.get("/contacts")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "settings")
    return await _page(request, viewer)


@routes.post("/contacts")
async def keep(request: web.Request) -> web.StreamResponse:
    """Keep the names in a table. If a line of it is wrong, keep nothing and show it as typed."""
    viewer = await access.require(request, "settings")
    await limits.spend(request, CHANGES, str(viewer.organisation_id))
    text = await field(request, "table")
    table = contacts_table.read(text)
    wrong = list(table.wrong) or ([] if table.names else ["There are no names and numbers in it."])
    if not wrong:
        try:
            kept = await _keep(request, viewer, table)
            raise web.HTTPSeeOther(f"/contacts?added={kept.added}&renamed={kept.renamed}")
        except TooManyContactsError:
            wrong = [f"There would be more than {MOST:,} contacts, and that is the most."]
    return await _page(request, viewer, Typed(text, wrong))


@routes.post("/contacts/{contact}/flags")
async def flag(request: web.Request) -> web.StreamResponse:
    """Say whether not to call and not to transcribe one contact."""
    viewer = await access.require(request, "callers")
    wanted = await read_flags(request)
    async with access.rows(request, viewer) as rows:
        contact = await rows.contacts.get(read_uuid(request.match_info["contact"]))
        if contact is None:
            raise NotFoundError
        if await rows.contacts.flag(contact, wanted):
            await rows.audit.record("contacts.flagged", {"contacts": 1})
    raise web.HTTPSeeOther("/contacts")


@routes.post("/contacts/{contact}/block")
async def block(request: web.Request) -> web.StreamResponse:
    """Block the number of one contact."""
    viewer = await access.require(request, "callers")
    async with access.rows(request, viewer) as rows:
        contact = await rows.contacts.get(read_uuid(request.match_info["contact"]))
        if contact is None:
            raise NotFoundError
        await blocked.block(rows, viewer, contact.number)
    raise web.HTTPSeeOther("/blocked")


async def read_flags(request: web.Request) -> Flags:
    """Return the flags of a form: a box that is not ticked is not sent."""
    return {
        "do_not_call": bool(await field(request, "do_not_call")),
        "do_not_transcribe": bool(await field(request, "do_not_transcribe")),
    }


@routes.post("/contacts/{contact}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove one contact."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        if not await rows.contacts.remove(read_uuid(request.match_info["contact"])):
            raise NotFoundError
        await rows.audit.record("contacts.removed", {"contacts": 1})
    raise web.HTTPSeeOther("/contacts")


@routes.post("/contacts/remove")
async def remove_all(request: web.Request) -> web.StreamResponse:
    """Remove all contacts."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        count = await rows.contacts.remove_all()
        if count:
            await rows.audit.record("contacts.removed", {"contacts": count})
    raise web.HTTPSeeOther("/contacts")


async def _keep(request: web.Request, viewer: Viewer, table: contacts_table.Table) -> Kept:
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        kept = await rows.contacts.keep(table.names, table.flags)
        if kept.flagged:
            await rows.audit.record("contacts.flagged", {"contacts": kept.flagged})
        if kept.added or kept.renamed:
            await rows.audit.record("contacts.kept", {"added": kept.added, "renamed": kept.renamed})
        return kept


async def _page(request: web.Request, viewer: Viewer, typed: Typed | None = None) -> web.Response:
    async with access.rows(request, viewer) as rows:
        count, contacts = await rows.contacts.count(), await rows.contacts.all(_LISTED)
    lines = sorted(map(_line, contacts), key=lambda each: each.name)
    return render(
        request,
        "contacts/contacts.html",
        status=400 if typed else 200,
        typed=typed or Typed(),
        count=count,
        lines=lines,
        added=_count(request, "added"),
        renamed=_count(request, "renamed"),
    )


def _line(contact: Contact) -> Line:
    flags = (contact.do_not_call, contact.do_not_transcribe)
    return Line(contact.id, contact.name, shown(contact.number), *flags)


def _count(request: web.Request, name: str) -> int | None:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None
