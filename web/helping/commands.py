"""A supervisor's commands about a call: listen, whisper, speak, take over, go, end it. Each is one short transaction.

Calls are named by their CallSid, as transcripts are. The answer says that the command is recorded, and names the room
for the softphone to join; the events of the page show what has become of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from db.base import Listening
from db.models import Call
from web.calls.callback_forms import CALL_SID
from web.conferences import rooms
from web.conferences.machine.events import EndForAll, Event, StopSupervising, Supervise
from web.conferences.machine.room import Announced, SupervisorMode
from web.conferences.performing import follow
from web.conferences.refusals import NO_SUCH_CALL, commanded
from web.conferences.rooms import Change
from web.helping import watching
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import ConflictError, NotFoundError

_MODES: Mapping[str, SupervisorMode] = {
    "listen": "listen",
    "whisper": "whisper",
    "barge": "barge",
    "take-over": "take_over",
}
_ANNOUNCED: Mapping[Listening, Announced] = {"prompt": "", "tone": "tone", "words": "words"}
_SENTENCES: Mapping[str, str] = {
    "over": "This call has ended.",
    "own_call": "This is your own call.",
    "no_agent": "None of your agents is in this call.",
    "full": "The maximum number of listeners is already in this call.",
    "helped": "Another supervisor is speaking in this call.",
}
OFF = "Your organisation does not let supervisors listen. An admin can change that under Settings."
BUSY = "You are on another call."

routes = web.RouteTableDef()


@routes.post("/helping/{call}/{mode:listen|whisper|barge|take-over}")
async def supervise(request: web.Request) -> web.Response:
    """Come into a call, or be heard by others than before. Return ``{"call": id}``, the room to join."""
    viewer = await access.require(request, "supervise")
    mode = _MODES[request.match_info["mode"]]
    async with commanded(request, viewer, _SENTENCES, "speaks in this call.") as rows:
        call = await _call(request, rows)
        change = await _supervise(rows, viewer, call, mode)
    follow(request.app, change)
    return web.json_response({"call": str(call.id)})


@routes.post("/helping/{call}/stop")
async def stop(request: web.Request) -> web.Response:
    """Leave a call to its agent. Repeating it is harmless."""
    viewer = await access.require(request, "supervise")
    async with access.of_organisation(request, viewer) as rows:
        call = await _call(request, rows)
        change = await _applied(rows, call, StopSupervising(viewer.member_id))
    follow(request.app, change)
    return web.json_response({})


@routes.post("/helping/{call}/end")
async def end(request: web.Request) -> web.Response:
    """End a call for everybody."""
    viewer = await access.require(request, "supervise")
    async with commanded(request, viewer, _SENTENCES, "") as rows:
        call = await _call(request, rows)
        change = await _applied(rows, call, EndForAll(viewer.member_id))
        await watching.record(rows, viewer, "ended_call", change)
    follow(request.app, change)
    return web.json_response({})


async def _supervise(rows: Rows, viewer: Viewer, call: Call, mode: SupervisorMode) -> Change:
    """Let the viewer supervise the call in ``mode``. Raise `RefusedError`, `ConflictError` and `NotFoundError`."""
    setting = rows.organisation.listening
    if setting == "off":
        raise ConflictError("off", OFF)
    for other, room in (await rooms.live(rows)).items():
        if other != call.id and room.concerns(viewer.member_id):
            raise ConflictError("busy", BUSY)
    change = await _applied(rows, call, Supervise(viewer.member_id, mode, _ANNOUNCED[setting]))
    before = change.before.supervisor(viewer.member_id)
    if before is None or before.mode != mode:
        await watching.record(rows, viewer, watching.MODES[mode], change)
    return change


async def _call(request: web.Request, rows: Rows) -> Call:
    sid = request.match_info["call"]
    call = await rows.calls.get(sid) if CALL_SID.fullmatch(sid) else None
    if call is None:
        raise NotFoundError(NO_SUCH_CALL)
    return call


async def _applied(rows: Rows, call: Call, event: Event) -> Change:
    change = await rooms.apply(rows, call.id, event)
    if change is None:
        raise NotFoundError(NO_SUCH_CALL)
    return change
