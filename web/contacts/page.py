"""The organisation's contacts: people and their phone numbers, shown when they call. Added as a table, looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field as default
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from db.models import Contact
from db.paging import Cursor
from db.queries.contacts.contacts import MOST, Kept, TooManyContactsError
from db.queries.rate_limits import Limit
from web.contacts import table as contacts_table
from web.contacts.view import ShownContact, read_count, shown_contact
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.forms import field
from web.request.paging import read_cursor, write_cursor
from web.request.render import render
from web.request.typed import tidy

CHANGES = Limit("contacts", count=60, seconds=10 * 60)
SEARCHES = Limit("contact searches", count=60, seconds=60)
"""Names are encrypted, so that each search reads all of them."""
LISTED = 100
_LONGEST_SEARCH = 120  # characters
_REPORT = ("added", "changed", "same", "repeated", "alike")

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Typed:
    """Rejected input, and what is wrong with it."""

    table: str = ""
    wrong: Sequence[str] = default(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """People as listed; ``older`` leads to the next of them, if there are more."""

    people: Sequence[ShownContact]
    older: str = ""


@routes.get("/contacts")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the newest, or those that are looked for."""
    return await _page(request, await access.require(request, "callers"))


@routes.post("/contacts")
async def keep(request: web.Request) -> web.StreamResponse:
    """Keep the names in a table. If a line of it is wrong, keep nothing and show it as typed."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    text = await field(request, "table")
    table = contacts_table.read(text)
    wrong = list(table.wrong) or ([] if table.names else ["It contains no names and numbers."])
    if not wrong:
        try:
            kept = await _keep(request, viewer, table)
        except TooManyContactsError:
            wrong = [f"This would exceed the maximum of {MOST:,} numbers."]
        else:
            report = (kept.added, kept.changed, kept.same, table.repeated, table.alike)
            raise web.HTTPSeeOther(f"/contacts?{urlencode(dict(zip(_REPORT, report, strict=True)))}")
    return await _page(request, viewer, Typed(text, wrong))


@routes.post("/contacts/remove")
async def remove_all(request: web.Request) -> web.StreamResponse:
    """Remove all contacts."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        count = await rows.contacts.remove_all()
        if count:
            await rows.audit.record("contacts.removed", {"contacts": count})
    raise web.HTTPSeeOther("/contacts")


async def look_for(rows: Rows, text: str) -> Sequence[Contact]:
    """Return who is called so, or has such a number; at most `LISTED`. Spend of `SEARCHES` before."""
    whole = contacts_table.number_of(text)
    if whole is not None:
        return await rows.contacts.page(whole, after=None, limit=1)
    return await rows.people.find(text, LISTED)


def searched(request: web.Request) -> str:
    """Return what is looked for, "" if nothing is."""
    return tidy(request.query.get("q", ""))[:_LONGEST_SEARCH]


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
    text = searched(request)
    if text:
        await limits.hit(request, SEARCHES, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        count = await rows.contacts.count()
        found = await (_listed(request, rows) if not text else _found(rows, text))
    return render(
        request,
        "contacts/contacts.html",
        status=400 if typed else 200,
        typed=typed or Typed(),
        count=count,
        found=found,
        q=text,
        most=LISTED,
        report={name: read_count(request, name) for name in _REPORT},
    )


async def _found(rows: Rows, text: str) -> Found:
    return Found(list((await people_of(rows, await look_for(rows, text))).values()))


async def _listed(request: web.Request, rows: Rows) -> Found:
    after = read_cursor(request.query.get("before"))
    contacts = await rows.contacts.page(None, after=after, limit=LISTED + 1)
    listed, older = contacts[:LISTED], ""
    if len(contacts) > LISTED:
        older = f"/contacts?{urlencode({'before': write_cursor(Cursor(listed[-1].created_at, listed[-1].id))})}"
    return Found(list((await people_of(rows, listed)).values()), older)


async def people_of(rows: Rows, contacts: Sequence[Contact]) -> Mapping[UUID, ShownContact]:
    """Return ``contacts`` as shown, in their order."""
    numbers = await rows.contacts.numbers([each.id for each in contacts])
    return {each.id: shown_contact(each, numbers[each.id]) for each in contacts}
