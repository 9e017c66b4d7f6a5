"""The page that shows admins what `web.check` finds, and how to mend it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

from aiohttp import web

from db.rate_limits import Limit
from web import access, check, keys, limits
from web.pages import render

LOOKS = Limit("preflight", count=10, seconds=60)  # each asks every vendor

routes = web.RouteTableDef()


@routes.get("/check")
async def preflight(request: web.Request) -> web.StreamResponse:
    """The page, which asks for the findings; with ``?now=1`` they stand on it, which takes a few seconds."""
    viewer = await access.require(request, "settings")
    if "now" not in request.query:
        return render(request, "check.html", names=list(check.CHECKS), findings=[])
    await limits.spend(request, LOOKS, str(viewer.member_id))
    return render(request, "check.html", names=[], findings=await check.findings(request.app[keys.settings]))


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
            looks = [tasks.create_task(check.look(name, request.app[keys.settings])) for name in check.CHECKS]
            for look in asyncio.as_completed(looks):
                await answer.write(f"{json.dumps(asdict(await look))}\n".encode())
    except* ConnectionError:
        pass  # whoever asked has gone away, and the rest need not be looked at
    return answer
