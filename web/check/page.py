"""The preflight page: `web.check.checks` for operators, `web.check.own` for an organisation's admins.

Operators run the installation; ``OPERATOR_EMAILS`` names them. Nobody else sees the state of the platform, such as
its vendor accounts or how many numbers it has.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

from aiohttp import web

from db.queries.rate_limits import Limit
from web.check import checks as check_checks, own
from web.check.result import CheckResult
from web.config import SETTINGS
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
        return render(request, "check/check.html", names=_names(viewer), results=[])
    await limits.spend(request, LOOKS, str(viewer.member_id))
    found = await asyncio.gather(*(_look(request, viewer, name) for name in _names(viewer)))
    return render(request, "check/check.html", names=[], results=found)


@routes.get("/check/findings")
async def results(request: web.Request) -> web.StreamResponse:
    """Run every check and stream the results: one JSON object a line, in the order in which the checks finish."""
    viewer = await access.require(request, "settings")
    await limits.spend(request, LOOKS, str(viewer.member_id))
    headers = {"Content-Type": "application/x-ndjson", "X-Accel-Buffering": "no"}
    answer = web.StreamResponse(headers=headers)
    await answer.prepare(request)
    try:
        async with asyncio.TaskGroup() as tasks:
            looks = [tasks.create_task(_look(request, viewer, name)) for name in _names(viewer)]
            for look in asyncio.as_completed(looks):
                await answer.write(f"{json.dumps(asdict(await look))}\n".encode())
    except* ConnectionError:
        pass  # the client has disconnected: the task group has cancelled the other checks
    return answer


def _names(viewer: Viewer) -> list[str]:
    """Return the names of the checks that ``viewer`` may run."""
    return list(check_checks.CHECKS if viewer.operates else own.CHECKS)


async def _look(request: web.Request, viewer: Viewer, name: str) -> CheckResult:
    if viewer.operates:
        return await check_checks.look(name, request.app[SETTINGS])
    return await check_checks.guarded(name, own.CHECKS[name](request, viewer))
