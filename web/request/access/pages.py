"""Rows for the viewer's own requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from db.queries.phone.presence import Presences
from web.request.access.tenant_rows import Rows, open_rows
from web.request.access.viewers import Viewer, actor_of
from web.resources import DATABASE


@asynccontextmanager
async def rows(request: web.Request, viewer: Viewer) -> AsyncIterator[Rows]:
    """Open the rows that ``viewer`` may see. Raise `NotFoundError` if the organisation no longer exists."""
    only_agent_id = None if viewer.may("calls.all") else viewer.member_id
    async with request.app[DATABASE].begin() as session:
        yield await open_rows(session, viewer.organisation_id, only_agent_id, actor_of(request, viewer))


@asynccontextmanager
async def presence(request: web.Request, viewer: Viewer) -> AsyncIterator[Presences]:
    """Open nothing but the presence of the viewer's organisation, for one change that is sent every few seconds."""
    async with request.app[DATABASE].statements() as session:
        yield Presences(session, viewer.organisation_id)


@asynccontextmanager
async def of_organisation(request: web.Request, viewer: Viewer) -> AsyncIterator[Rows]:
    """Open all rows of the organisation, for decisions only, never for display. Raise `NotFoundError`."""
    async with request.app[DATABASE].begin() as session:
        yield await open_rows(session, viewer.organisation_id, actor=actor_of(request, viewer))
