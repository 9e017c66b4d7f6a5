"""Notes about contacts: written by whoever may see the contact, changed and removed by their author or an admin."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from db.queries.contacts.contact_notes import MOST, Note, TooManyNotesError
from db.queries.rate_limits import Limit
from web.contacts.view import may_change
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.typed import tidy

LONGEST = 2_000  # characters
WRITES = Limit("contact notes", count=120, seconds=10 * 60)
OFF = "Your organisation does not keep notes. An admin can change that under Settings, Phone."
EMPTY = "The note is empty."
TOO_LONG = f"A note can have at most {LONGEST:,} characters."
FULL = f"There are already {MOST} notes about this contact, the maximum. Remove some first."

routes = web.RouteTableDef()


@routes.post("/contacts/{contact}/notes")
async def add(request: web.Request) -> web.StreamResponse:
    """Write a note about a contact."""
    viewer = await access.require(request, "callers")
    await limits.hit(request, WRITES, str(viewer.member_id))
    async with access.rows(request, viewer) as rows:
        contact = await rows.contacts.get(read_uuid(request.match_info["contact"]))
        if contact is None:
            raise NotFoundError
        await write(request, rows, viewer, contact.id)
    raise web.HTTPSeeOther(f"/contacts/{contact.id}#notes")


@routes.post("/notes/{note}")
async def change(request: web.Request) -> web.StreamResponse:
    """Change what a note says."""
    viewer = await access.require(request, "calls")
    async with access.rows(request, viewer) as rows:
        note = await _own(request, rows, viewer)
        await rows.contact_notes.change(note.id, await _text(request, rows))
        await rows.audit.record("note.changed")
    raise web.HTTPSeeOther(await _back(request, note, viewer))


@routes.post("/notes/{note}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove a note, also where none are kept any more."""
    viewer = await access.require(request, "calls")
    async with access.rows(request, viewer) as rows:
        note = await _own(request, rows, viewer)
        await rows.contact_notes.remove(note.id)
        await rows.audit.record("note.removed")
    raise web.HTTPSeeOther(await _back(request, note, viewer))


async def write(request: web.Request, rows: Rows, viewer: Viewer, contact_id: UUID) -> None:
    """Write what was sent as a note that hangs on that contact. Raise `InvalidError` and `ConflictError`.

    Spend of `WRITES` before.
    """
    text = await _text(request, rows)
    await rows.lock()
    try:
        await rows.contact_notes.add(contact_id, viewer.member_id, text)
    except TooManyNotesError:
        raise ConflictError("full", FULL) from None
    await rows.audit.record("note.added")


def read_text(typed: str) -> str:
    """Return a note as it is kept: its lines tidied, none that is empty at the ends. Raise `InvalidError`."""
    text = "\n".join(tidy(line) for line in typed.splitlines()).strip()
    if not text:
        raise InvalidError(EMPTY)
    if len(text) > LONGEST:
        raise InvalidError(TOO_LONG)
    return text


async def _text(request: web.Request, rows: Rows) -> str:
    if not rows.organisation.notes_on:
        raise InvalidError(OFF)
    return read_text(await field(request, "text"))


async def _own(request: web.Request, rows: Rows, viewer: Viewer) -> Note:
    """Return the note that the address names. Raise `NotFoundError` and `ForbiddenError`."""
    note = await rows.contact_notes.get(read_uuid(request.match_info["note"]))
    if note is None:
        raise NotFoundError
    if not may_change(note, viewer):
        raise ForbiddenError("Only its author and admins can change a note.")
    return note


async def _back(request: web.Request, note: Note, viewer: Viewer) -> str:
    """Return the page on which the note stood: a call's, or the contact's."""
    call = await field(request, "call")
    if call:
        return f"/calls/{read_uuid(call)}#customer"
    return f"/contacts/{note.person}#notes" if viewer.may("callers") else "/calls"
