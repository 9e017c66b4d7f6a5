"""Twilio's voice webhooks, answered with TwiML.

The call matters more than its transcription: if the stream fails, or a dialled call's row, `<Start>` is left out and
the call is connected anyway. A room is its row: without it the caller stays on the line and Twilio asks again. Even
without the database the caller hears a sentence: on an error status Twilio would say that "an application error has
occurred".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from aiohttp import web

from db.call_progress import CallReport, Direction, TurnedAway, is_over
from db.models import Call, Number
from db.queries.organisations import Entitlements, entitlements
from db.queries.words.hearings import NumberHearing
from provisioning.twilio import webhook_url
from web.calls import answering, outgoing, overflow, screening, twiml
from web.calls.answering import Announce, Arrival, Ring
from web.calls.callback_forms import Form, call_sid, client_identity, member_id, parent_sid
from web.calls.routing import ROUTING, Admission
from web.calls.spoken import RECORD_SECONDS, complain, consent_prompt, spoken
from web.calls.streams.start import stream_start
from web.config import SETTINGS
from web.request import access
from web.request.access import PERMISSIONS, Rows
from web.request.callers import customer_number, shown
from web.request.dialling import DiallingError, dialled
from web.request.errors import NotFoundError

TICKET_AGE = timedelta(minutes=2)  # of a call that may still get a ticket; Twilio repeats a webhook within seconds

WAIT = "Sorry, we cannot connect your call yet. Please stay on the line while we try again, or call back later."
NOT_IN_SERVICE = "Sorry, this number is not in service. Goodbye."
NOT_ALLOWED = "Sorry, you cannot make calls from here. Please ask your admin. Goodbye."
NO_NUMBER = "Sorry, your organisation has no phone number to call from. Please ask your admin. Goodbye."

_RINGS = Arrival(Ring())

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Line:
    """A number of ours, the organisation that rents it, and what that organisation is entitled to."""

    organisation_id: UUID
    entitlements: Entitlements
    prompt: str
    number_id: UUID
    e164: str
    hearing: NumberHearing


@dataclass(frozen=True, slots=True)
class _Begun:
    """A new call. ``agent`` is the member who dials; None for an inbound call until it is answered."""

    call: str
    direction: Direction
    line: _Line
    caller: str
    called: str
    agent: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """The call's row exists: the stream to start, if any, and whether somebody has already answered."""

    stream: twiml.Transcribed | None = None
    was_answered: bool = False
    room: Admission | None = None
    """Where it is connected; None: agents are dialled."""


@routes.post("/twilio/voice/inbound")
async def inbound(request: web.Request) -> web.Response:
    """Answer an incoming call. A repeated webhook gets the same answer with a new ticket."""
    return await spoken(request, _inbound)


@routes.post(webhook_url.FALLBACK)
@routes.get(webhook_url.FALLBACK)
async def fallback(request: web.Request) -> web.Response:
    """Answer for a call whose webhook failed, without the database and without a signature.

    The proxy serves the same document when no web process is up (deploy/caddy/Caddyfile).
    """
    return web.Response(text=twiml.wait_and_try_again(WAIT, _callbacks(request)), content_type="text/xml")


@routes.post("/twilio/voice/outbound")
async def outbound(request: web.Request) -> web.Response:
    """Answer a call that an agent dials. Twilio takes ``From`` from their token; the rest is user input."""
    return await spoken(request, _outbound)


@routes.post("/twilio/voice/whisper")
async def whisper(request: web.Request) -> web.Response:
    """Play the consent prompt to the person who was called, before the two are connected."""
    return await spoken(request, _whisper)


async def _inbound(request: web.Request, form: Form) -> str:
    call, caller, called = call_sid(form), form.get("From", ""), form.get("To", "")
    try:
        async with access.by_number(request, called) as (rows, number):
            if await screening.is_refused(rows, call, caller):
                await screening.refuse(rows, call, caller, number)
                return twiml.reject()
            line = await _line(request, rows, number)
            agents = [client_identity(member.id) for member in await rows.members.to_ring(twiml.MOST_NOUNS)]
            has_agents = bool(agents) or ROUTING in request.app  # in a room, callers may wait
            arrival = await _arrival(request, rows, number, form, has_agents=has_agents)
    except NotFoundError:
        return twiml.say_goodbye(NOT_IN_SERVICE)
    if not line.entitlements.connects:
        return twiml.say_goodbye(NOT_IN_SERVICE)
    opened = await _begin(request, _Begun(call, "inbound", line, caller, called), arrival)
    if opened.room is not None:
        return request.app[ROUTING].enter(request, opened.room, opened.stream)
    if opened.was_answered:  # the conversation is over: a later failure led back here through the number's fallback
        return twiml.hang_up()
    if not isinstance(arrival.step, Ring):
        return overflow.document(request, arrival.step, form)
    callbacks = _callbacks(request)
    if ROUTING in request.app:  # the room was not written, so nobody could join it
        return twiml.wait_and_try_again(WAIT, callbacks)
    return twiml.ring_agents(agents, call=call, caller=shown(caller), stream=opened.stream, callbacks=callbacks)


