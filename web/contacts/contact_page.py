"""The page of one contact: a person's name, numbers, wishes and notes, and the way to their calls."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Contact
from db.queries.contacts.contacts import Flags, KnownNumberError, TooManyContactsError
from db.queries.contacts.people import MOST_NUMBERS, OnlyNumberError
from web.contacts import blocked
from web.contacts.page import CHANGES
from web.contacts.table import LONGEST_NAME, NO_NUMBER, number_of
from web.contacts.view import note_lines, shown_contact
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render
from web.request.typed import tidy

NO_NAME = f"Type a name of at most {LONGEST_NAME} characters."
KNOWN = "Another contact has that number. Merge the two, if they are one person."
FULL = "Your organisation has reached the maximum number of contacts."
MANY = f"One person can have at most {MOST_NUMBERS} numbers."
ONLY = "This is the only number, so there is nothing to split off."
DONE = ("merged", "split", "saved")

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with one of the page's forms, and what was typed."""

    place: str
    sentence: str
    typed: str = ""


@routes.get("/contacts/{contact}")
async def show(request: web.Request) -> web.StreamResponse:
    """Show one contact; of one that was merged, whose number it is now."""
    viewer = await access.require(request, "callers")
    return await _page(request, viewer)


@routes.post("/contacts/{contact}/name")
async def rename(request: web.Request) -> web.StreamResponse:
    """Give a contact another name."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    typed = await field(request, "name")
    name = tidy(typed)
    if not 0 < len(name) <= LONGEST_NAME:
        return await _page(request, viewer, Problem("name", NO_NAME, typed[:LONGEST_NAME]))
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        contact = await addressed(request, rows)
        await rows.contacts.change(contact, name, contact.number)
        await rows.audit.record("contacts.kept", {"added": 0, "renamed": 1})
    raise web.HTTPSeeOther(f"/contacts/{contact.id}?done=saved")


@routes.post("/contacts/{contact}/numbers")
async def give(request: web.Request) -> web.StreamResponse:
    """Give a contact one more number."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    typed = await field(request, "number")
    try:
        async with access.rows(request, viewer) as rows:
            contact = await addressed(request, rows)
            await _give(rows, contact, number_of(typed))
    except (InvalidError, ConflictError) as refusal:
        return await _page(request, viewer, Problem("number", str(refusal), typed[:40]))
    raise web.HTTPSeeOther(f"/contacts/{contact.id}?done=saved")


@routes.post("/contacts/{contact}/split")
async def split(request: web.Request) -> web.StreamResponse:
    """Make a number a contact of its own again, with the name and the notes that came with it."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        contact = await split_off(rows, read_uuid(request.match_info["contact"]))
    raise web.HTTPSeeOther(f"/contacts/{contact.id}?done=split")


@routes.post("/contacts/{contact}/flags")
async def flag(request: web.Request) -> web.StreamResponse:
    """Set whether the contact must not be called and must not be transcribed, on all its numbers."""
    viewer = await access.require(request, "callers")
    wanted = await read_flags(request)
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        contact = await addressed(request, rows)
        if await rows.contacts.flag(contact, wanted):
            await rows.audit.record("contacts.flagged", {"contacts": 1})
    raise web.HTTPSeeOther(f"/contacts/{contact.id}?done=saved")


@routes.post("/contacts/{contact}/block")
async def block(request: web.Request) -> web.StreamResponse:
    """Block all numbers of a contact."""
    viewer = await access.require(request, "callers")
    async with access.rows(request, viewer) as rows:
        contact = await addressed(request, rows)
        for row in (await rows.contacts.numbers([contact.id]))[contact.id]:
            await blocked.block(rows, viewer, row.number)
    raise web.HTTPSeeOther("/blocked")


@routes.post("/contacts/{contact}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove a contact with all numbers and notes."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        if not await rows.contacts.remove(read_uuid(request.match_info["contact"])):
            raise NotFoundError
        await rows.audit.record("contacts.removed", {"contacts": 1})
    raise web.HTTPSeeOther("/contacts")


async def split_off(rows: Rows, contact_id: UUID) -> Contact:
    """Make a number a contact of its own again and return it. Raise `NotFoundError` and `ConflictError`.

    The organisation should be locked.
    """
    try:
        contact = await rows.people.split(contact_id)
    except OnlyNumberError:
        raise ConflictError("only", ONLY) from None
    if contact is None:
        raise NotFoundError
    await rows.audit.record("contacts.split")
    return contact


async def read_flags(request: web.Request) -> Flags:
    """Return the flags of a form: a box that is not ticked is not sent."""
    return {
        "do_not_call": bool(await field(request, "do_not_call")),
        "do_not_transcribe": bool(await field(request, "do_not_transcribe")),
    }


async def addressed(request: web.Request, rows: Rows) -> Contact:
    """Return the contact that the address names. Raise `NotFoundError`."""
    contact = await rows.contacts.get(read_uuid(request.match_info["contact"]))
    if contact is None:
        raise NotFoundError("There is no such contact. It may have been removed.")
    return contact


async def _give(rows: Rows, contact: Contact, number: str | None) -> None:
    """Give the contact one more number. Raise `InvalidError` and `ConflictError`."""
    if number is None:
        raise InvalidError(NO_NUMBER)
    await rows.lock()
    if len((await rows.contacts.numbers([contact.id]))[contact.id]) >= MOST_NUMBERS:
        raise ConflictError("many", MANY)
    try:
        await rows.contacts.give(contact, number)
    except KnownNumberError:
        raise ConflictError("known", KNOWN) from None
    except TooManyContactsError:
        raise ConflictError("full", FULL) from None
    await rows.audit.record("contacts.kept", {"added": 1, "renamed": 0})


async def _page(request: web.Request, viewer: Viewer, problem: Problem | None = None) -> web.Response:
    async with access.rows(request, viewer) as rows:
        contact = await addressed(request, rows)
        numbers = (await rows.contacts.numbers([contact.id]))[contact.id]
        refused = await rows.blocked.those_of([row.number for row in numbers])
        notes_on, zone = rows.organisation.notes_on, ZoneInfo(rows.organisation.time_zone)
        notes = (await rows.contact_notes.of([contact.id])).get(contact.id, ()) if notes_on else ()
        added = contact.created_at.astimezone(zone)
    done = request.query.get("done", "")
    return render(
        request,
        "contacts/contact.html",
        status=400 if problem else 200,
        person=shown_contact(contact, numbers, refused),
        added=added,
        notes=note_lines(notes, viewer, zone),
        notes_on=notes_on,
        problem=problem,
        done=done if done in DONE else "",
        most_numbers=MOST_NUMBERS,
    )
