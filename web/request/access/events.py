"""Work without an HTTP request: events from media, rooms that are due, the start of a process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from aiohttp import web

from db.queries import calls
from db.queries.calls import Conversation
from db.queries.phone import conferences, offers
from db.queries.phone.conferences import Place
from web.request.access.tenant_rows import Rows, open_rows
from web.resources import DATABASE


@asynccontextmanager
async def of_room(app: web.Application, place: Place) -> AsyncIterator[Rows]:
    """Open the rows of a room's organisation: after the room has changed, or when it is due.

    Raise `NotFoundError`.
    """
    async with app[DATABASE].begin() as session:
        yield await open_rows(session, place.organisation_id)


async def rooms_due(app: web.Application, *, now: datetime, until: datetime, most: int) -> Sequence[Place]:
    """Return rooms of all organisations that must be looked at; no other process gets them before ``until``."""
    async with app[DATABASE].background(), app[DATABASE].statements() as session:
        return await conferences.take_due(session, now=now, until=until, most=most)


@asynccontextmanager
async def by_fact(app: web.Application, organisation_id: UUID) -> AsyncIterator[Rows]:
    """Open the rows of an organisation that media or the database has a message about. Raise `NotFoundError`."""
    async with app[DATABASE].background(), app[DATABASE].begin() as session:
        yield await open_rows(session, organisation_id)


async def with_calls(app: web.Application) -> Sequence[UUID]:
    """Return the organisations that have calls going on in rooms, or something that rings."""
    async with app[DATABASE].background(), app[DATABASE].statements() as session:
        return await offers.organisations(session)


async def conversations(
    app: web.Application, *, since: datetime, before: datetime, most: int
) -> Sequence[Conversation]:
    """Return the calls of all organisations whose streams `web.calls.streams.recovery` has to look for."""
    async with app[DATABASE].begin() as session:
        return await calls.conversations(session, since=since, before=before, most=most)
