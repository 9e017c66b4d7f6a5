"""The account page: sign out everywhere, leave the organisation."""

from __future__ import annotations

from aiohttp import web

from web.bus import BUS
from web.config import SETTINGS
from web.request import access, session as request_session
from web.request.access import Viewer
from web.request.errors import NotSignedInError
from web.request.render import render

LAST_OWNER = "An organisation needs an owner. Make another member an owner first."

routes = web.RouteTableDef()


@routes.get("/account")
async def account(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request, await access.require(request, "console"))


@routes.post("/account/sign-out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    """End all sign-ins of the viewer, including this one, and unused links."""
    viewer = await access.require(request, "console")
    async with access.rows(request, viewer) as rows:
        await rows.sign_ins.end_all(viewer.member_id)
        await rows.presence.end(viewer.member_id)
        await rows.audit.record("member.signed_out_everywhere", {"member": viewer.name, "role": viewer.role})
    raise _gone(request, viewer, "/sign-in")


@routes.post("/account/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """Leave the organisation, which frees the address. 409 for its only owner."""
    viewer = await access.require(request, "console")
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        member = await rows.members.locked(viewer.member_id)
        if member is None:
            raise NotSignedInError
        is_last_owner = member.role == "owner" and await rows.members.with_role("owner") <= 1
        if not is_last_owner:
            await rows.sign_ins.end_links(viewer.member_id)
            await rows.members.remove(viewer.member_id)
            await rows.audit.record("member.left", {"member": member.name, "role": member.role})
    if is_last_owner:
        return await _page(request, viewer, LAST_OWNER)
    raise _gone(request, viewer, "/")


def _gone(request: web.Request, viewer: Viewer, to: str) -> web.HTTPSeeOther:
    """Return the redirect to ``to``, signed out here, after closing the viewer's consoles."""
    request.app[BUS].close_consoles(viewer.organisation_id, viewer.member_id)
    answer = web.HTTPSeeOther(to)
    request_session.end(answer, request.app[SETTINGS])
    return answer


async def _page(request: web.Request, viewer: Viewer, problem: str = "") -> web.Response:
    async with access.rows(request, viewer) as rows:
        member = await rows.members.get(viewer.member_id)
    if member is None:
        raise NotSignedInError
    return render(request, "people/account.html", status=409 if problem else 200, email=member.email, problem=problem)
