"""Contacts that are one person: proposed where names are equal, and merged by hand only."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from db.models import Contact
from db.queries.contacts.people import MOST_NUMBERS, TooManyNumbersError
from web.contacts.contact_page import addressed
from web.contacts.page import CHANGES, SEARCHES, look_for, people_of, searched
from web.request import access, limits
from web.request.access import Rows
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import field, read_uuid, uuid_field
from web.request.render import render

GROUPS = 50  # of equal names that are shown at once
MANY = f"Together they have more than {MOST_NUMBERS} numbers, the maximum for one person."

routes = web.RouteTableDef()


@routes.get("/contacts/duplicates")
async def duplicates(request: web.Request) -> web.StreamResponse:
    """Show who bears the same name."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, SEARCHES, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        groups = await rows.people.named_alike(GROUPS + 1)
        people = await people_of(rows, [each for group in groups for each in group])
    shown = [[people[each.id] for each in group] for group in groups[:GROUPS]]
    return render(request, "contacts/duplicates.html", groups=shown, is_more=len(groups) > GROUPS)


@routes.get("/contacts/{contact}/merge")
async def choose(request: web.Request) -> web.StreamResponse:
    """Show whom a contact can be merged with, or what a merge with one of them comes to."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, SEARCHES, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        contact = await addressed(request, rows)
        chosen = request.query.get("with")
        if chosen is not None:
            return await _proposal(request, rows, contact, await other_of(rows, contact, read_uuid(chosen)))
        text = searched(request)
        near = await look_for(rows, text or contact.name)
        others = [each for each in near if each.id != contact.id]
        people = await people_of(rows, [contact, *others])
    return render(
        request,
        "contacts/merge_choice.html",
        person=people[contact.id],
        others=[people[each.id] for each in others],
        q=text,
    )


@routes.post("/contacts/{contact}/merge")
async def merge(request: web.Request) -> web.StreamResponse:
    """Make two contacts one."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        contact = await addressed(request, rows)
        other = await other_of(rows, contact, await uuid_field(request, "with"))
        name = other.name if await field(request, "name") == "other" else contact.name
        await make_one(rows, contact, other, name)
    raise web.HTTPSeeOther(f"/contacts/{contact.id}?done=merged")


async def make_one(rows: Rows, contact: Contact, other: Contact, name: str) -> None:
    """Make ``other``'s numbers ``contact``'s, who is called ``name`` from now on. Raise `ConflictError`.

    The organisation should be locked.
    """
    try:
        numbers = await rows.people.merge(contact, other, name)
    except TooManyNumbersError:
        raise ConflictError("many", MANY) from None
    await rows.audit.record("contacts.merged", {"numbers": numbers})


async def other_of(rows: Rows, contact: Contact, other_id: UUID) -> Contact:
    """Return whom ``contact`` is to be merged with. Raise `NotFoundError` and `InvalidError`."""
    other = await rows.contacts.get(other_id)
    if other is None:
        raise NotFoundError("There is no such contact. It may have been removed.")
    if other.id == contact.id:
        raise InvalidError("That is the same contact already.")
    return other


async def _proposal(request: web.Request, rows: Rows, contact: Contact, other: Contact) -> web.Response:
    people = await people_of(rows, [contact, other])
    notes = await rows.contact_notes.of([contact.id, other.id])
    mine, theirs = people[contact.id], people[other.id]
    return render(
        request,
        "contacts/merge.html",
        person=mine,
        other=theirs,
        notes={each: len(notes.get(each, ())) for each in (contact.id, other.id)},
        too_many=MANY if len(mine.numbers) + len(theirs.numbers) > MOST_NUMBERS else "",
    )
