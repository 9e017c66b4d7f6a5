"""Switch whether calls ring at the member's console."""

from __future__ import annotations

from aiohttp import web

from db.base import ChosenPresence
from web.phone.presence import chosen
from web.request import access
from web.request.errors import InvalidError, NotSignedInError
from web.request.forms import read_json

routes = web.RouteTableDef()


@routes.post("/console/availability")
async def availability(request: web.Request) -> web.Response:
    """Set whether the member is rung here: ``{"available": true}``. Repeating it keeps their place in the queue."""
    viewer = await access.require(request, "softphone")
    available = await _read(request)
    async with access.rows(request, viewer) as rows:
        stored = await rows.presence.locked(viewer.member_id)
        if stored is None:
            raise NotSignedInError
        choice: ChosenPresence = "available" if available else "offline"
        await rows.presence.store(viewer.member_id, chosen(stored, choice, None, await rows.presence.now()))
    return web.Response(status=204)


async def _read(request: web.Request) -> bool:
    sent = await read_json(request)
    available = sent.get("available") if isinstance(sent, dict) else None
    if not isinstance(available, bool):
        raise InvalidError('Send {"available": true} or {"available": false}.')
    return available
