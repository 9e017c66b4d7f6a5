"""Sign-in of operators by a mailed link. The answer does not say whether an address is one of theirs."""

from __future__ import annotations

from aiohttp import web

from db import email_addresses
from db.email_addresses import AddressError
from db.queries.operators import accounts
from db.queries.operators.factors import OperatorFactors
from provisioning.mail import queue
from web.config import SETTINGS
from web.operators import cookies, gate, second_factor
from web.request import limits
from web.request.forms import check_own_page, field

_LINK = gate.SIGN_IN + "/{token:[^/]+}"

routes = web.RouteTableDef()


@routes.get(gate.SIGN_IN)
async def ask(request: web.Request) -> web.StreamResponse:
    """Show the form."""
    return gate.render(request, "operators/sign_in.html", None)


@routes.post(gate.SIGN_IN)
async def send(request: web.Request) -> web.StreamResponse:
    """Have a job look the address up and mail a link, if it is an operator's."""
    check_own_page(request)
    typed = (await field(request, "email")).strip()
    try:
        email = email_addresses.read(typed, plain=False).shown
    except AddressError as error:
        context = {"problem": str(error), "email": typed[: email_addresses.LONGEST]}
        return gate.render(request, "operators/sign_in.html", None, status=400, **context)
    await limits.hit(request, limits.SIGN_IN_NETWORK, limits.network(request))
    async with gate.rows(request) as session:
        await queue.put(session, "operator_link", {"email": email})
    return gate.render(request, "operators/sign_in.html", None, sent_to=email)


@routes.get(_LINK)
async def look(request: web.Request) -> web.StreamResponse:
    """Show whom the link signs in, and a button: scanners of mail open links, too."""
    async with gate.rows(request) as session:
        whose = await accounts.of_link(session, request.match_info["token"])
    if whose is None:
        return await _invalid_link(request)
    return gate.render(request, "operators/begin.html", None, whose=whose)


@routes.post(_LINK)
async def begin(request: web.Request) -> web.StreamResponse:
    """Use the link up, and lead to the second factor."""
    check_own_page(request)
    async with gate.rows(request) as session:
        operator = await accounts.use(session, request.match_info["token"])
        has_factor = operator is not None and await OperatorFactors(session).is_on(operator.id)
    if operator is None:
        return await _invalid_link(request)
    answer = web.HTTPSeeOther(second_factor.CODE if has_factor else second_factor.SET_UP)
    cookies.begin(answer, request.app[SETTINGS], "half", operator.id)
    raise answer


@routes.post(f"{cookies.PATH}/sign-out")
async def leave(request: web.Request) -> web.StreamResponse:
    """End all sign-ins of this operator."""
    visit = await gate.require(request)
    async with gate.rows(request) as session:
        await accounts.sign_out(session, visit.operator.id)
    answer = web.HTTPSeeOther(gate.SIGN_IN)
    cookies.end(answer, request.app[SETTINGS], "whole")
    raise answer


async def _invalid_link(request: web.Request) -> web.Response:
    await limits.hit_dead_link(request)
    problem = "This link does not work. Links work once, for 15 minutes. Ask for a new one."
    return gate.render(request, "operators/sign_in.html", None, status=410, problem=problem)
