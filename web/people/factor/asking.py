"""After the mailed link: ask for a code, or lead to setting up a second factor; then the sign-in begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from aiohttp import web

from db.models import Member
from web.config import SETTINGS
from web.people import requesting_browser
from web.people.factor import checking, enrolment, verifying
from web.request import access, session as request_session
from web.request.errors import NotSignedInError
from web.request.forms import check_own_page, field
from web.request.render import render

_CONSOLE = "/console"
_CODE, _SET_UP = "/second-factor", "/second-factor/set-up"

routes = web.RouteTableDef()


async def go_on(request: web.Request, member_id: UUID) -> web.HTTPSeeOther:
    """Return where a member goes who has proved that the address is theirs: signed in, or to the second factor."""
    settings, step = request.app[SETTINGS], await access.next_step(request, member_id)
    if step == "none":
        await access.arrived(request, member_id)
        answer = web.HTTPSeeOther(_CONSOLE)
        request_session.begin(answer, settings, member_id)
    else:
        answer = web.HTTPSeeOther(_CODE if step == "code" else _SET_UP)
        request_session.end(answer, settings)
        request_session.begin_half(answer, settings, member_id)
    requesting_browser.forget(answer, settings)
    return answer


@routes.get(_CODE)
async def ask(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    async with access.half(request) as (_, member):
        return await _page(request, member)


@routes.post(_CODE)
async def take(request: web.Request) -> web.StreamResponse:
    """Take a code: sign in if it is right."""
    check_own_page(request)
    async with access.half(request) as (_, member):
        pass
    await checking.hit(request, member.id, partial(_page, request, member))
    typed = await field(request, "code")
    async with access.half(request) as (rows, member):
        is_right = await checking.is_right(rows, member.id, typed)
    if not is_right:
        return await _page(request, member, verifying.WRONG)
    answer = web.HTTPSeeOther(_CONSOLE)
    await _begin(request, member, answer)
    raise answer


@routes.get(_SET_UP)
async def show_set_up(request: web.Request) -> web.StreamResponse:
    """Show the secret to an owner or admin whose organisation wants them to have a second factor."""
    async with access.half(request) as (rows, member):
        if await rows.factors.is_on(member.id):  # asked for a code then, not for a new secret
            raise NotSignedInError
        proposal = await enrolment.proposal_of(rows, member)
    return enrolment.entrance(request, proposal)


@routes.post(_SET_UP)
async def set_up(request: web.Request) -> web.StreamResponse:
    """Take the first code of the app, sign in, and show the recovery codes."""
    check_own_page(request)
    async with access.half(request) as (_, member):
        pass
    await checking.hit(request, member.id, partial(_again, request))
    typed = await field(request, "code")
    codes: Sequence[str] | None = None
    async with access.half(request) as (rows, member):
        if not await rows.factors.is_on(member.id):
            codes = await enrolment.confirm(rows, member, typed)
    if codes is None:
        return await _again(request, verifying.NOT_SHOWN)
    page = enrolment.codes_entrance(request, codes)
    await _begin(request, member, page)
    return page


async def _again(request: web.Request, problem: str) -> web.Response:
    async with access.half(request) as (rows, member):
        if await rows.factors.is_on(member.id):
            raise NotSignedInError
        proposal = await enrolment.proposal_of(rows, member)
    return enrolment.entrance(request, proposal, problem)


async def _begin(request: web.Request, member: Member, answer: web.StreamResponse) -> None:
    """Make half a sign-in a whole one, on ``answer``; the half one works no more."""
    settings, half = request.app[SETTINGS], request_session.read_half(request)
    if half is None:
        raise NotSignedInError
    await access.sign_out(request, half)
    await access.arrived(request, member.id)
    request_session.end_half(answer, settings)
    request_session.begin(answer, settings, member.id)


async def _page(request: web.Request, member: Member, problem: str = "") -> web.Response:
    status = 400 if problem else 200
    return render(request, "people/factor/code.html", status=status, member=member, problem=problem)
