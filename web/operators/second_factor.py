"""After an operator's link: a code of their authenticator app, or the way to set one up. Nobody gets past without.

A lost phone: a recovery code, and then a new app under `web.operators.account`; without any left
``python -m web.operate EMAIL --reset-factor``.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Operator
from db.queries.operators.factors import OperatorFactors
from db.queries.rate_limits import Limit
from provisioning.mail import queue
from web.config import SETTINGS
from web.operators import cookies, gate
from web.people.factor import totp, verifying
from web.people.factor.totp import Proposal
from web.people.factor.verifying import NOT_SHOWN, TOO_MANY, WRONG, Verified
from web.request import limits
from web.request.forms import check_own_page, field

ATTEMPTS = Limit("operator second factor", count=6, seconds=15 * 60)
"""Per operator: whoever has opened their mail as well guesses one code in a million so often."""
CODE = f"{cookies.PATH}/second-factor"
SET_UP = f"{CODE}/set-up"
_ISSUER = "Bilby operators"  # the same person may be a member, too, whose codes are others

routes = web.RouteTableDef()


@routes.get(CODE)
async def ask(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    async with gate.half(request) as (_, operator):
        return await _code_page(request, operator)


@routes.post(CODE)
async def take(request: web.Request) -> web.StreamResponse:
    """Take a code: sign in if it is right."""
    check_own_page(request)
    async with gate.half(request) as (_, operator):
        pass
    await limits.hit(request, ATTEMPTS, str(operator.id), lambda _: _code_page(request, operator, TOO_MANY))
    typed = await field(request, "code")
    async with gate.half(request) as (session, operator):
        is_right = await judge(request, session, operator, typed) in ("app", "recovery")
        if is_right:
            await gate.record(request, session, operator, "operator.signed_in")
    if not is_right:
        return await _code_page(request, operator, WRONG)
    answer = web.HTTPSeeOther(cookies.PATH)
    _begin(request, answer, operator.id)
    raise answer


@routes.get(SET_UP)
async def show_set_up(request: web.Request) -> web.StreamResponse:
    """Show the secret to an operator who has no second factor yet."""
    return await _set_up_page(request)


@routes.post(SET_UP)
async def set_up(request: web.Request) -> web.StreamResponse:
    """Take the first code of the app, sign in, and show the recovery codes: this once."""
    check_own_page(request)
    async with gate.half(request) as (_, operator):
        pass
    await limits.hit(request, ATTEMPTS, str(operator.id), lambda _: _set_up_page(request, TOO_MANY))
    typed = await field(request, "code")
    async with gate.half(request) as (session, operator):
        codes = await _confirm(request, session, operator, typed)
    if codes is None:
        return await _set_up_page(request, NOT_SHOWN)
    page = gate.render(request, "operators/codes.html", None, codes=codes)
    _begin(request, page, operator.id)
    return page


async def judge(request: web.Request, session: AsyncSession, operator: Operator, typed: str) -> Verified:
    """Return what kind of code ``typed`` is; log a wrong one and a recovery code.

    `ATTEMPTS` is hit before, in a transaction of its own.
    """
    verified = await verifying.verify(OperatorFactors(session), operator.id, typed)
    if verified == "recovery":
        await gate.record(request, session, operator, "operator.recovery_code_used")
        await tell(session, operator.id, "recovered")
    elif verified != "app":
        await gate.record(request, session, operator, "operator.second_factor_failed")
    return verified


async def tell(session: AsyncSession, operator_id: UUID, what: queue.FactorChange) -> None:
    """Enqueue a mail to the operator about a change of their second factor."""
    await queue.put(session, "operator_factor", {"operator": str(operator_id), "what": what, "by": "account"})


async def _confirm(
    request: web.Request, session: AsyncSession, operator: Operator, typed: str
) -> Sequence[str] | None:
    factors = OperatorFactors(session)
    if await factors.is_on(operator.id):  # asked for a code then, not for a new app
        raise web.HTTPSeeOther(CODE)
    codes = await verifying.confirm(factors, operator.id, typed)
    done = "failed" if codes is None else "set_up"
    await gate.record(request, session, operator, f"operator.second_factor_{done}")
    if codes is not None:
        await tell(session, operator.id, "on")
        await gate.record(request, session, operator, "operator.signed_in")
    return codes


def _begin(request: web.Request, answer: web.StreamResponse, operator_id: UUID) -> None:
    """Make half a sign-in a whole one, on ``answer``."""
    settings = request.app[SETTINGS]
    cookies.end(answer, settings, "half")
    cookies.begin(answer, settings, "whole", operator_id)


async def _code_page(request: web.Request, operator: Operator, problem: str = "") -> web.Response:
    return _page(request, "operators/code.html", problem, whose=operator)


async def _set_up_page(request: web.Request, problem: str = "") -> web.Response:
    async with gate.half(request) as (session, operator):
        factors = OperatorFactors(session)
        if await factors.is_on(operator.id):
            raise web.HTTPSeeOther(CODE)
        factor = await factors.proposed(operator.id, totp.new_secret())
        proposal: Proposal = totp.proposal(factor.secret, operator.email, _ISSUER)
    return _page(request, "operators/set_up.html", problem, proposal=proposal)


def _page(request: web.Request, name: str, problem: str, **context: object) -> web.Response:
    return gate.render(request, name, None, status=400 if problem else 200, problem=problem, **context)
