"""What is stored of people: an owner exports it, or has it erased. `closing` ends the whole organisation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from aiohttp import web

from db.models import Closure, Member
from db.queries.rate_limits import Limit
from db.queries.rights.erasures import CallInProgressError
from db.queries.rights.exports import Part
from provisioning.billing.notices import day
from web.config import SETTINGS
from web.contacts.table import number_of
from web.request import access, archive, limits
from web.request.access import Rows, Viewer
from web.request.callers import customer_number, shown
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render
from web.request.typed import tidy

EXPORTS = Limit("exports", count=20, seconds=60 * 60)
_READ_ME = """What Bilby stores of {whom}, read on {at} (UTC).

One file for each table, with commas between the values (CSV, UTF-8). Times are UTC; phone numbers
are written +61…. A file is missing where there is no data. Ids link the files with each other.
Left out are secrets, such as those that sign webhooks, and what only serves to find rows. What was said in calls is
not here because it is never stored.
"""

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the organisation as shown. ``is_here``: still a member."""

    id: UUID
    name: str
    email: str
    role: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """A phone number that was looked up, and what is stored about it."""

    number: str
    shown: str
    calls: int
    """As many as are found at once: more are possible."""
    is_more: bool
    name: str
    others: Sequence[str] = ()
    """Further numbers of the same contact: what is stored about those is found, and goes, with it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with one of the page's forms, and what was typed."""

    place: str
    sentence: str
    typed: str = ""


@routes.get("/settings/data")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await page(request, await access.require(request, "data"))


@routes.get("/settings/data/export.zip")
async def export_all(request: web.Request) -> web.StreamResponse:
    """Send everything that is stored of the organisation."""
    viewer = await access.require(request, "data")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        parts = rows.exports.of_organisation()
        await rows.audit.record("data.exported", {"of": "organisation"})
    return await _send(request, viewer, viewer.organisation, parts, "organisation")


@routes.get("/settings/data/members/{member}/export.zip")
async def export_member(request: web.Request) -> web.StreamResponse:
    """Send what is stored of one member, present or removed."""
    viewer = await access.require(request, "data")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        member = await _person(request, rows)
        parts = rows.exports.of_member(member.id)
        await rows.audit.record("data.exported", {"of": "member", "member": member.name})
    return await _send(request, viewer, member.name or member.email, parts, "member")


@routes.post("/settings/data/members/{member}/erase")
async def erase_member(request: web.Request) -> web.StreamResponse:
    """Forget who a removed member was."""
    viewer = await access.require(request, "data")
    async with access.rows(request, viewer) as rows:
        member = await _person(request, rows)
        if member.removed_at is None:
            raise InvalidError("Remove this person from the team first.")
        await rows.erasures.of_member(member.id)
        await rows.audit.record("member.erased", {"role": member.role})
    raise web.HTTPSeeOther("/settings/data?done=member#people")


@routes.post("/settings/data/customer")
async def find_customer(request: web.Request) -> web.StreamResponse:
    """Show what is stored about a phone number."""
    viewer = await access.require(request, "data")
    typed = await field(request, "number")
    number = _e164(typed)
    if number is None:
        sentence = "That is not a phone number. Type it as your customer gives it, such as 0412 345 678."
        return await page(request, viewer, Problem("customer", sentence, typed[:40]))
    return await page(request, viewer, customer=number)


@routes.post("/settings/data/customer/export.zip")
async def export_customer(request: web.Request) -> web.StreamResponse:
    """Send what is stored about a phone number. The number is no part of any address, which would be logged."""
    viewer = await access.require(request, "data")
    await limits.hit(request, EXPORTS, str(viewer.organisation_id))
    number = await _number(request, "number")
    async with access.rows(request, viewer) as rows:
        parts = rows.exports.of_customer(await rows.contacts.of_same(number))
        await rows.audit.record("data.exported", {"of": "customer"})
    return await _send(request, viewer, shown(number), parts, "customer")


