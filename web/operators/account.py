"""An operator's own page: new recovery codes, or another phone. Each asks for a code once more."""

from __future__ import annotations

from aiohttp import web

from db.queries.operators import accounts
from db.queries.operators.factors import OperatorFactors
from web.config import SETTINGS
from web.operators import cookies, gate, second_factor
from web.operators.gate import Visit
from web.operators.second_factor import ATTEMPTS, SET_UP
from web.people.factor.verifying import TOO_MANY, WRONG
from web.request import limits
from web.request.forms import field

_HERE = f"{cookies.PATH}/account"

routes = web.RouteTableDef()


@routes.get(_HERE)
async def show(request: web.Request) -> web.StreamResponse:
    """Show how many recovery codes are left."""
    return await _page(request, await gate.require(request))


@routes.post(f"{_HERE}/codes")
async def new_codes(request: web.Request) -> web.StreamResponse:
    """Replace the recovery codes, and show the new ones: this once."""
    visit = await gate.require(request)
    if refused := await _refused(request, visit):
        return refused
    async with gate.rows(request) as session:
        codes = await OperatorFactors(session).new_codes(visit.operator.id)
        await gate.record(request, session, visit.operator, "operator.recovery_codes_replaced")
        await second_factor.tell(session, visit.operator.id, "renewed")
    return gate.render(request, "operators/codes.html", None, codes=codes)


@routes.post(f"{_HERE}/phone")
async def other_phone(request: web.Request) -> web.StreamResponse:
    """Forget the app, end all sign-ins, and lead to setting up another one."""
    visit = await gate.require(request)
    if refused := await _refused(request, visit):
        return refused
    async with gate.rows(request) as session:
        await accounts.reset(session, visit.operator)
        await gate.record(request, session, visit.operator, "operator.second_factor_reset")
        await second_factor.tell(session, visit.operator.id, "reset")
    answer, settings = web.HTTPSeeOther(SET_UP), request.app[SETTINGS]
    cookies.end(answer, settings, "whole")
    cookies.begin(answer, settings, "half", visit.operator.id)
    raise answer


async def _refused(request: web.Request, visit: Visit) -> web.Response | None:
    """Return the page that says why the code is refused; None if it is right."""
    await limits.hit(request, ATTEMPTS, str(visit.operator.id), lambda _: _page(request, visit, TOO_MANY))
    typed = await field(request, "code")
    async with gate.rows(request) as session:
        taken = await second_factor.judge(request, session, visit.operator, typed)
    return None if taken in ("app", "recovery") else await _page(request, visit, WRONG)


async def _page(request: web.Request, visit: Visit, problem: str = "") -> web.Response:
    async with gate.rows(request) as session:
        codes_left = await OperatorFactors(session).codes_left(visit.operator.id)
    return gate.render(
        request,
        "operators/account.html",
        visit,
        status=400 if problem else 200,
        codes_left=codes_left,
        problem=problem,
    )
