"""Twilio's webhooks about rooms: documents that lead into one or out of it, and what has happened in one.

A document is always answered: without the database people are still led into the room, or hear an apology. An event
that cannot be written is answered with an error, so that Twilio repeats it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import structlog
from aiohttp import web

from db.call_progress import CallReport
from db.models import Call
from db.queries.organisations import entitlements
from web.calls import answering, overflow, twiml
from web.calls.answering import Announce, Overflow
from web.calls.callback_forms import Form, FormError, call_report, call_sid
from web.calls.callbacks import noted
from web.calls.dial_ends import UNREACHED
from web.calls.spoken import RECORD_SECONDS, complain, consent_prompt, spoken
from web.calls.streams.recovery import STREAM_RECOVERY
from web.calls.streams.start import stream_start
from web.calls.streams.stops import STREAM_STOPS
from web.calls.twiml import Transcribed
from web.conferences import documents, rooms, waiting
from web.conferences.callbacks import conference_event, room_id
from web.conferences.documents import CALL_ME, DECLINES, Sound
from web.conferences.machine.events import Arriving, CallStatus, DroppedOut, Event, InRoom, Parted
from web.conferences.machine.reports import TERMINAL
from web.conferences.machine.room import CUSTOMER, Room, is_label
from web.conferences.performing import follow
from web.conferences.rooms import Change
from web.conferences.routing import room_urls
from web.config import SETTINGS
from web.request import access
from web.request.access import Rows
from web.request.static_files.files import STATIC_FILES

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@routes.post("/twilio/conference/events")
async def events(request: web.Request) -> web.Response:
    """Handle a status callback of a conference."""
    return await noted(request, _conference)


@routes.post("/twilio/conference/status")
async def status(request: web.Request) -> web.Response:
    """Handle the status of a call that we made: a customer's, or an outside party's."""
    return await noted(request, _call_made)


@routes.post("/twilio/conference/wait")
async def wait(request: web.Request) -> web.Response:
    """Answer what somebody hears who waits, is on hold, or is alone."""
    return await spoken(request, _wait)


@routes.post("/twilio/conference/supervised")
async def supervised(request: web.Request) -> web.Response:
    """Answer what those in a room hear when a supervisor has come."""
    return await spoken(request, _supervised)


@routes.post("/twilio/conference/consent")
async def consent(request: web.Request) -> web.Response:
    """Go on after the key press that the consent prompt asks for."""
    return await spoken(request, _consent)


@routes.post("/twilio/conference/called")
async def called(request: web.Request) -> web.Response:
    """Lead somebody into the room who has answered our call: the customer, or an outside party."""
    return await spoken(request, _called)


@routes.post("/twilio/conference/back")
async def back(request: web.Request) -> web.Response:
    """Lead a customer into the room again who has dropped out of the conference."""
    return await spoken(request, _back)


@routes.post("/twilio/conference/left")
async def left(request: web.Request) -> web.Response:
    """Go on after the `<Dial>` that led a leg into the room."""
    return await spoken(request, _left)


@routes.post("/twilio/conference/call-back")
async def call_back(request: web.Request) -> web.Response:
    """Go on after the key press by which a caller asks to be called back."""
    return await spoken(request, _call_back)


@routes.post("/twilio/conference/elsewhere")
async def elsewhere(request: web.Request) -> web.Response:
    """Give a customer for whom nobody comes the overflow number or an announcement."""
    return await spoken(request, _elsewhere)


async def _conference(request: web.Request, form: Form) -> None:
    event = conference_event(form)
    if event is not None:
        await _take(request, room_id(form.get("FriendlyName", "")), event)


async def _call_made(request: web.Request, form: Form) -> None:
    call_id, leg, sid = _room(request), _label(request), call_sid(form)
    await _take(request, call_id, CallStatus(leg, sid, form.get("CallStatus", "")))
    report = call_report(form, datetime.now(UTC))
    if leg == CUSTOMER and report is not None:
        async with access.by_room(request, call_id) as rows:
            await rows.calls.report(sid, report)


async def _wait(request: web.Request, form: Form) -> str:
    call_id, asked = _room(request), request.query.get("sound", "")
    sound: Sound = "music" if asked == "music" else "ringing"
    sentence = ""
    try:
        async with asyncio.timeout(RECORD_SECONDS):
            change = await _take(request, call_id, InRoom(call_sid(form), form.get("ConferenceSid", "")))
            if change is not None and _is_waiting(change.after, call_sid(form)):
                sound, sentence = await _wait_sound(request, call_id, change.call_sid)
    except Exception as error:  # whoever waits hears something all the same
        _log.warning("waiting caller not recorded", error=type(error).__name__)
    url = request.app[SETTINGS].web_public_url + request.app[STATIC_FILES].url(f"waiting/{sound}.wav")
    return documents.waiting(room_urls(request, call_id), sound, url, sentence=sentence)


async def _supervised(_: web.Request, __: Form) -> str:
    return documents.supervised()


def _is_waiting(room: Room, sid: str) -> bool:
    """Return whether that leg is a caller whom nobody has answered yet."""
    return room.direction == "inbound" and room.customer.call_sid == sid and room.phase in ("waiting", "claimed")


async def _wait_sound(request: web.Request, call_id: UUID, sid: str) -> tuple[Sound, str]:
    async with access.by_room(request, call_id) as rows:
        row = await rows.calls.get(sid)
        plan = await rows.plans.of(None if row is None else row.number_id)
        return waiting.heard(plan, await rows.callers.position(call_id))


async def _call_back(request: web.Request, form: Form) -> str:
    call_id, sid = _room(request), call_sid(form)
    if form.get("Digits") != CALL_ME:
        return documents.elsewhere(room_urls(request, call_id), offered=True)
    async with asyncio.timeout(RECORD_SECONDS), access.by_room(request, call_id) as rows:
        await rows.calls.ask_callback(sid)
        await rows.calls.report(sid, CallReport("lost", datetime.now(UTC)))
    return twiml.say_goodbye(waiting.WILL_CALL_BACK)


async def _consent(request: web.Request, form: Form) -> str:
    call_id, declined = _room(request), form.get("Digits") == DECLINES
    stream = None
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_room(request, call_id) as rows:
            if declined:
                await rows.calls.decline_words(call_sid(form))
            stream = await _stream(request, rows, call_sid(form))
    except Exception as error:  # without its row a call is not transcribed
        complain("consent not recorded", error)
    return documents.customer(room_urls(request, call_id), stream=None if declined else stream, spoken=True)


async def _called(request: web.Request, form: Form) -> str:
    call_id, label, sid = _room(request), _label(request), call_sid(form)
    prompt: str | None = None
    stream: Transcribed | None = None
    asks = over = False
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_room(request, call_id) as rows:
            change = await rooms.apply(rows, call_id, Arriving(label, sid))
            if change is None:
                return twiml.hang_up()
            over = change.after.is_over
            row = await rows.calls.get(change.call_sid)
            if label == CUSTOMER:
                stream = await _stream(request, rows, sid)
                asks = row is not None and (await rows.plans.of(row.number_id)).asks_consent
            elif row is not None and row.transcription is not None and row.words_stopped_at is None:
                prompt = consent_prompt(request, rows, await rows.hearings.of(row.number_id))
        follow(request.app, change)
    except Exception as error:  # people talk without words
        complain("called party not recorded", error)
    if over:
        return twiml.hang_up()
    if label != CUSTOMER:
        return documents.outside(room_urls(request, call_id), label, prompt=prompt)
    return documents.customer(room_urls(request, call_id), stream=stream, asks_consent=asks)


async def _back(request: web.Request, _: Form) -> str:
    return documents.customer(room_urls(request, _room(request)))


async def _left(request: web.Request, form: Form) -> str:
    call_id, sid, ended = _room(request), call_sid(form), form.get("CallStatus", "") in TERMINAL
    async with asyncio.timeout(RECORD_SECONDS), access.by_room(request, call_id) as rows:
        room = await rooms.load(rows, call_id)
        is_customer = room is not None and room.customer.call_sid == sid
        was_in = form.get("DialCallStatus") == "answered"
        event: Event = CallStatus("", sid, "completed")
        if not ended and (is_customer or was_in):
            event = DroppedOut(sid) if is_customer else Parted(sid)
        change = await rooms.apply(rows, call_id, event)
    follow(request.app, change)
    if change is None or ended:
        return twiml.hang_up()
    if is_customer:
        return _after_customer(request, change.after, call_id)
    unreached = UNREACHED.get(change.after.customer.end) if change.after.direction == "outbound" else None
    return twiml.hang_up() if unreached is None else twiml.say_goodbye(unreached)


def _after_customer(request: web.Request, room: Room, call_id: UUID) -> str:
    """Return what follows for a customer who is out of the conference but on the line."""
    if room.is_over:
        return twiml.hang_up()
    if room.phase == "elsewhere":
        return documents.elsewhere(room_urls(request, call_id))
    return documents.customer(room_urls(request, call_id))


async def _elsewhere(request: web.Request, form: Form) -> str:
    call_id, sid = _room(request), call_sid(form)
    step: Announce | Overflow = Announce(answering.NOBODY)
    was_offered, offers = request.query.get("offered") == "yes", False
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_room(request, call_id) as rows:
            room, row = await rooms.load(rows, call_id), await rows.calls.get(sid)
            if room is not None and row is not None:
                step = await _instead(request, rows, room, row, form)
                offers = not was_offered and await _offers_call_back(rows, room, row)
            if not offers and not isinstance(step, Overflow):
                await rows.calls.report(sid, CallReport("lost", datetime.now(UTC)))
    except Exception as error:  # they hear an apology all the same
        complain("unanswered caller not forwarded", error)
    place = request.app[STREAM_RECOVERY].find(sid)
    if place is not None and place.stream:  # whoever answers there has not heard the prompt
        request.app[STREAM_STOPS].order(sid, place.stream)
    if offers:
        return documents.offer_call_back(room_urls(request, call_id), waiting.CALL_BACK)
    return overflow.document(request, step, form, after_stream=not was_offered)


async def _offers_call_back(rows: Rows, room: Room, row: Call) -> bool:
    """Return whether the caller may ask to be called back: we know their number, and waiting was in vain."""
    if room.direction == "outbound" or room.reason == "outside_hours" or row.customer_hash is None:
        return False
    return (await rows.plans.of(row.number_id)).offers_callback


async def _instead(request: web.Request, rows: Rows, room: Room, row: Call, form: Form) -> Announce | Overflow:
    if row.number_id is None or room.direction == "outbound":
        return Announce(answering.NOBODY)
    plan = await rows.answering.of(row.number_id)
    step = answering.when_closed(plan) if room.reason == "outside_hours" else answering.unanswered(plan)
    return await overflow.checked(rows, step, form, request.app[SETTINGS].dial_countries)


async def _take(request: web.Request, call_id: UUID, event: Event) -> Change | None:
    """Apply ``event`` to that call's room, and do what follows. Raise `NotFoundError`."""
    async with access.by_room(request, call_id) as rows:
        change = await rooms.apply(rows, call_id, event)
    follow(request.app, change)
    return change


async def _stream(request: web.Request, rows: Rows, sid: str) -> Transcribed | None:
    """Return the stream to start on the customer's leg, None if the call must not be transcribed."""
    row = await rows.calls.get(sid)
    if row is None or row.words_stopped_at is not None or not entitlements(rows.organisation).transcribes:
        return None
    settings, hearing = request.app[SETTINGS], await rows.hearings.of(row.number_id)
    start = stream_start(
        settings,
        org=rows.organisation.id,
        call=sid,
        direction=row.direction,
        agent=row.agent_id,
        hearing=hearing,
        on="customer",
    )
    return Transcribed(start, consent_prompt(request, rows, hearing))


def _room(request: web.Request) -> UUID:
    """Return the call that the URL names, which Twilio has signed. Raise `FormError`."""
    return room_id(request.query.get("room", ""))


def _label(request: web.Request) -> str:
    label = request.query.get("leg", "")
    if not is_label(label):
        raise FormError("leg")
    return label
