"""Let in whom the organisation's provider vouches for: its member, in the role that it says, or invite them.

An address is a member's once they have opened a mail sent there, whatever a provider says of it: otherwise an
organisation could take the address of somebody who is none of its own. So who is new is mailed a link, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from db.base import Role
from db.models import Member
from db.queries.members import AddressTakenError
from provisioning.mail import queue
from web.people.sso.identity import Identity
from web.people.team import INVITATIONS
from web.people.team_page import seats_of
from web.people.team_view import may_invite
from web.request.access import Rows

Refusal = Literal["no_seat", "not_paid", "address_taken", "no_role"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of it: ``member_id`` is signed in; or was mailed a link; or is refused."""

    member_id: UUID | None = None
    is_mailed: bool = False
    refusal: Refusal | None = None
    has_new_role: bool = False


async def arrive(rows: Rows, identity: Identity, network: str) -> Arrival:
    """Decide, and store what follows from it."""
    await rows.lock()
    member = await rows.members.by_email(identity.email)
    if member is None:
        return await _invite(rows, identity, network)
    if member.accepted_at is None:
        await _mail(rows, member, network)
        return Arrival(is_mailed=True)
    return await _known(rows, member, identity)


async def _known(rows: Rows, member: Member, identity: Identity) -> Arrival:
    role = identity.role
    if role is None or role == member.role or member.role == "owner":
        return Arrival(member.id)
    if not await _has_seat(rows, role):
        return Arrival(refusal="no_seat")
    before = member.role
    await rows.members.set_role(member.id, role)
    await rows.sign_ins.end_links(member.id)
    details = {"member": member.name, "from": before, "to": role, "by": "single sign-on"}
    await rows.audit.record("member.role_changed", details)
    return Arrival(member.id, has_new_role=True)


async def _invite(rows: Rows, identity: Identity, network: str) -> Arrival:
    role = identity.new_role
    if role is None:
        return Arrival(refusal="no_role")
    if not may_invite(rows.organisation):
        return Arrival(refusal="not_paid")
    if not await _has_seat(rows, role):
        return Arrival(refusal="no_seat")
    try:
        member = await rows.members.add(email=identity.email, name=identity.name, role=role, invited=True)
    except AddressTakenError:
        return Arrival(refusal="address_taken")
    details = {"member": member.name, "email": member.email, "role": role, "by": "single sign-on"}
    await rows.audit.record("member.invited", details)
    await _mail(rows, member, network)
    return Arrival(is_mailed=True)


async def _has_seat(rows: Rows, role: Role) -> bool:
    return role != "agent" or not (await seats_of(rows)).are_full


async def _mail(rows: Rows, member: Member, network: str) -> None:
    """Ask for the mail that invites the member, unless one was asked for within a minute or too many were."""
    wait = await rows.hit(INVITATIONS)
    if wait is None and await rows.sign_ins.may_mail(member.email):
        facts = {"member": str(member.id), "inviter": rows.organisation.name, "network": network}
        await queue.put(rows.session, "invitation", facts)
