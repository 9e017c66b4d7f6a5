"""The page that shows operators what `web.check` finds, and an organisation's admins what `web.check.own` does.

Operators run the installation; a setting names them. The platform's inside is nobody else's business: how many
numbers there are in all, which vendor refuses what.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

from aiohttp import web

from db.queries.rate_limits import Limit
from web.check import checks as check_checks, own
from web.check.finding import CheckResult
from web.request import access, keys, limits
from web.request.access import Viewer
from web.request.render import render

LOOKS = Limit("preflight", count=10, seconds=60)  # each asks every vendor

routes = web.RouteTableDef()


@routes.get("/check")
async def preflight(request: web.Request) -> web.StreamResponse:
    """The page, which asks for the findings; with ``?now=1`` they stand on it, which takes a few seconds."""
    viewer = await access.require(request, "settings")
    if "now" not in request.query:
        return render(request, "check.html", names=_names(viewer), findings=[])
    await limits.spend(request, LOOKS, str(viewer.member_id))
    found = await asyncio.gather(*(_look(request, viewer, name) for name in _names(viewer)))
    return render(request, "check.html", names=[], findings=found)


@routes.get("/check/findings")
async def findings(request: web.Request) -> web.StreamResponse:
    """Every check, run now: a JSON object a line, each as soon as it is found."""
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
        pass  # whoever asked has gone away, and the rest need not be looked at
    return answer


def _names(viewer: Viewer) -> list[str]:
    """The checks that ``viewer`` may see."""
    return list(check_checks.CHECKS if viewer.operates else own.CHECKS)


async def _look(request: web.Request, viewer: Viewer, name: str) -> CheckResult:
    if viewer.operates:
        return await check_checks.look(name, request.app[keys.settings])
    return await check_checks.guarded(name, own.CHECKS[name](request, viewer))
