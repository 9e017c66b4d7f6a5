"""The demo organisation: made once, then found again. Its links are made as the sign-in page makes them.

What it pays for is not made here but bought (`sandbox.demo_purchase`), once there is somebody to buy from.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from db.base import Role
from db.encryption import keyring_of
from db.engine import Database
from db.models import Member, Organisation
from db.queries import members, organisations
from db.queries.sign_in import sign_in_links

ORGANISATION = "Blue Gum Internet"  # whom the bundled demo call is made to
MEMBERS: tuple[tuple[Role, str, str], ...] = (
    ("owner", "Olivia Hart", "olivia@bluegum.example"),
    ("supervisor", "Sam Nguyen", "sam@bluegum.example"),
    ("agent", "Daniel Price", "daniel@bluegum.example"),
    ("agent", "Alice Brown", "alice@bluegum.example"),
)
DETAILS = {  # invented: no company has this ABN
    "legal_name": "Blue Gum Internet Pty Ltd",
    "abn": "89000000019",
    "street": "1 Bligh Street",
    "locality": "Sydney",
    "region": "NSW",
    "postcode": "2000",
}
STAND_IN = "recorded@bluegum.example"
"""Whom `sandbox.agent` plays, so that a test call is answered before anybody has signed in."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """One member's way in: good once, for 15 minutes."""

    role: Role
    name: str
    link: str


async def seed(database: Database) -> Member:
    """Create the demo organisation and its members if needed; return its owner. Idempotent."""
    async with database.begin() as session:
        owner = await members.by_email(session, MEMBERS[0][2])
        organisation = await _organisation(session, owner)
        team = members.Members(session, organisation.id)
        for role, name, email in (*MEMBERS, ("agent", "Recorded agent", STAND_IN)):
            if await members.by_email(session, email) is None:
                await team.add(email=email, name=name, role=role)
        owner = await members.by_email(session, MEMBERS[0][2])
        assert owner is not None, "the first of them"
        return owner


async def invitations(database: Database, web_url: str) -> list[Invitation]:
    """Return a fresh sign-in link for each demo member."""
    async with database.begin() as session:
        return [await _invite(session, web_url, email) for _, _, email in MEMBERS]


async def invite_stand_in(database: Database, web_url: str) -> str:
    """Return a fresh sign-in link for the agent whom nobody has to play. Raise `DatabaseUnavailableError`."""
    async with database.begin() as session:
        member = await members.by_email(session, STAND_IN)
        assert member is not None, "seed() ran before"
        return await _link(session, web_url, member)


async def _invite(session: AsyncSession, web_url: str, email: str) -> Invitation:
    member = await members.by_email(session, email)
    assert member is not None, "seed() ran before"
    return Invitation(member.role, member.name, await _link(session, web_url, member))


async def _link(session: AsyncSession, web_url: str, member: Member) -> str:
    origin = keyring_of(session).hash("origin", "127.0.0.1")
    return f"{web_url}/sign-in/{await sign_in_links.create(session, member.id, origin)}"


async def _organisation(session: AsyncSession, owner: Member | None) -> Organisation:
    """Return the owner's organisation, with its details, unless some are known.

    It has read the words for its callers, and keeps ours.
    """
    found = await organisations.find(session, owner.organisation_id) if owner else None
    organisation = found or await organisations.create(session, name=ORGANISATION)
    if organisation.legal_name is None:
        organisation.consent_prompt = organisation.consent_prompt or ""
        for name, value in DETAILS.items():
            setattr(organisation, name, value)
    return organisation
