"""The rules of the team (who may change whom) and its rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import get_args
from uuid import UUID

from db import email_addresses
from db.base import Role
from db.email_addresses import AddressError
from db.models import Member, Organisation, Subscription
from db.queries.organisations import entitlements
from web.people.sign_up_link import LONGEST_NAME

ROLES: tuple[Role, ...] = get_args(Role)
DOES: Mapping[Role, str] = {
    "owner": "pays, and can do everything",
    "admin": "manages numbers and the team",
    "supervisor": "reads all calls",
    "agent": "takes calls",
}
"""What each role is for, in a few words."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats used by agents, and paid seats; ``paid`` None: not limited, for one that `web.found` made."""

    used: int
    paid: int | None

    @property
    def are_full(self) -> bool:
        """Whether there is no seat for another agent."""
        return self.paid is not None and self.used >= self.paid


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member as the page shows them."""

    id: UUID
    name: str
    email: str
    role: Role
    last_sign_in: datetime | None
    """In the organisation's time zone; None: never."""
    is_invited: bool
    """They have not accepted yet."""
    is_viewer: bool
    roles: Sequence[Role]
    """The roles that the viewer may give them; empty if none."""
    may_remove: bool


def seats(organisation: Organisation, subscription: Subscription | None, members: Sequence[Member]) -> Seats:
    """Return the seats used and paid."""
    used = sum(member.role == "agent" for member in members)
    if subscription is None or subscription.status is None:
        return Seats(used, None if entitlements(organisation).transcribes else 0)
    over = organisation.status in ("incomplete", "cancelled")
    return Seats(used, 0 if over else subscription.seats)


def may_invite(organisation: Organisation) -> bool:
    """Return whether it may invite: not before its first payment, so that we cannot be used to mail strangers."""
    return organisation.status != "incomplete"


def roles_given_by(role: Role) -> Sequence[Role]:
    """Return the roles that a member of ``role`` may give: only owners make owners."""
    return ROLES if role == "owner" else ROLES[1:]


def refusal(asking: Member, member: Member, owners: int, role: Role | None) -> str:
    """Return why ``asking`` may not give ``member`` that ``role`` (None: remove them), "" if they may."""
    if member.role == "owner" and role != "owner" and owners <= 1:
        return "An organisation needs an owner. Make somebody else one first."
    if asking.id == member.id:
        return "You cannot change or remove yourself. Ask another owner or admin."
    if member.role == "owner" and asking.role != "owner":
        return "Only an owner can change or remove an owner."
    if role is not None and role not in roles_given_by(asking.role):
        return "Only an owner can make somebody an owner."
    return ""


def invitation_problem(name: str, email: str, role: str, asking: Role) -> tuple[str, str] | None:
    """Return the first wrong field of the form and a sentence about it; None if the form is valid."""
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        return "name", f"Enter a name of at most {LONGEST_NAME} characters."
    try:
        email_addresses.read(email)
    except AddressError as error:
        return "email", str(error)
    if role not in roles_given_by(asking):
        return "role", "Choose one of the roles in the list."
    return None


def lines(
    members: Sequence[Member], viewer_id: UUID, last_sign_ins: Mapping[UUID, datetime], zone: tzinfo
) -> list[MemberRow]:
    """Return the rows of all members, as ``viewer_id`` sees them."""
    asking = next(member for member in members if member.id == viewer_id)
    owners = sum(member.role == "owner" for member in members)
    return [_line(member, asking, owners, last_sign_ins.get(member.id), zone) for member in members]


def _line(member: Member, asking: Member, owners: int, last_sign_in: datetime | None, zone: tzinfo) -> MemberRow:
    return MemberRow(
        id=member.id,
        name=member.name,
        email=member.email,
        role=member.role,
        last_sign_in=None if last_sign_in is None else last_sign_in.astimezone(zone),
        is_invited=member.accepted_at is None,
        is_viewer=member.id == asking.id,
        roles=[role for role in ROLES if not refusal(asking, member, owners, role)],
        may_remove=not refusal(asking, member, owners, None),
    )
