"""The team of an organisation: who is in it and as what, inviting, other roles, removing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.members import AddressTakenError
from db.models import Member, Role
from db.rate_limits import Limit
from web import access, keys, limits
from web.access import PERMISSIONS, Rows, Viewer
from web.errors import ForbiddenError, InvalidError, NotFoundError, NotSignedInError, TooManyError
from web.forms import field
from web.pages import render
from web.roster import DOES, ROLES, Line, Seats, invitation_problem, lines, refusal, roles_given_by, seats
from web.sign_in import link_url
from web.typed import tidy

INVITATIONS = Limit("invitations", count=30, seconds=60 * 60)
LETTERS = Limit("invitation address", count=4, seconds=60 * 60)

routes = web.RouteTableDef()


class NoSeatError(Exception):
    """One agent more than is paid for."""


@dataclass(frozen=True, slots=True)
class Invited:
    """The form of an invitation, as typed."""

    name: str = ""
    email: str = ""
    role: str = "agent"


@dataclass(frozen=True, slots=True)
class Problem:
    """What did not work. ``place`` is ``invite`` or a member's id, ``field`` the field to mend, if it is one."""

    place: str
    sentence: str
    field: str = ""
    status: int = 400
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """All there is to show."""

    lines: list[Line]
    seats: Seats


@routes.get("/team")
async def team(request: web.Request) -> web.StreamResponse:
    """Everybody in it, the seats, and the form of an invitation."""
    return await _page(request, await access.require(request, "team"))


@routes.post("/team/invite")
async def invite(request: web.Request) -> web.StreamResponse:
    """Take somebody in, and mail them a link."""
    viewer = await access.require(request, "team")
    typed = Invited(
        tidy(await field(request, "name")),
        (await field(request, "email")).strip(),
        await field(request, "role"),
    )
    wrong = invitation_problem(typed.name, typed.email, typed.role, viewer.role)
    if wrong is not None:
        return await _page(request, viewer, Problem("invite", wrong[1], wrong[0]), typed)
    try:
        await _spend(request, viewer, typed.email)
        member, token = await _take_in(request, viewer, typed)
    except (TooManyError, NoSeatError, AddressTakenError, InvalidError) as error:
        return await _page(request, viewer, _problem("invite", error), typed)
    _mail(request, viewer, member, token)
    raise web.HTTPSeeOther(_at(member.id))


@routes.post("/team/{member}/invite")
async def invite_again(request: web.Request) -> web.StreamResponse:
    """Mail a new link to somebody who has never signed in. The one before opens nothing any more."""
    viewer = await access.require(request, "team")
    member_id = _id(request)
    async with access.rows(request, viewer) as rows:
        member = await _invited(rows, member_id)
    try:
        await _spend(request, viewer, member.email)
    except TooManyError as error:
        return await _page(request, viewer, _problem(str(member_id), error))
    async with access.rows(request, viewer) as rows:
        member = await _invited(rows, member_id)
        token = await rows.invitations.make(member_id, limits.network(request))
        await rows.audit.record("member.invited_again", {"member": member.name, "role": member.role})
    _mail(request, viewer, member, token)
    raise web.HTTPSeeOther(_at(member_id))


@routes.post("/team/{member}/role")
async def change_role(request: web.Request) -> web.StreamResponse:
    """Give a member another role. Their consoles close, and open again as what they are now."""
    viewer = await access.require(request, "team")
    member_id, wanted = _id(request), await field(request, "role")
    role = next((each for each in ROLES if each == wanted), None)
    if role is None:
        return await _page(request, viewer, Problem(str(member_id), "Choose one of the roles in the list."))
    try:
        changed = await _change(request, viewer, member_id, role)
    except (NoSeatError, InvalidError) as error:
        return await _page(request, viewer, _problem(str(member_id), error))
    if changed:
        request.app[keys.bus].close_consoles(viewer.organisation_id, member_id)
    raise web.HTTPSeeOther(_at(member_id))


