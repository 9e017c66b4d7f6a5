"""The page that shows admins what `web.check` finds, and how to mend it."""

from __future__ import annotations

from aiohttp import web

from db.rate_limits import Limit
from web import access, check, keys, limits, pages

LOOKS = Limit("preflight", count=10, seconds=60)  # each asks every vendor

routes = web.RouteTableDef()


@routes.get("/check")
async def preflight(request: web.Request) -> web.Response:
    """Every check, run now: it takes a few seconds."""
    viewer = await access.require(request, "settings")
    await limits.spend(request, LOOKS, str(viewer.member_id))
    found = await check.findings(request.app[keys.settings])
    return pages.render(request, "check.html", findings=found)
