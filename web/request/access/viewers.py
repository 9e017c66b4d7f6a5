"""The viewer: the signed-in member who makes a request, and what their role lets them do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from db import email_addresses
from db.base import Role
from db.models import Member
from db.queries import members
from db.queries.audit import Actor
from db.queries.organisations import ENTITLEMENTS, Entitlements, entitlements
from web.config import SETTINGS
from web.request import limits, session as request_session
from web.request.access.roles import PERMISSIONS, Permission
from web.request.errors import ForbiddenError, NotSignedInError
from web.resources import DATABASE


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in member who makes the request, as read from the database for this request."""

    member_id: UUID
    organisation_id: UUID
    role: Role
    name: str
    organisation: str
    """The organisation's name."""
    available: bool
    """Whether calls may ring at the member's console."""
    entitlements: Entitlements = ENTITLEMENTS["active"]
    """What the organisation's subscription allows."""
    operates: bool = False
    """Whether they are an operator of the installation."""

    @property
    def may_watch(self) -> bool:
        """Whether the viewer may use the console: it depends on the role and the entitlements."""
        return self.role in self.entitlements.watchers

    def may(self, permission: Permission) -> bool:
        """Return whether the viewer's role has ``permission``."""
        return permission in PERMISSIONS[self.role]


VIEWER: web.RequestKey[Viewer | None] = web.RequestKey("viewer")
"""The viewer, None if not signed in; absent until `current` has run."""
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


async def current(request: web.Request) -> Viewer | None:
    """Return the viewer, None if not signed in. Read at every request: a removal or new role applies at once."""
    if VIEWER not in request:
        request[VIEWER] = await _look_up(request)
    return request[VIEWER]


async def require(request: web.Request, permission: Permission) -> Viewer:
    """Return the viewer, who has ``permission``. A request that changes something must carry the CSRF token.

    Raise `NotSignedInError` and `ForbiddenError`.
    """
    viewer = await current(request)
    sign_in = request_session.read(request)
    if viewer is None or sign_in is None:
        raise NotSignedInError
    if request.method not in _SAFE_METHODS:
        await request_session.check_csrf(request, sign_in)
    if not viewer.may(permission):
        raise ForbiddenError
    return viewer


async def require_again(request: web.Request, permission: Permission) -> None:
    """Make sure that the viewer of a request that goes on for minutes still is signed in and has ``permission``.

    Raise as `require` does.
    """
    viewer = request[VIEWER] = await _look_up(request)
    if viewer is None:
        raise NotSignedInError
    if not viewer.may(permission):
        raise ForbiddenError


async def _look_up(request: web.Request) -> Viewer | None:
    sign_in = request_session.read(request)
    if sign_in is None:
        return None
    async with request.app[DATABASE].statements() as session:
        member = await members.signed_in(session, sign_in.member_id, sign_in.id, sign_in.began_at)
    return None if member is None else _viewer(member, request.app[SETTINGS].operator_emails)


def _viewer(member: Member, operators: Collection[str]) -> Viewer:
    return Viewer(
        member_id=member.id,
        organisation_id=member.organisation_id,
        role=member.role,
        name=member.name,
        organisation=member.organisation.name,
        available=member.available,
        entitlements=entitlements(member.organisation),
        operates=bool(operators) and email_addresses.key(member.email) in operators,
    )


def actor_of(request: web.Request, viewer: Viewer) -> Actor:
    """Return in whose name the viewer's request is recorded."""
    return Actor(viewer.name or viewer.role, viewer.member_id, limits.network(request))
