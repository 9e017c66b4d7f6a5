"""For owners: who must have a second factor, who has one, and a way back for a member who has lost theirs."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from db.models import Member
from db.queries.rate_limits import Limit
from web.bus import BUS
from web.people.factor import checking
from web.request import access, limits
from web.request.access import Viewer
from web.request.errors import ForbiddenError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render_form, saved

CHANGES = Limit("second factor settings", count=60, seconds=10 * 60)
_HERE = "/settings/second-factor"

routes = web.RouteTableDef()


@routes.get(_HERE)
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request, await access.require(request, "sign_in"))


@routes.post(_HERE)
async def require(request: web.Request) -> web.StreamResponse:
    """Require a second factor of owners and admins, or do not."""
    viewer = await access.require(request, "sign_in")
    if refused := await _refused(request, viewer):
        return refused
    wanted = await field(request, "required") == "on"
    async with access.rows(request, viewer) as rows:
        if rows.organisation.second_factor_required != wanted:
            rows.organisation.second_factor_required = wanted
            await rows.audit.record("second_factor.required" if wanted else "second_factor.not_required")
    raise saved(_HERE)


@routes.post("/team/{member}/second-factor/reset")
async def reset(request: web.Request) -> web.StreamResponse:
    """Forget the second factor of a member who has lost it. They are signed out everywhere, and told by mail."""
    viewer = await access.require(request, "sign_in")
    member_id = read_uuid(request.match_info["member"])
    if member_id == viewer.member_id:
        raise ForbiddenError("Change your own on your account page, or ask another owner to reset it.")
    if refused := await _refused(request, viewer):
        return refused
    async with access.rows(request, viewer) as rows:
        member = await rows.members.locked(member_id)
        if member is None or not await rows.factors.remove(member_id):
            raise NotFoundError
        await rows.sign_ins.end_all(member_id)
        await rows.presence.end(member_id)
        await rows.audit.record("second_factor.reset", {"member": member.name, "role": member.role})
        await checking.tell(rows, member_id, "reset", by=viewer.name)
    request.app[BUS].close_consoles(viewer.organisation_id, member_id)
    raise web.HTTPSeeOther(_HERE)


async def _refused(request: web.Request, viewer: Viewer) -> web.Response | None:
    """Return the page that says why a change is not made, None if it may be."""
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    return await checking.refused(request, viewer, partial(_page, request, viewer))


async def _page(request: web.Request, viewer: Viewer, problem: str = "") -> web.Response:
    async with access.rows(request, viewer) as rows:
        members: list[Member] = [each for each in await rows.members.all() if each.accepted_at is not None]
        holders = await rows.factors.holders([each.id for each in members])
    return render_form(
        request,
        "people/factor/required.html",
        {"code": problem} if problem else None,
        is_required=rows.organisation.second_factor_required,
        asks_code=viewer.member_id in holders,
        without=[each for each in members if each.id not in holders and each.role in ("owner", "admin")],
        having=[each for each in members if each.id in holders],
    )
