"""The way in for operators: cookies of their own, for ``/operator`` alone, and the few rows that they may see.

Nobody is let in without a second factor. Signing out ends all sign-ins of that operator. What an operator may do is
read from the database at every request.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import OperatorRole
from db.models import Operator
from db.queries.operators import accounts, log
from db.queries.operators.factors import OperatorFactors
from protocol.times import milliseconds
from web.config import SETTINGS
from web.operators import cookies
from web.operators.cookies import PATH
from web.request import limits
from web.request.errors import ForbiddenError, NotSignedInError
from web.request.forms import check_own_page, field
from web.request.render import render as render_page
from web.request.session import CSRF_FIELD, CSRF_HEADER
from web.resources import DATABASE

SIGN_IN = f"{PATH}/sign-in"


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in operator's request. ``token`` is what our own pages send with a change."""

    operator: Operator
    token: str

    def may(self, role: OperatorRole) -> bool:
        """Return whether they have ``role``: an operator may do what an observer may."""
        return role == "observer" or self.operator.role == "operator"


async def require(request: web.Request, role: OperatorRole = "observer") -> Visit:
    """Return who asks, with at least ``role``. A change must carry the page's token. Raise `ForbiddenError`.

    Somebody else's page leads to the sign-in, and somebody else's change is a `NotSignedInError`.
    """
    read = cookies.read(request, "whole")
    operator = None if read is None else await _look_up(request, *read)
    if read is None or operator is None:
        if request.method == "GET":
            raise web.HTTPSeeOther(SIGN_IN)
        raise NotSignedInError
    visit = Visit(operator, _csrf(request.app[SETTINGS].session_secret.get_secret_value(), *read))
    if request.method != "GET":
        check_own_page(request)
        await _check(request, *read)
    if not visit.may(role):
        raise ForbiddenError("Observers can only look. Ask an operator.")
    return visit


@asynccontextmanager
async def half(request: web.Request) -> AsyncIterator[tuple[AsyncSession, Operator]]:
    """Open a transaction for an operator who has opened their link and is yet to show their second factor.

    Anybody else is led to the sign-in, or is told by `NotSignedInError`.
    """
    read = cookies.read(request, "half")
    async with rows(request) as session:
        operator = None if read is None else await accounts.signed_in(session, *read)
        if operator is None:
            if request.method == "GET":
                raise web.HTTPSeeOther(SIGN_IN)
            raise NotSignedInError
        yield session, operator


@asynccontextmanager
async def rows(request: web.Request) -> AsyncIterator[AsyncSession]:
    """Open a transaction for the queries of `db.queries.operators`, and for nothing of an organisation's."""
    async with request.app[DATABASE].begin() as session:
        yield session


async def record(request: web.Request, session: AsyncSession, operator: Operator, action: str, **about: Any) -> None:
    """Write down what ``operator`` does in this transaction."""
    await log.record(session, operator, action, network=limits.network(request), **about)


def render(request: web.Request, name: str, visit: Visit | None, **context: Any) -> web.Response:
    """Return the page, with the operator and the token that its forms send."""
    operator, token = (None, "") if visit is None else (visit.operator, visit.token)
    return render_page(request, name, operator=operator, token=token, **context)


async def _look_up(request: web.Request, operator_id: UUID, since: datetime) -> Operator | None:
    async with rows(request) as session:
        has_factor = await OperatorFactors(session).is_on(operator_id)
        return await accounts.signed_in(session, operator_id, since) if has_factor else None


async def _check(request: web.Request, operator_id: UUID, since: datetime) -> None:
    shown = request.headers.get(CSRF_HEADER)
    sent = (await field(request, CSRF_FIELD) if shown is None else shown).encode(errors="replace")
    secrets = request.app[SETTINGS].session_secret.accepted
    if not any(hmac.compare_digest(_csrf(secret, operator_id, since).encode(), sent) for secret in secrets):
        raise ForbiddenError("This page was open for too long. Please reload it, then try again.")


def _csrf(secret: str, operator_id: UUID, since: datetime) -> str:
    text = f"operator csrf:{operator_id}:{milliseconds(since)}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
