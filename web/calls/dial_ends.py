"""What follows when `<Dial>` has ended: the call is over, or it has rung in vain and the caller is still there.

Then the number's plan decides: another phone number, or an apology. Whoever answers there has not heard the consent
prompt, so the call's stream is stopped first.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from aiohttp import web

from db.call_progress import CallReport
from db.models import Call
from db.queries.answering_plans import Plan
from web.calls import answering, overflow, twiml
from web.calls.answering import Announce, Overflow
from web.calls.callback_forms import Form, call_sid, dial_report
from web.calls.spoken import RECORD_SECONDS, spoken
from web.calls.streams.recovery import STREAM_RECOVERY
from web.calls.streams.stops import STREAM_STOPS
from web.config import SETTINGS
from web.request import access
from web.request.access import Rows

UNREACHED = {  # what an agent hears when a call fails, by DialCallStatus
    "busy": "That number is busy. Goodbye.",
    "no-answer": "Nobody answered. Goodbye.",
    "failed": "That number could not be reached. Please check it and try again. Goodbye.",
}

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@routes.post("/twilio/voice/dialled")
async def after_dial(request: web.Request) -> web.Response:
    """Handle the end of the `<Dial>` that rang agents, or the number that an agent dialled."""
    return await spoken(request, _after_dial)


@routes.post("/twilio/voice/overflowed")
async def after_overflow(request: web.Request) -> web.Response:
    """Handle the end of the `<Dial>` to an overflow number."""
    return await spoken(request, _after_overflow)


async def _after_dial(request: web.Request, form: Form) -> str:
    call = call_sid(form)
    if form.get("From", "").startswith("client:"):
        await _record(request, call, form)
        sentence = UNREACHED.get(form.get("DialCallStatus", ""))
        return twiml.hang_up() if sentence is None else twiml.say_goodbye(sentence)
    step = await _record(request, call, form)
    if form.get("DialCallStatus") not in UNREACHED:
        return twiml.hang_up()
    if isinstance(step, Overflow):
        _stop_stream(request, call)
    return overflow.document(request, step, form, after_stream=True)


async def _record(request: web.Request, call: str, form: Form) -> Announce | Overflow:
    """Record how the `<Dial>` ended. Return what the caller gets if nobody was reached."""
    step: Announce | Overflow = Announce(answering.NOBODY)
    report = dial_report(form)
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_call(request, call) as rows:
            if report is not None:
                await rows.calls.report(call, report)
            row = await rows.calls.get(call)
            if row is not None and report is not None and not report.caller_left:
                step = await _unanswered(request, rows, row, form)
            if not isinstance(step, Overflow):
                await rows.calls.report(call, CallReport("lost", datetime.now(UTC)))
    except Exception as error:  # the status callback repeats it
        _log.warning("end of call not recorded", error=type(error).__name__)
    return step


async def _unanswered(request: web.Request, rows: Rows, call: Call, form: Form) -> Announce | Overflow:
    if call.direction == "outbound" or call.number_id is None or form.get("DialCallStatus") not in UNREACHED:
        return Announce(answering.NOBODY)
    step = answering.unanswered(await rows.answering.of(call.number_id))
    return await overflow.checked(rows, step, form, request.app[SETTINGS].dial_countries)


def _stop_stream(request: web.Request, call: str) -> None:
    """Stop the stream that was started for the call by REST, if any; TwiML stops only the one that it started."""
    place = request.app[STREAM_RECOVERY].find(call)
    if place is not None and place.stream:
        request.app[STREAM_STOPS].order(call, place.stream)


async def _after_overflow(request: web.Request, form: Form) -> str:
    call, step = call_sid(form), Announce(answering.NOBODY)
    is_reached = form.get("DialCallStatus", "") not in UNREACHED
    try:
        async with asyncio.timeout(RECORD_SECONDS), access.by_call(request, call) as rows:
            row = await rows.calls.get(call)
            if row is not None and row.number_id is not None and not is_reached:
                step = _apology(await rows.answering.of(row.number_id), row)
            report = dial_report(form)
            if report is not None and report.status == "completed":  # why no agent took it is known already
                await rows.calls.report(call, report)
            await rows.calls.report(call, CallReport("lost", datetime.now(UTC)))
    except Exception as error:  # the status callback repeats it
        _log.warning("end of call not recorded", error=type(error).__name__)
    return twiml.hang_up() if is_reached else twiml.say_goodbye(step.sentence)


def _apology(plan: Plan, call: Call) -> Announce:
    """Return what a caller hears whom nobody answered at the overflow number either."""
    step = answering.when_closed(plan) if call.reason == "outside_hours" else answering.unanswered(plan)
    return step if isinstance(step, Announce) else Announce(step.otherwise)
