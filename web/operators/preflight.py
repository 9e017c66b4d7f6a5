"""The preflight of the installation: every check of `web.check.checks`, as ``python -m web.check`` runs them."""

from __future__ import annotations

from aiohttp import web

from web.check import checks, streaming
from web.check.page import LOOKS
from web.check.result import CheckResult
from web.config import SETTINGS
from web.operators import cookies, gate
from web.request import limits

_HERE = f"{cookies.PATH}/preflight"

routes = web.RouteTableDef()


@routes.get(_HERE)
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page, whose script fetches the results; ``?now=1`` renders them at once, which takes some seconds."""
    visit = await gate.require(request)
    if "now" not in request.query:
        return gate.render(request, "operators/preflight.html", visit, names=list(checks.CHECKS), results=[])
    await limits.hit(request, LOOKS, str(visit.operator.id))
    found = await streaming.all_of(checks.CHECKS, _looking(request))
    return gate.render(request, "operators/preflight.html", visit, names=[], results=found)


@routes.get(f"{_HERE}/findings")
async def results(request: web.Request) -> web.StreamResponse:
    """Run every check and stream the results: one JSON object a line, in the order in which the checks finish."""
    visit = await gate.require(request)
    await limits.hit(request, LOOKS, str(visit.operator.id))
    return await streaming.stream(request, checks.CHECKS, _looking(request))


def _looking(request: web.Request) -> streaming.Look:
    async def look(name: str) -> CheckResult:
        return await checks.look(name, request.app[SETTINGS])

    return look
