"""The demo organisation: made once, then found again. Its links are made as the sign-in page makes them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import members, numbers, organisations, sign_in_links
from db.encryption import keyring_of
from db.engine import Database
from db.models import Member, Role
from sandbox.config import NUMBER
from sandbox.twilio_settings import Number as TwilioNumber

ORGANISATION = "Blue Gum Internet"  # whom the bundled demo call is made to
MEMBERS: tuple[tuple[Role, str, str], ...] = (
    ("owner", "Olivia Hart", "olivia@bluegum.example"),
    ("supervisor", "Sam Nguyen", "sam@bluegum.example"),
    ("agent", "Daniel Price", "daniel@bluegum.example"),
    ("agent", "Alice Brown", "alice@bluegum.example"),
)
TAKES_CALLS = "daniel@bluegum.example"  # so that a test call is answered before anybody has signed in


@dataclass(frozen=True, slots=True)
class Invitation:
    """One member's way in: good once, for 15 minutes."""

    role: Role
    name: str
    link: str


async def seed(database: Database) -> None:
    """See to it that the demo organisation, its members and its number are there. Repeatable."""
    async with database.begin() as session:
        owner = await members.by_email(session, MEMBERS[0][2])
        organisation_id = owner.organisation_id if owner else await _organisation(session)
        team = members.Members(session, organisation_id)
        for role, name, email in MEMBERS:
            if await members.by_email(session, email) is None:
                member = await team.add(email=email, name=name, role=role)
                await team.set_available(member.id, email == TAKES_CALLS)
        if await numbers.by_e164(session, NUMBER) is None:
            rented = numbers.Numbers(session, organisation_id)
            await rented.add(e164=NUMBER, twilio_sid=TwilioNumber(NUMBER).sid, label="Help line")


async def invitations(database: Database, web_url: str) -> list[Invitation]:
    """A fresh sign-in link for each demo member."""
    async with database.begin() as session:
        return [await _invite(session, web_url, email) for _, _, email in MEMBERS]


async def _invite(session: AsyncSession, web_url: str, email: str) -> Invitation:
    member = await members.by_email(session, email)
    assert member is not None, "seed() ran before"
    return Invitation(member.role, member.name, await _link(session, web_url, member))


async def _link(session: AsyncSession, web_url: str, member: Member) -> str:
    origin = keyring_of(session).hash("origin", "127.0.0.1")
    return f"{web_url}/sign-in/{await sign_in_links.create(session, member.id, origin)}"


async def _organisation(session: AsyncSession) -> UUID:
    return (await organisations.create(session, name=ORGANISATION, status="active")).id