@routes.post("/settings/data/customer/erase")
async def erase_customer(request: web.Request) -> web.StreamResponse:
    """Delete what is stored about a phone number, if it was typed again. The audit log says how much it was."""
    viewer = await access.require(request, "data")
    number, again = await _number(request, "number"), await field(request, "again")
    if _e164(again) != number:
        sentence = f"That is not {shown(number)}. Nothing was erased."
        return await page(request, viewer, Problem("erase", sentence, again[:40]), customer=number)
    try:
        async with access.rows(request, viewer) as rows:
            erased = await rows.erasures.of_customer(await rows.contacts.of_same(number))
            counts = {"calls": erased.calls, "contacts": erased.contacts, "events": erased.events}
            await rows.audit.record("customer.erased", counts)
    except CallInProgressError:
        raise ConflictError("in_call", "They are on a call now. Try again when it is over.") from None
    raise web.HTTPSeeOther(f"/settings/data?done=customer&calls={erased.calls}#customer")


async def page(
    request: web.Request, viewer: Viewer, problem: Problem | None = None, *, customer: str | None = None
) -> web.Response:
    """Render the page, with what was wrong or found."""
    async with access.rows(request, viewer) as rows:
        people = [
            Person(each.id, each.name, each.email, each.role, each.removed_at is None)
            for each in await rows.erasures.people()
        ]
        closing = _closing(await rows.closures.current(), rows.organisation.time_zone, people)
        asks_code = await rows.factors.is_on(viewer.member_id)
        found = None
        if customer is not None:
            numbers = await rows.contacts.of_same(customer)
            listed = await rows.exports.page(rows.exports.of_customer(numbers)[0], None)
            name = (await rows.contacts.named([customer])).get(customer, "")
            others = [shown(each) for each in numbers[1:]]
            found = Customer(customer, shown(customer), len(listed.rows), listed.last is not None, name, others)
    settings = request.app[SETTINGS]
    return render(
        request,
        "organisation/data.html",
        status=200 if problem is None else 400,
        people=people,
        problem=problem,
        customer=found,
        done=request.query.get("done", ""),
        erased_calls=request.query.get("calls", ""),
        closing=closing,
        asks_code=asks_code,
        grace_days=settings.closing_grace_days,
        usual_days=settings.call_log_days,
    )


def _closing(closure: Closure | None, zone: str, people: Sequence[Person]) -> dict[str, str | bool] | None:
    if closure is None:
        return None
    by = next((person.name for person in people if person.id == closure.asked_by), "")
    return {"day": day(closure.due_at, zone), "can_stop": closure.state == "waiting", "by": by}


async def _person(request: web.Request, rows: Rows) -> Member:
    """Return the present or removed member whom the address names. Raise `NotFoundError`."""
    member_id = read_uuid(request.match_info["member"])
    member = next((each for each in await rows.erasures.people() if each.id == member_id), None)
    if member is None:
        raise NotFoundError
    return member


def _e164(typed: str) -> str | None:
    """Return the number as calls carry it, typed in whatever way."""
    return customer_number(tidy(typed)) or number_of(tidy(typed))


async def _number(request: web.Request, name: str) -> str:
    number = _e164(await field(request, name))
    if number is None:
        raise InvalidError("That is not a phone number.")
    return number


async def _send(
    request: web.Request, viewer: Viewer, whom: str, parts: Sequence[Part], name: str
) -> web.StreamResponse:
    now = datetime.now(UTC)
    read_me = _READ_ME.format(whom=whom, at=f"{now:%Y-%m-%d %H:%M}")
    return await archive.send(request, f"bilby-{name}-{now:%Y-%m-%d}.zip", read_me, _tables(request, viewer, parts))


async def _tables(request: web.Request, viewer: Viewer, parts: Sequence[Part]) -> AsyncIterator[archive.Table]:
    for part in parts:
        yield archive.Table(part.name, part.columns, _pages(request, viewer, part))


async def _pages(request: web.Request, viewer: Viewer, part: Part) -> AsyncIterator[Sequence[archive.Row]]:
    """Read the rows of a part, each page in a transaction of its own: a slow download holds none open."""
    last = None
    while True:
        async with access.rows(request, viewer) as rows:
            found = await rows.exports.page(part, last)
        if found.rows or last is None:
            yield found.rows
        if (last := found.last) is None:
            return
        await access.require_again(request, "data")
