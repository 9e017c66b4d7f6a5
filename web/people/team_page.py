"""Render the team page: members, seats, the invitation form, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.queries.members import AddressTakenError
from web.people.team_view import DOES, MemberRow, Seats, lines, may_invite, roles_given_by, seats
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import NotSignedInError
from web.request.render import render

LIMITED = "Too many invitations were sent. Please wait a few minutes, then send this one again."


class NoSeatError(Exception):
    """There is no paid seat for another agent."""


class UnpaidError(Exception):
    """An invitation before the first payment."""


@dataclass(frozen=True, slots=True)
class Invited:
    """The form of an invitation, as typed."""

    name: str = ""
    email: str = ""
    role: str = "agent"


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. ``place`` is ``invite`` or a member's id; ``field`` is the field to correct, if any."""

    place: str
    sentence: str
    field: str = ""
    status: int = 400


@dataclass(frozen=True, slots=True)
class TeamState:
    """What the page shows."""

    lines: list[MemberRow]
    seats: Seats
    may_invite: bool


async def page(
    request: web.Request, viewer: Viewer, problem: Problem | None = None, typed: Invited | None = None
) -> web.Response:
    """Render the page, with ``problem`` and the invitation as typed."""
    team = await _look(request, viewer)
    return render(
        request,
        "people/team.html",
        status=problem.status if problem else 200,
        team=team,
        does=DOES,
        roles=roles_given_by(viewer.role),
        problem=problem,
        typed=typed or Invited(role="supervisor" if team.seats.are_full else "agent"),
    )


async def _look(request: web.Request, viewer: Viewer) -> TeamState:
    async with access.rows(request, viewer) as rows:
        members = await rows.members.all()
        if viewer.member_id not in {member.id for member in members}:
            raise NotSignedInError
        signed_in: dict[UUID, datetime] = await rows.audit.last_sign_ins()
        zone = ZoneInfo(rows.organisation.time_zone)
        shown = lines(members, viewer.member_id, signed_in, zone)
        return TeamState(shown, await seats_of(rows), may_invite(rows.organisation))


def problem_of(place: str, error: Exception) -> Problem:
    """Return the problem that ``error`` means, shown at ``place`` of the page."""
    if isinstance(error, NoSeatError):
        return Problem(place, "All paid seats are taken.", "seat", status=409)
    if isinstance(error, UnpaidError):
        return Problem(place, "Invitations are sent once your first payment has arrived.", "seat", status=409)
    if isinstance(error, AddressTakenError):
        sentence = "Somebody already uses Bilby with this address. Check your team below, or use another address."
        return Problem(place, sentence, "email", status=409)
    return Problem(place, str(error))


async def seats_of(rows: Rows) -> Seats:
    """Return the seats of the organisation."""
    return seats(rows.organisation, await rows.subscription(), await rows.members.all())
