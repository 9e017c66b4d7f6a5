"""Tell a console which calls are still live, after a new snapshot left some out.

They may have ended, or their media node died and another is about to take them over. Media cannot distinguish the two
at that moment, the call log can.
"""

from __future__ import annotations

from aiohttp import web

from web.request import access
from web.request.errors import InvalidError
from web.request.forms import read_json

_MOST_CALLS = 2000
_LONGEST_NAME = 64  # characters

routes = web.RouteTableDef()


@routes.post("/console/living")
async def live_calls(request: web.Request) -> web.Response:
    """Answer ``{"calls": [CallSid, …]}`` with ``{"living": […]}``: those live and visible to the viewer."""
    viewer = await access.require(request, "console")
    asked = await _read(request)
    if not viewer.may_watch:
        return web.json_response({"living": []})
    async with access.rows(request, viewer) as rows:
        return web.json_response({"living": await rows.calls.open_among(asked)})


async def _read(request: web.Request) -> list[str]:
    sent = await read_json(request)
    calls = sent.get("calls") if isinstance(sent, dict) else None
    if not isinstance(calls, list) or len(calls) > _MOST_CALLS or not all(_is_name(call) for call in calls):
        raise InvalidError('Send {"calls": ["CA…"]}.')
    return calls


def _is_name(call: object) -> bool:
    return isinstance(call, str) and call.isascii() and call.isalnum() and len(call) <= _LONGEST_NAME
