"""The page of one call: who rang, who answered, hold, transfers, who watched, and why there were no words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Call
from db.queries.contacts.contacts import Card
from web.calls.log.course import Told, course, prompt_seconds, ringing_seconds, why_no_words
from web.calls.log.view import REASON_WORDS, duration, line, said
from web.contacts.view import NoteLine, note_lines
from web.phrases.hits import hits
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import NotFoundError
from web.request.forms import read_uuid
from web.request.render import render

routes = web.RouteTableDef()


@routes.get("/calls/{call}", name="call")
async def one(request: web.Request) -> web.StreamResponse:
    """Show one call: an agent theirs, others any of the organisation's."""
    viewer = await access.require(request, "calls")
    async with access.rows(request, viewer) as rows:
        call = await rows.log.get(read_uuid(request.match_info["call"]))
        if call is None:
            raise NotFoundError("There is no such call, or it is older than the period for which calls are kept.")
        zone = ZoneInfo(rows.organisation.time_zone)
        labels, tags = await rows.choices.labels(), await rows.wrap_ups.tags([call.id])
        fired = hits((await rows.phrases.fired_in([call.id])).get(call.id, ()), zone)
        after = said(call, labels, tags.get(call.id, ()), notes_on=rows.organisation.notes_on)
        unsaid = (await rows.phrases.unsaid_in([call.id])).get(call.id, ())
        shown = line(call, zone, after, fired, unsaid)
        customer = await _customer(rows, viewer, shown.customer_e164, zone)
        notes_on = rows.organisation.notes_on
        told = await _told(rows, call)
        watchers = _sees_watchers(rows, viewer)
    return render(
        request,
        "calls/call.html",
        call=shown,
        customer=customer,
        notes_on=notes_on,
        events=course(told, zone, watchers=watchers),
        prompt=duration(prompt_seconds(call, told.offers)),
        ringing=duration(ringing_seconds(call, told.offers)),
        reasons=REASON_WORDS,
        why_no_words=why_no_words(call),
        duration=duration,
        zone=str(zone),
    )


@dataclass(frozen=True, slots=True)
class Customer:
    """What is kept for the number of a call's customer; ``blocked_at`` is None while it rings."""

    card: Card | None
    notes: Sequence[NoteLine] = ()
    blocked_by: str = ""
    blocked_at: datetime | None = None


async def _customer(rows: Rows, viewer: Viewer, number: str | None, zone: ZoneInfo) -> Customer:
    if number is None:
        return Customer(None)
    card, entry = (await rows.contacts.cards([number])).get(number), await rows.blocked.of(number)
    person = None if card is None or not rows.organisation.notes_on else card.person
    notes = [] if person is None else (await rows.contact_notes.of([person])).get(person, ())
    lines = note_lines(notes, viewer, zone)
    if entry is None:
        return Customer(card, lines)
    return Customer(card, lines, entry.member.name, entry.blocked_at.astimezone(zone))


async def _told(rows: Rows, call: Call) -> Told:
    legs, moments = await rows.log.legs(call.id), await rows.moments.of(call.id)
    offers = await rows.offers.of([call.id])
    members = {call.agent_id, *(leg.member_id for leg in legs), *(each.member_id for each in moments)}
    return Told(call, legs, offers, moments, await _names(rows, members | {offer.member for offer in offers}))


async def _names(rows: Rows, members: set[UUID | None]) -> Mapping[UUID, str]:
    found = [await rows.members.get(each) for each in members if each is not None]
    return {member.id: member.name for member in found if member is not None}


def _sees_watchers(rows: Rows, viewer: Viewer) -> bool:
    return viewer.may("calls.all") or rows.organisation.watchers_shown
