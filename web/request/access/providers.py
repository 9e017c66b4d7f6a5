"""Members who come by their organisation's own identity provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import IdentityProvider, Member
from db.queries import organisations
from db.queries.audit import Actor
from db.queries.sign_in import identity_providers
from db.queries.sign_in.identity_providers import IdentityProviders, Journey
from web.request import limits
from web.request.access.tenant_rows import Rows, open_rows
from web.resources import DATABASE


@dataclass(frozen=True, slots=True)
class Coming:
    """Somebody who goes to their organisation's identity provider, or comes back from there."""

    organisation_id: UUID
    organisation: str
    """Its name."""
    provider: IdentityProvider
    nonce: str = ""
    verifier: str = ""


async def provider_of(request: web.Request, organisation_id: UUID) -> Coming | None:
    """Return the identity provider at which an organisation's members sign in, None if it has none."""
    async with request.app[DATABASE].begin() as session:
        return await _provider(session, organisation_id)


async def going(request: web.Request, organisation_id: UUID) -> Journey:
    """Store that somebody goes to the organisation's provider; return what they take along."""
    async with request.app[DATABASE].begin() as session:
        return await IdentityProviders(session, organisation_id).begin()


async def coming_back(request: web.Request, state: str) -> Coming | None:
    """Return who comes back with ``state``, which counts once; None if nobody went with it, or too long ago."""
    async with request.app[DATABASE].begin() as session:
        went = await identity_providers.take(session, state)
        found = None if went is None else await _provider(session, went.organisation_id)
        return None if went is None or found is None else replace(found, nonce=went.nonce, verifier=went.verifier)


@asynccontextmanager
async def by_provider(request: web.Request, coming: Coming) -> AsyncIterator[Rows]:
    """Open the rows of the organisation whose provider vouches for somebody. Raise `NotFoundError`."""
    actor = Actor("Single sign-on", network=limits.network(request))
    async with request.app[DATABASE].begin() as session:
        yield await open_rows(session, coming.organisation_id, actor=actor)


async def must_use_provider(request: web.Request, member: Member) -> bool:
    """Return whether a mailed link does not sign that member in, but their organisation's provider alone."""
    async with request.app[DATABASE].begin() as session:
        return await identity_providers.binds(session, member)


async def _provider(session: AsyncSession, organisation_id: UUID) -> Coming | None:
    provider = await identity_providers.of(session, organisation_id)
    organisation = await organisations.find(session, organisation_id)
    if provider is None or organisation is None:
        return None
    return Coming(organisation_id, organisation.name, provider)
