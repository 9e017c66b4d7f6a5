"""Twilio's webhooks: the organisation is found from what Twilio sends, once its signature is verified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Member, Number
from db.queries import calls, members, numbers
from db.queries.phone import conferences
from web.request.access.tenant_rows import Rows, open_rows
from web.request.errors import ForbiddenError, NotFoundError
from web.resources import DATABASE

SIGNED_BY_TWILIO: web.RequestKey[bool] = web.RequestKey("signed_by_twilio")
"""True once `web.calls.twilio_request` has verified it; `by_number`, `by_member` and `by_call` need it."""


@asynccontextmanager
async def by_number(request: web.Request, e164: str) -> AsyncIterator[tuple[Rows, Number]]:
    """Open, for Twilio, the rows of the organisation that rents ``e164``. Raise `NotFoundError` if none does."""
    async with _for_twilio(request) as session:
        number = await numbers.by_e164(session, e164)
        if number is None:
            raise NotFoundError
        yield await open_rows(session, number.organisation_id), number


@asynccontextmanager
async def by_member(request: web.Request, member_id: UUID) -> AsyncIterator[tuple[Rows, Member]]:
    """Open, for Twilio, the rows of the calling member's organisation. Raise `NotFoundError` if there is none."""
    async with _for_twilio(request) as session:
        member = await members.by_id(session, member_id)
        if member is None:
            raise NotFoundError
        yield await open_rows(session, member.organisation_id), member


@asynccontextmanager
async def by_call(request: web.Request, call_sid: str) -> AsyncIterator[Rows]:
    """Open, for Twilio, the rows of the call's organisation. Raise `NotFoundError` for an unknown call."""
    async with _for_twilio(request) as session:
        organisation_id = await calls.organisation_of(session, call_sid)
        if organisation_id is None:
            raise NotFoundError
        yield await open_rows(session, organisation_id)


@asynccontextmanager
async def by_room(request: web.Request, call_id: UUID) -> AsyncIterator[Rows]:
    """Open, for Twilio, the rows of the organisation whose call has that room. Raise `NotFoundError` if none has."""
    async with _for_twilio(request) as session:
        organisation_id = await conferences.organisation_of(session, call_id)
        if organisation_id is None:
            raise NotFoundError
        yield await open_rows(session, organisation_id)


@asynccontextmanager
async def _for_twilio(request: web.Request) -> AsyncIterator[AsyncSession]:
    if not request.get(SIGNED_BY_TWILIO, False):
        raise ForbiddenError("Not signed by Twilio.")
    async with request.app[DATABASE].begin() as session:
        yield session
