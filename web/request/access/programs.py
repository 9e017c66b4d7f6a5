"""An organisation's own programs, by the API key that they show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from db.queries.audit import Actor
from db.queries.integrations import api_keys
from web.request import limits
from web.request.access.tenant_rows import Rows, open_rows
from web.resources import DATABASE


@dataclass(frozen=True, slots=True)
class Client:
    """A program of an organisation's own, by the key that it showed."""

    key_id: UUID
    organisation_id: UUID
    name: str
    """The key's."""
    scopes: frozenset[str]
    created_by: UUID
    """The member who made the key."""


async def client(request: web.Request, token: str) -> Client | None:
    """Return whose key ``token`` is; None for one that is unknown, revoked or expired."""
    async with request.app[DATABASE].begin() as session:
        key = await api_keys.by_token(session, token)
    return (
        None if key is None else Client(key.id, key.organisation_id, key.name, frozenset(key.scopes), key.created_by)
    )


@asynccontextmanager
async def of_client(request: web.Request, client: Client) -> AsyncIterator[Rows]:
    """Open the rows of a program's organisation. Raise `NotFoundError` if it no longer exists."""
    actor = Actor(f"API key {client.name}", network=limits.network(request))
    async with request.app[DATABASE].begin() as session:
        yield await open_rows(session, client.organisation_id, actor=actor)
