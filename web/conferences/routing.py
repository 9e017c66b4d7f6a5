"""Calls become rooms: the adapter of `web.calls.routing`, and the softphone's way in."""

from __future__ import annotations

import re
from uuid import UUID

from aiohttp import web

from db.call_progress import CallStatus
from db.models import Call
from db.queries.phone.conferences import Place
from web.calls import twiml
from web.calls.callback_forms import Form, call_sid, member_id
from web.calls.routing import Admission
from web.calls.twiml import Callbacks, Transcribed
from web.conferences import documents, rooms
from web.conferences.documents import RoomUrls
from web.conferences.machine.events import Arriving, CallStatus as StatusSeen
from web.conferences.machine.room import CUSTOMER, Leg, Room
from web.conferences.performing import follow
from web.config import SETTINGS
from web.request import access
from web.request.access import PERMISSIONS, Rows
from web.request.errors import NotFoundError

NOT_YOURS = "Sorry, you cannot take this call. Goodbye."
_ROOM = re.compile("[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


class RoomRouting:
    """Routing that connects every call in a room, a Twilio conference."""

    async def admit(self, rows: Rows, call: Call, line: str) -> Admission:
        """Open the room, unless a repeated webhook finds it open."""
        room = await rooms.load(rows, call.id)
        if room is None:
            customer = Leg(CUSTOMER, call.call_sid, "answered")
            now = rooms.now_ms()
            await rooms.begin(rows, call.id, Room("inbound", customer, since=now, heard_at=now, line=line))
        plan = await rows.plans.of(call.number_id)
        was_in = room is not None and room.has_waited
        return Admission(call.id, plan.asks_consent, was_in, room is not None and room.is_over)

    def enter(self, request: web.Request, admission: Admission, stream: Transcribed | None) -> str:
        """Return the customer's document. The number's fallback may have led somebody back who was in the room."""
        if admission.over:
            return twiml.hang_up()
        if admission.was_in:
            return documents.customer(room_urls(request, admission.call_id))
        return documents.customer(
            room_urls(request, admission.call_id), stream=stream, asks_consent=admission.asks_consent
        )

    async def softphone(self, request: web.Request, form: Form) -> str:
        """Lead a member's softphone into the room ``form`` names, if the member has claimed or is in that call."""
        named = form.get("room", "")
        if not named:
            return documents.preflight()
        member = member_id(form.get("From", ""))
        if member is None or not _ROOM.fullmatch(named):
            return twiml.say_goodbye(NOT_YOURS)
        call_id, leg = UUID(named), call_sid(form)
        try:
            async with access.by_member(request, member) as (rows, found):
                room = await rooms.load(rows, call_id)
                if room is None or not room.may_join(member) or "softphone" not in PERMISSIONS[found.role]:
                    return twiml.say_goodbye(NOT_YOURS)
                label, supervisor = room.label_of(member), room.supervisor(member)
                change = await rooms.apply(rows, call_id, Arriving(label, leg))
        except NotFoundError:
            return twiml.say_goodbye(NOT_YOURS)
        follow(request.app, change)
        if supervisor is not None:
            return documents.supervisor(room_urls(request, call_id), label, tone=supervisor.announced == "tone")
        dials = room.phase == "dialling"
        return documents.agent(room_urls(request, call_id), label, waits="ringing" if dials else None)

    async def ended(self, request: web.Request, organisation_id: UUID, call_id: UUID, status: CallStatus) -> None:
        """End the room with its customer's call."""
        async with access.of_room(request.app, Place(organisation_id, call_id)) as rows:
            change = await rooms.apply(rows, call_id, StatusSeen(CUSTOMER, "", status))
        follow(request.app, change)


def room_urls(request: web.Request, call_id: UUID) -> RoomUrls:
    """Return the addresses of that call's room."""
    return RoomUrls(call_id, Callbacks(request.app[SETTINGS].web_public_url))
