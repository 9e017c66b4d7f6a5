"""Switch off a member who is away: calls must not ring where nobody is. They see by whom, and may come back."""

from __future__ import annotations

from aiohttp import web

from web.phone import presence
from web.request import access
from web.request.errors import NotFoundError
from web.request.forms import read_uuid

routes = web.RouteTableDef()


@routes.post("/helping/members/{member}/switch-off")
async def switch_off(request: web.Request) -> web.Response:
    """Make a member offline. If they are offline already, nothing changes; a call that they are in goes on."""
    viewer = await access.require(request, "supervise")
    member_id = read_uuid(request.match_info["member"])
    async with access.of_organisation(request, viewer) as rows:
        member = await rows.members.get(member_id)
        before = None if member is None else await rows.presence.locked(member_id)
        if member is None or before is None:
            raise NotFoundError("There is no such member.")
        after = presence.switched_off(before, viewer.member_id, await rows.presence.now())
        if after.switched_off_by is not None and after != before:
            await rows.presence.store(member_id, after)
            await rows.audit.record("member.switched_off", {"member": member.name})
    return web.json_response({})
