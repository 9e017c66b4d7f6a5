"""Calls that agents make: the room first, then the agent in it, then the customer (`due.CallOut`)."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from aiohttp import web

from db.call_progress import Direction
from db.models import Number
from db.queries.organisations import entitlements
from web.calls import outgoing, screening
from web.conferences import rooms
from web.conferences.machine.room import CUSTOMER, Leg, Room
from web.config import SETTINGS
from web.request import access
from web.request.access import Rows, Viewer
from web.request.callers import customer_number
from web.request.countries import dialled_for
from web.request.dialling import DiallingError
from web.request.errors import ConflictError
from web.request.forms import read_as

NO_NUMBER = "Your organisation has no phone number to call from. Please ask your admin."
NOT_PAID = "Your organisation cannot make calls at the moment. Please ask the owner."
BUSY = "You are on another call."
OUTBOUND: Direction = "outbound"

routes = web.RouteTableDef()


class CallSent(msgspec.Struct):
    to: str


@routes.post("/phone/calls")
async def call(request: web.Request) -> web.Response:
    """Begin a call to ``{"to": number}``. Return ``{"call": id}``, the room for the softphone to join.

    409 with a code if the number may not be called now (`web.request.dialling.Reason`), or ``busy``.
    """
    viewer = await access.require(request, "softphone")
    sent, settings = await read_as(request, CallSent), request.app[SETTINGS]
    try:
        async with access.of_organisation(request, viewer) as rows:
            number = dialled_for(rows.organisation, sent.to, settings.dial_countries)
            await rows.lock()
            line = await _line(rows)
            await outgoing.check(rows, settings, number)
            if any(room.concerns(viewer.member_id) for room in (await rooms.live(rows)).values()):
                raise ConflictError("busy", BUSY)
            call_id = await _open(rows, viewer, line, number)
    except DiallingError as refusal:
        raise ConflictError(refusal.reason, str(refusal)) from None
    return web.json_response({"call": call_id})


async def _line(rows: Rows) -> Number:
    """Return our number that is shown to whom is called."""
    if not entitlements(rows.organisation).connects:
        raise ConflictError("not_paid", NOT_PAID)
    numbers = await rows.numbers.all()
    if not numbers:
        raise ConflictError("no_number", NO_NUMBER)
    return numbers[0]


async def _open(rows: Rows, viewer: Viewer, line: Number, number: str) -> str:
    """Record the call and open its room. Twilio is asked to call once the agent is in it."""
    row = await rows.calls.open(
        f"{rooms.EXPECTED}{uuid4().hex}",
        direction=OUTBOUND,
        from_number=line.e164,
        to_number=number,
        status="queued",
        agent_id=viewer.member_id,
        number_id=line.id,
        customer=customer_number(number),
    )
    await screening.apply_wish(rows, row, customer_number(number))
    now = rooms.now_ms()
    room = Room(
        OUTBOUND,
        Leg(CUSTOMER, number=number),
        phase="dialling",
        since=now,
        agent=viewer.member_id,
        line=line.e164,
        heard_at=now,
    )
    await rooms.begin(rows, row.id, room)
    return str(row.id)
