"""Organisations' identity providers, and the sign-ins that are on their way there and back."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import IdentityProvider, IdentityRequest, Member

LIFETIME = timedelta(minutes=10)
"""How long somebody may take at the provider."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What goes to the provider with somebody and has to come back; ``verifier`` stays here."""

    state: str
    nonce: str
    verifier: str


async def of(session: AsyncSession, organisation_id: UUID) -> IdentityProvider | None:
    """Return the organisation's provider, None if it has none."""
    return await session.get(IdentityProvider, organisation_id)


async def binds(session: AsyncSession, member: Member) -> bool:
    """Return whether a mailed link does not sign that member in, but their organisation's provider alone.

    Owners have links as a way back, and an invited member proves by one that the address is theirs.
    """
    if member.role == "owner" or member.accepted_at is None:
        return False
    provider = await of(session, member.organisation_id)
    return provider is not None and provider.is_enforced


async def take(session: AsyncSession, state: str) -> IdentityRequest | None:
    """Take back the sign-in that began with ``state``; return None if it is unknown, too old, or was taken before."""
    mine = delete(IdentityRequest).where(
        IdentityRequest.state_hash == _hash(state), IdentityRequest.expires_at > func.now()
    )
    return await session.scalar(mine.returning(IdentityRequest))


async def purge(session: AsyncSession) -> int:
    """Delete sign-ins that never came back; return how many."""
    over = delete(IdentityRequest).where(IdentityRequest.expires_at < func.now())
    return len((await session.scalars(over.returning(IdentityRequest.state_hash))).all())


class IdentityProviders:
    """The provider of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def get(self) -> IdentityProvider | None:
        """Return it, None if there is none."""
        return await of(self._session, self._organisation_id)

    async def keep(self, provider: IdentityProvider) -> None:
        """Store ``provider`` instead of the one before."""
        provider.organisation_id = self._organisation_id
        await self._session.merge(provider)
        await self._session.flush()

    async def remove(self) -> None:
        """Forget it, and the sign-ins that are on their way there."""
        for model in (IdentityRequest, IdentityProvider):
            mine = delete(model).where(model.organisation_id == self._organisation_id)
            await self._session.execute(mine)

    async def begin(self) -> Journey:
        """Store that somebody goes to the provider; return what they take along."""
        journey = Journey(*(secrets.token_urlsafe(32) for _ in range(3)))
        self._session.add(
            IdentityRequest(
                state_hash=_hash(journey.state),
                organisation_id=self._organisation_id,
                nonce=journey.nonce,
                verifier=journey.verifier,
                expires_at=datetime.now(UTC) + LIFETIME,
            )
        )
        await self._session.flush()
        return journey


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode(errors="surrogatepass")).digest()
