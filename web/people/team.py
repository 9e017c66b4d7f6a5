"""The team: list members, invite, change roles, sign out, remove."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from db import email_addresses
from db.base import Role
from db.models import Member
from db.queries.members import AddressTakenError
from db.queries.rate_limits import Limit
from provisioning.mail import queue
from web.bus import BUS
from web.people.team_page import LIMITED, Invited, NoSeatError, Problem, UnpaidError, page, problem_of, seats_of
from web.people.team_view import ROLES, invitation_problem, may_invite, refusal, roles_given_by
from web.request import access, limits
from web.request.access import PERMISSIONS, Rows, Viewer
from web.request.errors import Again, ForbiddenError, InvalidError, NotFoundError, NotSignedInError
from web.request.forms import field, read_uuid
from web.request.typed import tidy

INVITATIONS = Limit("invitations", count=30, seconds=60 * 60)
LETTERS = Limit("invitation address", count=4, seconds=60 * 60)

routes = web.RouteTableDef()


@routes.get("/team")
async def team(request: web.Request) -> web.StreamResponse:
    """Show the team page."""
    return await page(request, await access.require(request, "team"))


@routes.post("/team/invite")
async def invite(request: web.Request) -> web.StreamResponse:
    """Invite somebody by a mailed link."""
    viewer = await access.require(request, "team")
    typed = Invited(
        tidy(await field(request, "name")),
        (await field(request, "email")).strip(),
        await field(request, "role"),
    )
    wrong = invitation_problem(typed.name, typed.email, typed.role, viewer.role)
    if wrong is not None:
        return await page(request, viewer, Problem("invite", wrong[1], wrong[0]), typed)
    await _spend(request, viewer, typed.email, lambda _: page(request, viewer, Problem("invite", LIMITED), typed))
    try:
        member = await _take_in(request, viewer, typed)
    except (UnpaidError, NoSeatError, AddressTakenError, InvalidError) as error:
        return await page(request, viewer, problem_of("invite", error), typed)
    raise web.HTTPSeeOther(_at(member.id))


@routes.post("/team/{member}/invite")
async def invite_again(request: web.Request) -> web.StreamResponse:
    """Mail a new link to an invited member. The previous link stops working."""
    viewer = await access.require(request, "team")
    member_id = read_uuid(request.match_info["member"])
    async with access.rows(request, viewer) as rows:
        member = await _invited(rows, member_id)
    await _spend(request, viewer, member.email, lambda _: page(request, viewer, Problem(str(member_id), LIMITED)))
    async with access.rows(request, viewer) as rows:
        member = await _invited(rows, member_id)
        await _ask_for_mail(request, viewer, rows, member_id)
        await rows.audit.record("member.invited_again", {"member": member.name, "role": member.role})
    raise web.HTTPSeeOther(_at(member_id))


@routes.post("/team/{member}/role")
async def change_role(request: web.Request) -> web.StreamResponse:
    """Change a member's role. Their consoles close and reopen with the new role; their links stop working.

    An invited member is mailed a new invitation, which names the new role.
    """
    viewer = await access.require(request, "team")
    member_id, wanted = read_uuid(request.match_info["member"]), await field(request, "role")
    role = next((each for each in ROLES if each == wanted), None)
    if role is None:
        return await page(request, viewer, Problem(str(member_id), "Choose one of the roles in the list."))
    try:
        changed = await _change(request, viewer, member_id, role)
    except (NoSeatError, InvalidError) as error:
        return await page(request, viewer, problem_of(str(member_id), error))
    if changed:
        request.app[BUS].close_consoles(viewer.organisation_id, member_id)
    raise web.HTTPSeeOther(_at(member_id))


@routes.post("/team/{member}/sign-out")
async def sign_out(request: web.Request) -> web.StreamResponse:
    """Sign a member out everywhere, for example after losing a laptop. They sign in again by a link."""
    viewer = await access.require(request, "team")
    member_id = read_uuid(request.match_info["member"])
    async with access.rows(request, viewer) as rows:
        await _asking(rows, viewer)
        member = await rows.members.locked(member_id)
        if member is None:
            raise NotFoundError
        if member.role == "owner" and viewer.role != "owner":
            raise ForbiddenError("Only an owner can sign out an owner.")
        await rows.sign_ins.end_all(member_id)
        await rows.presence.end(member_id)
        await rows.audit.record("member.signed_out_everywhere", {"member": member.name, "role": member.role})
    request.app[BUS].close_consoles(viewer.organisation_id, member_id)
    raise web.HTTPSeeOther(_at(member_id))


@routes.post("/team/{member}/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove a member or withdraw an invitation: sign out, close consoles, revoke links."""
    viewer = await access.require(request, "team")
    member_id = read_uuid(request.match_info["member"])
    try:
        await _remove(request, viewer, member_id)
    except InvalidError as error:
        return await page(request, viewer, problem_of(str(member_id), error))
    request.app[BUS].close_consoles(viewer.organisation_id, member_id)
    raise web.HTTPSeeOther("/team")


