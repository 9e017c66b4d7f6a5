"""Members on their way in: a sign-up, a mailed link, a second factor still to be shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from uuid import UUID

from aiohttp import web

from db.models import Member
from db.queries import members, organisations
from db.queries.audit import Actor, AuditLog
from db.queries.members import Members
from db.queries.sign_in import sign_in_links
from db.queries.sign_in.second_factors import SecondFactors
from web.request import limits, session as request_session
from web.request.access.roles import must_have_factor
from web.request.access.tenant_rows import Rows, open_rows
from web.request.errors import NotSignedInError
from web.request.session import SignIn
from web.resources import DATABASE

NextStep = Literal["none", "code", "set_up"]
"""After a link: nothing, a code of the second factor, or a second factor that is yet to be set up."""


async def found(
    request: web.Request, *, organisation: str, name: str, email: str, seats: int | None = None
) -> Member:
    """Create an organisation and return its owner, who has proved that ``email`` is theirs and wants ``seats``.

    Raise `db.queries.members.AddressTakenError`.
    """
    async with request.app[DATABASE].begin() as session:
        made = await organisations.create(session, name=organisation)
        made.seats_wanted = seats
        owner = await Members(session, made.id).add(email=email, name=name, role="owner")
        actor = Actor(name, owner.id, limits.network(request))
        await AuditLog(session, made.id, actor).record("organisation.founded")
        return owner


async def of_link(request: web.Request, token: str) -> Member | None:
    """Return whom a mailed link signs in, with ``organisation``; None if it is invalid."""
    async with request.app[DATABASE].begin() as session:
        return await sign_in_links.find(session, token)


async def use_link(request: web.Request, token: str, before: SignIn | None) -> UUID | None:
    """Use a mailed link up, and end the sign-in ``before``. Return whom it signs in, None if it is invalid.

    Raises `db.queries.members.AddressTakenError`.
    """
    async with request.app[DATABASE].begin() as session:
        member_id = await sign_in_links.use(session, token)
        if member_id is not None and before is not None:
            await sign_in_links.sign_out(session, before.id, before.expires_at)
        return member_id


async def sign_out(request: web.Request, sign_in: SignIn) -> None:
    """End a sign-in, or half a one: its cookie works no more."""
    async with request.app[DATABASE].begin() as session:
        await sign_in_links.sign_out(session, sign_in.id, sign_in.expires_at)


async def next_step(request: web.Request, member_id: UUID) -> NextStep:
    """Return what stands between a member who has opened their link and being signed in."""
    async with request.app[DATABASE].begin() as session:
        member = await members.by_id(session, member_id)
        if member is None:
            raise NotSignedInError
        if await SecondFactors(session, member.organisation_id).is_on(member_id):
            return "code"
        return "set_up" if must_have_factor(member.organisation, member.role) else "none"


@asynccontextmanager
async def half(request: web.Request) -> AsyncIterator[tuple[Rows, Member]]:
    """Open the rows of a member who has opened their link and has yet to show a second factor.

    Raise `NotSignedInError` if nobody has.
    """
    sign_in = request_session.read_half(request)
    if sign_in is None:
        raise NotSignedInError
    async with request.app[DATABASE].begin() as session:
        member = await members.signed_in(session, sign_in.member_id, sign_in.id, sign_in.began_at)
        if member is None:
            raise NotSignedInError
        actor = Actor(member.name or member.role, member.id, limits.network(request))
        yield await open_rows(session, member.organisation_id, member.id, actor), member


async def arrived(request: web.Request, member_id: UUID, by: str = "") -> None:
    """Record in the audit log that the member has signed in; ``by``: other than by a link."""
    async with request.app[DATABASE].begin() as session:
        member = await members.by_id(session, member_id)
        if member is not None:
            actor = Actor(member.name or member.role, member.id, limits.network(request))
            await AuditLog(session, member.organisation_id, actor).record(
                "member.signed_in", {"by": by} if by else None
            )


async def declined(request: web.Request, member: Member) -> None:
    """Remove an invited member who declined by their link."""
    async with request.app[DATABASE].begin() as session:
        actor = Actor(member.name or member.role, member.id, limits.network(request))
        await Members(session, member.organisation_id).remove(member.id)
        details = {"member": member.name, "role": member.role}
        await AuditLog(session, member.organisation_id, actor).record("member.declined", details)
