"""Set up a second factor: show the secret, take the first code of the app, show the recovery codes once.

Reached from the account page, and by `web.people.factor.asking` from the sign-in of a member who must have one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from db.models import Member
from web.people.factor import checking, totp, verifying
from web.people.factor.totp import Proposal
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import ForbiddenError, NotSignedInError
from web.request.forms import field
from web.request.render import render

_HERE = "/account/second-factor"

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class State:
    """The viewer's second factor."""

    is_on: bool
    is_required: bool
    codes_left: int
    proposal: Proposal | None


async def proposal_of(rows: Rows, member: Member) -> Proposal:
    """Return the secret of a member who has yet to confirm one."""
    factor = await rows.factors.proposed(member.id, totp.new_secret())
    return totp.proposal(factor.secret, member.email)


async def confirm(rows: Rows, member: Member, typed: str) -> Sequence[str] | None:
    """Switch the member's factor on if ``typed`` is a code of their app; return recovery codes, None if it is not."""
    codes = await verifying.confirm(rows.factors, member.id, typed)
    if codes is None:
        await rows.audit.record("second_factor.failed")
        return None
    await rows.audit.record("second_factor.set_up")
    await checking.tell(rows, member.id, "on")
    return codes


def entrance(request: web.Request, proposal: Proposal, problem: str = "") -> web.Response:
    """Render the page for a member who must set one up before they are signed in."""
    status = 400 if problem else 200
    return render(request, "people/factor/set_up.html", status=status, proposal=proposal, problem=problem)


def codes_entrance(request: web.Request, codes: Sequence[str]) -> web.Response:
    """Render the recovery codes, for a member who was led here by their sign-in."""
    return render(request, "people/factor/codes.html", codes=codes, to="/console")


@routes.get(_HERE)
async def show(request: web.Request) -> web.StreamResponse:
    """Show whether there is one, or the secret that is yet to be confirmed."""
    return await _page(request, await access.require(request, "console"))


@routes.post(_HERE + "/start")
async def start(request: web.Request) -> web.StreamResponse:
    """Make a secret."""
    viewer = await access.require(request, "console")
    async with access.rows(request, viewer) as rows:
        await rows.factors.proposed(viewer.member_id, totp.new_secret())
    raise web.HTTPSeeOther(_HERE)


@routes.post(_HERE + "/confirm")
async def finish(request: web.Request) -> web.StreamResponse:
    """Take the first code of the app, and show the recovery codes: this once."""
    viewer = await access.require(request, "console")
    await checking.hit(request, viewer.member_id, partial(_page, request, viewer))
    typed = await field(request, "code")
    async with access.rows(request, viewer) as rows:
        member = await _member(rows, viewer)
        if await rows.factors.is_on(member.id):
            raise web.HTTPSeeOther(_HERE)
        codes = await confirm(rows, member, typed)
    if codes is None:
        return await _page(request, viewer, verifying.NOT_SHOWN)
    return render(request, "people/factor/codes.html", codes=codes, to=_HERE)


@routes.post(_HERE + "/codes")
async def new_codes(request: web.Request) -> web.StreamResponse:
    """Replace the recovery codes, and show the new ones: this once."""
    viewer = await access.require(request, "console")
    if refused := await _refused(request, viewer):
        return refused
    async with access.rows(request, viewer) as rows:
        if not await rows.factors.is_on(viewer.member_id):
            raise web.HTTPSeeOther(_HERE)
        codes = await rows.factors.new_codes(viewer.member_id)
        await rows.audit.record("second_factor.codes_replaced")
        await checking.tell(rows, viewer.member_id, "renewed")
    return render(request, "people/factor/codes.html", codes=codes, to=_HERE)


@routes.post(_HERE + "/off")
async def switch_off(request: web.Request) -> web.StreamResponse:
    """Switch the viewer's second factor off. Raise `ForbiddenError` if their organisation requires it."""
    viewer = await access.require(request, "console")
    if refused := await _refused(request, viewer):
        return refused
    async with access.rows(request, viewer) as rows:
        if access.must_have_factor(rows.organisation, viewer.role):
            raise ForbiddenError("Your organisation requires a second factor of owners and admins.")
        if await rows.factors.remove(viewer.member_id):
            await rows.audit.record("second_factor.switched_off")
            await checking.tell(rows, viewer.member_id, "off")
    raise web.HTTPSeeOther(_HERE)


async def _refused(request: web.Request, viewer: Viewer) -> web.Response | None:
    """Return the page that says why the viewer's code is refused; None if it is right, or if none is needed."""
    return await checking.refused(request, viewer, partial(_page, request, viewer))


async def _page(request: web.Request, viewer: Viewer, problem: str = "") -> web.Response:
    async with access.rows(request, viewer) as rows:
        state = await _state(rows, viewer)
    return render(
        request,
        "people/factor/account.html",
        status=400 if problem else 200,
        state=state,
        problem=problem,
    )


async def _state(rows: Rows, viewer: Viewer) -> State:
    member, factor = await _member(rows, viewer), await rows.factors.locked(viewer.member_id)
    is_on = factor is not None and factor.confirmed_at is not None
    return State(
        is_on=is_on,
        is_required=access.must_have_factor(rows.organisation, viewer.role),
        codes_left=await rows.factors.codes_left(viewer.member_id),
        proposal=None if factor is None or is_on else totp.proposal(factor.secret, member.email),
    )


async def _member(rows: Rows, viewer: Viewer) -> Member:
    member = await rows.members.get(viewer.member_id)
    if member is None:
        raise NotSignedInError
    return member