async def _take_in(request: web.Request, viewer: Viewer, typed: Invited) -> Member:
    """Add a member, and ask for the mail that invites them.

    Raise `NoSeatError`, `UnpaidError`, `AddressTakenError`, `InvalidError`.
    """
    role = next(each for each in ROLES if each == typed.role)
    async with access.rows(request, viewer) as rows:
        asking = await _asking(rows, viewer)
        if role not in roles_given_by(asking.role):
            raise InvalidError("Only an owner can make somebody an owner.")
        if not may_invite(rows.organisation):
            raise UnpaidError
        await _want_seat(rows, role)
        email = email_addresses.read(typed.email).shown
        member = await rows.members.add(email=email, name=typed.name, role=role, invited=True)
        await _ask_for_mail(request, viewer, rows, member.id)
        await rows.audit.record("member.invited", {"member": member.name, "email": member.email, "role": role})
        return member


async def _change(request: web.Request, viewer: Viewer, member_id: UUID, role: Role) -> bool:
    """Change the role. Return False if it is the same. Raise `NoSeatError`, `InvalidError`, `NotFoundError`."""
    async with access.rows(request, viewer) as rows:
        member = await _other(rows, await _asking(rows, viewer), member_id, role)
        before = member.role
        if before == role:
            return False
        await _want_seat(rows, role)
        await rows.members.set_role(member_id, role)
        await rows.sign_ins.end_links(member_id)
        await rows.audit.record("member.role_changed", {"member": member.name, "from": before, "to": role})
        if member.accepted_at is None:
            await _ask_for_mail(request, viewer, rows, member_id)
        return True


async def _remove(request: web.Request, viewer: Viewer, member_id: UUID) -> None:
    async with access.rows(request, viewer) as rows:
        member = await _other(rows, await _asking(rows, viewer), member_id, None)
        has_joined = member.accepted_at is not None
        await rows.members.remove(member_id)
        action = "member.removed" if has_joined else "member.invitation_withdrawn"
        await rows.audit.record(action, {"member": member.name, "role": member.role})


async def _asking(rows: Rows, viewer: Viewer) -> Member:
    """Lock the team and re-read the viewer, who may have been removed or demoted in the meantime."""
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
    if role == "agent" and (await seats_of(rows)).are_full:
        raise NoSeatError


async def _invited(rows: Rows, member_id: UUID) -> Member:
    member = await rows.members.locked(member_id)
    if member is None or member.accepted_at is not None:
        raise NotFoundError
    return member


async def _spend(request: web.Request, viewer: Viewer, email: str, again: Again) -> None:
    await limits.hit(request, INVITATIONS, str(viewer.organisation_id), again)
    await limits.hit(request, LETTERS, email_addresses.key(email), again)


async def _ask_for_mail(request: web.Request, viewer: Viewer, rows: Rows, member_id: UUID) -> None:
    """Ask for the mail that invites the member. Links sent before open nothing any more."""
    await rows.sign_ins.end_links(member_id)
    facts = {"member": str(member_id), "inviter": viewer.name, "network": limits.network(request)}
    await queue.put(rows.session, "invitation", facts)


def _at(member_id: UUID) -> str:
    return f"/team#member-{member_id}"