@routes.post("/team/{member}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Take a member out, or an invitation back: signed out at once, their consoles closed, their links dead."""
    viewer = await access.require(request, "team")
    member_id = _id(request)
    try:
        await _remove(request, viewer, member_id)
    except InvalidError as error:
        return await _page(request, viewer, _problem(str(member_id), error))
    request.app[keys.bus].close_consoles(viewer.organisation_id, member_id)
    raise web.HTTPSeeOther("/team")


async def _take_in(request: web.Request, viewer: Viewer, typed: Invited) -> tuple[Member, str]:
    """The new member and their link's token. Raises `NoSeatError`, `AddressTakenError`, `InvalidError`."""
    role = next(each for each in ROLES if each == typed.role)
    async with access.rows(request, viewer) as rows:
        asking = await _asking(rows, viewer)
        if role not in roles_given_by(asking.role):
            raise InvalidError("Only an owner makes an owner.")
        await _want_seat(rows, role)
        member = await rows.members.add(email=typed.email, name=typed.name, role=role)
        token = await rows.invitations.make(member.id, limits.network(request))
        await rows.audit.record("member.invited", {"member": member.name, "email": member.email, "role": role})
        return member, token


async def _change(request: web.Request, viewer: Viewer, member_id: UUID, role: Role) -> bool:
    """Whether there was anything to change. Raises `NoSeatError`, `InvalidError`, `NotFoundError`."""
    async with access.rows(request, viewer) as rows:
        member = await _other(rows, await _asking(rows, viewer), member_id, role)
        before = member.role
        if before == role:
            return False
        await _want_seat(rows, role)
        await rows.members.set_role(member_id, role)
        await rows.audit.record("member.role_changed", {"member": member.name, "from": before, "to": role})
        return True


async def _remove(request: web.Request, viewer: Viewer, member_id: UUID) -> None:
    async with access.rows(request, viewer) as rows:
        member = await _other(rows, await _asking(rows, viewer), member_id, None)
        has_joined = member_id in await rows.audit.last_sign_ins()
        await rows.members.remove(member_id)
        action = "member.removed" if has_joined else "member.invitation_withdrawn"
        await rows.audit.record(action, {"member": member.name, "role": member.role})


async def _asking(rows: Rows, viewer: Viewer) -> Member:
    """The viewer as they are now that nobody else changes the team: they may have been removed meanwhile."""
    await rows.lock()
    asking = await rows.members.locked(viewer.member_id)
    if asking is None:
        raise NotSignedInError
    if "team" not in PERMISSIONS[asking.role]:
        raise ForbiddenError
    return asking


async def _other(rows: Rows, asking: Member, member_id: UUID, role: Role | None) -> Member:
    member = await rows.members.locked(member_id)
    if member is None:
        raise NotFoundError
    refused = refusal(asking, member, await rows.members.with_role("owner"), role)
    if refused:
        raise InvalidError(refused)
    return member


async def _want_seat(rows: Rows, role: Role) -> None:
    if role == "agent" and (await _seats(rows)).are_full:
        raise NoSeatError


async def _invited(rows: Rows, member_id: UUID) -> Member:
    member = await rows.members.locked(member_id)
    if member is None or member_id in await rows.audit.last_sign_ins():
        raise NotFoundError
    return member


async def _seats(rows: Rows) -> Seats:
    return seats(rows.organisation, await rows.subscription(), await rows.members.all())


async def _spend(request: web.Request, viewer: Viewer, email: str) -> None:
    await limits.spend(request, INVITATIONS, str(viewer.organisation_id))
    await limits.spend(request, LETTERS, email.casefold())


def _mail(request: web.Request, viewer: Viewer, member: Member, token: str) -> None:
    settings = request.app[keys.settings]
    context = {
        "name": member.name,
        "inviter": viewer.name,
        "organisation": viewer.organisation,
        "role": member.role,
        "url": link_url(settings.web_public_url, token),
        "later": f"{settings.web_public_url}/sign-in",
    }
    text = request.app[keys.templates].get_template("mail_invitation.txt").render(context)
    html = request.app[keys.templates].get_template("mail_invitation.html").render(context)
    send = partial(request.app[keys.mailer].send, member.email, "You are invited to Bilby", text, html)
    request.app[keys.outbox].put(send)


async def _page(
    request: web.Request, viewer: Viewer, problem: Problem | None = None, typed: Invited | None = None
) -> web.Response:
    roster = await _look(request, viewer)
    page = render(
        request,
        "team.html",
        status=problem.status if problem else 200,
        roster=roster,
        does=DOES,
        roles=roles_given_by(viewer.role),
        problem=problem,
        typed=typed or Invited(role="supervisor" if roster.seats.are_full else "agent"),
    )
    if problem is not None and problem.retry_after:
        page.headers["Retry-After"] = problem.retry_after
    return page


async def _look(request: web.Request, viewer: Viewer) -> Roster:
    async with access.rows(request, viewer) as rows:
        members = await rows.members.all()
        if viewer.member_id not in {member.id for member in members}:
            raise NotSignedInError
        signed_in: dict[UUID, datetime] = await rows.audit.last_sign_ins()
        zone = ZoneInfo(rows.organisation.time_zone)
        return Roster(lines(members, viewer.member_id, signed_in, zone), await _seats(rows))


def _problem(place: str, error: Exception) -> Problem:
    if isinstance(error, NoSeatError):
        return Problem(place, "Every seat that is paid for is taken.", "seat", status=409)
    if isinstance(error, AddressTakenError):
        sentence = "Somebody uses Bilby with this address already. Look into your team below, or use another address."
        return Problem(place, sentence, "email", status=409)
    if isinstance(error, TooManyError):
        sentence = "Many invitations were sent just now. Please wait a little, then send this one."
        return Problem(place, sentence, status=429, retry_after=error.retry_after_header)
    return Problem(place, str(error))


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["member"])
    except ValueError:
        raise NotFoundError from None


def _at(member_id: UUID) -> str:
    return f"/team#member-{member_id}"
