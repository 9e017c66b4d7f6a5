"""Twilio's status callbacks: update the call's row, and notify media of the agent who answered.

They may be repeated, late and out of order; `db.call_progress` gives the same row in any order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import structlog
from aiohttp import web

from db.call_progress import LegReport, is_over
from protocol.times import milliseconds
from web.bus import BUS
from web.calls.callback_forms import (
    Form,
    call_report,
    call_sid,
    is_of_leg,
    leg_report,
    parent_sid,
    stream_report,
)
from web.calls.callbacks import noted
from web.calls.routing import ROUTING
from web.calls.streams.recovery import STREAM_RECOVERY
from web.request import access
from web.request.access import Rows

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@routes.post("/twilio/voice/status")
@routes.post("/twilio/voice/answered")
async def voice_status(request: web.Request) -> web.Response:
    """Handle the status of one leg: the call's own, or with ParentCallSid one that was dialled for it."""
    return await noted(request, _leg_or_call)


@routes.post("/twilio/stream/status")
async def stream_status(request: web.Request) -> web.Response:
    """Handle the status of a Media Stream. Only here Twilio says why one could not be opened."""
    return await noted(request, _stream)


async def _leg_or_call(request: web.Request, form: Form) -> None:
    await (_leg(request, form) if is_of_leg(form) else _call(request, form))


async def _call(request: web.Request, form: Form) -> None:
    call, report = call_sid(form), call_report(form, datetime.now(UTC))
    if report is None:
        return
    async with access.by_call(request, call) as rows:
        change = await rows.calls.report(call, report)
        over = change is not None and is_over(change.after.status)
        if change is not None and over and change.call.transcription is not None:
            await rows.calls.set_transcription(call, "ended")
        stopped = change is not None and over and change.call.words_stopped_at is not None
        organisation_id = rows.organisation.id
    if stopped:  # its transcript is still shown
        request.app[BUS].words_stopped(organisation_id, call, over=True)
    if change is not None and over and ROUTING in request.app:
        await request.app[ROUTING].ended(request, organisation_id, change.call.id, report.status)


async def _leg(request: web.Request, form: Form) -> None:
    call, leg, report = parent_sid(form), call_sid(form), leg_report(form, datetime.now(UTC))
    if report is None:
        return
    async with access.by_call(request, call) as rows:
        change = await rows.calls.report_leg(call, leg, await _by_own_member(rows, report))
        organisation_id = rows.organisation.id
    # Every time: Twilio repeats a callback if our answer was lost, and then our event may be lost, too.
    if change is not None and change.after.agent_id is not None and report.status == "in-progress":
        request.app[BUS].assigned(organisation_id, call, change.after.agent_id)


async def _by_own_member(rows: Rows, report: LegReport) -> LegReport:
    """Return ``report`` without a member who is not of this organisation."""
    if report.member_id is None or await rows.members.get(report.member_id) is not None:
        return report
    return replace(report, member_id=None)


async def _stream(request: web.Request, form: Form) -> None:
    call, report = call_sid(form), stream_report(form)
    if report is None:
        return
    stream, recovery = form.get("StreamSid", ""), request.app[STREAM_RECOVERY]
    if recovery.is_past(call, stream):  # a late callback: the stream has been replaced
        return
    async with access.by_call(request, call) as rows:
        known = await rows.calls.get(call)
        if known is not None and known.words_stopped_at is not None:  # we asked Twilio to end it
            return
        # A late `stream-started` must not reopen a transcription that has ended.
        if report.state != "transcribing" or (known is not None and known.transcription is None):
            await rows.calls.set_transcription(call, report.state, report.reason)
        organisation_id, heard = rows.organisation.id, known is not None and known.transcription is not None
    if known is not None and report.state == "failed":
        _log.warning("stream failed", call=call, stream=stream, reason=report.reason)
        recovery.lost(organisation_id, call, stream, milliseconds(known.started_at) if heard else None)
