"""Organisations, and what each one's standing lets it do."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Organisation, OrganisationStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """What still works for an organisation."""

    connects: bool
    """Calls are put through, both ways."""
    transcribes: bool
    """Calls are transcribed, and the console is open to agents."""


_ALL = Standing(connects=True, transcribes=True)
_TALK_ONLY = Standing(connects=True, transcribes=False)
_NONE = Standing(connects=False, transcribes=False)

STANDING: dict[OrganisationStatus, Standing] = {
    "incomplete": _NONE,  # has never paid
    "trialing": _ALL,
    "active": _ALL,
    "past_due": _TALK_ONLY,
    "paused": _NONE,
    "unpaid": _NONE,
    "cancelled": _NONE,
}
"""What a subscription's state means, and nowhere else."""


def standing(organisation: Organisation) -> Standing:
    """What works for ``organisation`` today."""
    return STANDING[organisation.status]


async def find(session: AsyncSession, organisation_id: UUID) -> Organisation | None:
    """The organisation of that id."""
    return await session.get(Organisation, organisation_id)


async def create(
    session: AsyncSession,
    *,
    name: str,
    status: OrganisationStatus = "incomplete",
    time_zone: str = "Australia/Sydney",
    consent_prompt: str | None = None,
) -> Organisation:
    """A new organisation, with no members yet."""
    organisation = Organisation(name=name, status=status, time_zone=time_zone, consent_prompt=consent_prompt)
    session.add(organisation)
    await session.flush()
    return organisation