async def _arrival(request: web.Request, rows: Rows, number: Number, form: Form, *, has_agents: bool) -> Arrival:
    """Decide what the caller gets."""
    plan = await rows.answering.of(number.id)
    zone, now = rows.organisation.time_zone, datetime.now(UTC)
    arrival = answering.on_arrival(plan, zone, now, has_agents=has_agents)
    if isinstance(arrival.step, Ring):
        return arrival
    platform = request.app[SETTINGS].dial_countries
    return Arrival(await overflow.checked(rows, arrival.step, form, platform), arrival.reason)


async def _outbound(request: web.Request, form: Form) -> str:
    call, agent, settings = call_sid(form), member_id(form.get("From", "")), request.app[SETTINGS]
    if ROUTING in request.app and not form.get("To"):
        return await request.app[ROUTING].softphone(request, form)
    try:
        called = dialled(form.get("To", ""), settings.dial_countries)
        line = await _line_of(request, agent)
        if line is None:
            return twiml.say_goodbye(NO_NUMBER)
        opened = await _begin(request, _Begun(call, "outbound", line, line.e164, called, agent))
    except DiallingError as refusal:
        return twiml.say_goodbye(str(refusal))
    except NotFoundError:
        return twiml.say_goodbye(NOT_ALLOWED)
    longest, callbacks = settings.outbound_call_minutes * 60, _callbacks(request)
    return twiml.call_out(called, caller_id=line.e164, longest=longest, stream=opened.stream, callbacks=callbacks)


async def _whisper(request: web.Request, form: Form) -> str:
    prompt = request.app[SETTINGS].consent_prompt
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_call(request, parent_sid(form)) as rows:
            row = await rows.calls.get(parent_sid(form))
            hearing = await rows.hearings.of(None if row is None else row.number_id)
            prompt = consent_prompt(request, rows, hearing)
    except Exception as error:  # the prompt is required anyway: use the platform's
        _log.warning("organisation's consent prompt not read", error=type(error).__name__)
    return twiml.say(prompt)


async def _line_of(request: web.Request, agent: UUID | None) -> _Line | None:
    """Return the line that ``agent`` calls from, None if their organisation has no number.

    Raise `NotFoundError` if ``agent`` is not a member or may not call.
    """
    if agent is None:
        raise NotFoundError
    async with access.by_member(request, agent) as (rows, member):
        if "softphone" not in PERMISSIONS[member.role] or not entitlements(rows.organisation).connects:
            raise NotFoundError
        numbers = await rows.numbers.all()
        return await _line(request, rows, numbers[0]) if numbers else None


async def _begin(request: web.Request, begun: _Begun, arrival: Arrival = _RINGS) -> _Opened:
    """Record the call, and return the stream to start if it may be transcribed.

    Raise only `DiallingError`, for an outgoing call above the limits: calls are counted by their rows, so the check
    and the row are one transaction.

    A call that is not in the call log is not transcribed. A webhook that is repeated much later gets no ticket:
    Twilio's signature has no time, so it may be a replay.
    """
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_number(request, begun.line.e164) as (rows, _):
            if begun.direction == "outbound":
                await rows.lock()
                await outgoing.check(rows, request.app[SETTINGS], begun.called, begun.call)
            row = await _open(rows, begun)
            room = await _admit(request, rows, row, begun, arrival)
            is_young = await rows.calls.age(row) <= TICKET_AGE and not is_over(row.status)
            was_answered = row.answered_at is not None
            if arrival.reason is not None and not was_answered:
                await rows.calls.report(begun.call, TurnedAway(arrival.reason))
            if isinstance(arrival.step, Announce):
                await rows.calls.report(begun.call, CallReport("lost", datetime.now(UTC)))
        heard = row.words_stopped_at is None
        transcribed = is_young and heard and begun.line.entitlements.transcribes
        return _Opened(_transcribed(request, begun) if transcribed else None, was_answered, room)
    except DiallingError:
        raise
    except Exception as error:
        complain("call not transcribed", error)
        return _Opened()


async def _admit(request: web.Request, rows: Rows, call: Call, begun: _Begun, arrival: Arrival) -> Admission | None:
    """Open the call's room, if that is how callers are connected, and this one is."""
    if begun.direction == "outbound" or not isinstance(arrival.step, Ring) or ROUTING not in request.app:
        return None
    return await request.app[ROUTING].admit(rows, call, begun.line.e164)


async def _open(rows: Rows, begun: _Begun) -> Call:
    customer = customer_number(begun.caller if begun.direction == "inbound" else begun.called)
    call = await rows.calls.open(
        begun.call,
        direction=begun.direction,
        from_number=begun.caller,
        to_number=begun.called,
        agent_id=begun.agent,
        number_id=begun.line.number_id,
        customer=customer,
    )
    await screening.apply_wish(rows, call, customer)
    return call


def _transcribed(request: web.Request, begun: _Begun) -> twiml.Transcribed:
    start = stream_start(
        request.app[SETTINGS],
        org=begun.line.organisation_id,
        call=begun.call,
        direction=begun.direction,
        agent=begun.agent,
        hearing=begun.line.hearing,
    )
    return twiml.Transcribed(start, begun.line.prompt)


async def _line(request: web.Request, rows: Rows, number: Number) -> _Line:
    organisation, hearing = rows.organisation, await rows.hearings.of(number.id)
    about = (organisation.id, entitlements(organisation), consent_prompt(request, rows, hearing))
    return _Line(*about, number.id, number.e164, hearing)


def _callbacks(request: web.Request) -> twiml.Callbacks:
    return twiml.Callbacks(request.app[SETTINGS].web_public_url)
