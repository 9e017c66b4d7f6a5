"""The preflight page of an organisation's admins: `web.check.own`.

The state of the platform, such as its vendor accounts or how many numbers it has, is for who runs the installation:
`web.operators.preflight`. ``OPERATOR_EMAILS`` names members to whom this page shows the way there; it opens nothing.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from db.queries.rate_limits import Limit
from web.check import checks as check_checks, own, streaming
from web.check.result import CheckResult
from web.request import access, limits
from web.request.access import Viewer
from web.request.render import render

LOOKS = Limit("preflight", count=10, seconds=60)  # one request runs every check, and so calls every vendor

routes = web.RouteTableDef()


@routes.get("/check")
async def preflight(request: web.Request) -> web.StreamResponse:
    """Show the page, whose script fetches the results; ``?now=1`` renders them at once, which takes some seconds."""
    viewer = await access.require(request, "settings")
    if "now" not in request.query:
        return render(request, "check/check.html", names=list(own.CHECKS), results=[])
    await limits.hit(request, LOOKS, str(viewer.member_id))
    found = await streaming.all_of(own.CHECKS, partial(_look, request, viewer))
    return render(request, "check/check.html", names=[], results=found)


@routes.get("/check/findings")
async def results(request: web.Request) -> web.StreamResponse:
    """Run every check and stream the results: one JSON object a line, in the order in which the checks finish."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, LOOKS, str(viewer.member_id))
    return await streaming.stream(request, own.CHECKS, partial(_look, request, viewer))


async def _look(request: web.Request, viewer: Viewer, name: str) -> CheckResult:
    return await check_checks.guarded(name, own.CHECKS[name](request, viewer))
