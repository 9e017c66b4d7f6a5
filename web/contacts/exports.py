"""Contacts and the block list as CSV: numbers in E.164, a line for each, as they can be imported again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from db.models import BlockedNumber, Contact
from db.paging import Cursor
from db.queries.contacts.contacts import person_of
from db.queries.rate_limits import Limit
from web.request import access, csv_export, limits
from web.request.access import Viewer

EXPORTS = Limit("contact exports", count=20, seconds=60 * 60)
_CONTACTS = ("Name", "Number", "Do not call", "Do not transcribe", "Added (UTC)", "Contact")
_BLOCKED = ("Number", "Blocked by", "Blocked (UTC)")

routes = web.RouteTableDef()


@routes.get("/contacts.csv")
async def contacts(request: web.Request) -> web.StreamResponse:
    """Send all numbers; those of one person have the same *Contact*."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        await rows.audit.record("contacts.exported", {"contacts": await rows.contacts.count()})
    pages = _contacts(request, viewer)
    return await csv_export.export(request, "contacts.csv", _CONTACTS, pages, _contact)


@routes.get("/blocked.csv")
async def blocked(request: web.Request) -> web.StreamResponse:
    """Send the block list."""
    viewer = await access.require(request, "callers")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        entries = await rows.blocked.all()
        await rows.audit.record("number.block_list_exported", {"numbers": len(entries)})

    async def pages() -> AsyncIterator[Sequence[BlockedNumber]]:
        yield entries

    return await csv_export.export(request, "blocked.csv", _BLOCKED, pages(), _entry)


async def _contacts(request: web.Request, viewer: Viewer) -> AsyncIterator[Sequence[Contact]]:
    """Read a page of people and all their numbers, each in a transaction of its own."""
    after: Cursor | None = None
    while True:
        async with access.rows(request, viewer) as rows:
            people = await rows.contacts.page(None, after=after, limit=csv_export.PAGE)
            numbers = await rows.contacts.numbers([each.id for each in people])
        if people:
            yield [row for each in people for row in numbers[each.id]]
        if len(people) < csv_export.PAGE:
            return
        after = Cursor(people[-1].created_at, people[-1].id)


def _contact(row: Contact) -> Sequence[str]:
    return (
        row.name,
        row.number,
        _yes(row.do_not_call),
        _yes(row.do_not_transcribe),
        row.created_at.isoformat(sep=" ", timespec="seconds"),
        str(person_of(row)),
    )


def _entry(row: BlockedNumber) -> Sequence[str]:
    return row.number, row.member.name, row.blocked_at.isoformat(sep=" ", timespec="seconds")


def _yes(is_set: bool) -> str:
    return "yes" if is_set else "no"
