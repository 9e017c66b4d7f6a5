"""Have the organisation's number called by a recording, where the operator has something that places such calls."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from db.queries.rate_limits import Limit
from web.config import SETTINGS
from web.request import access, limits
from web.request.callers import shown
from web.request.errors import InvalidError, NotFoundError, UnavailableError

CALLS = Limit("test call", count=10, seconds=60)
PATIENCE_SECONDS = 5.0

routes = web.RouteTableDef()


@routes.post("/console/test-call")
async def test_call(request: web.Request) -> web.Response:
    """Place the call and answer with JSON ``{"number"}``, the number that rings, as people read it."""
    viewer = await access.require(request, "softphone")
    url = request.app[SETTINGS].test_call_url
    if not url:
        raise NotFoundError
    await limits.hit(request, CALLS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        number = next((number.e164 for number in await rows.numbers.all() if number.verified_at), None)
    if number is None:
        raise InvalidError("There is no number yet that can ring.")
    await _place(url, number)
    return web.json_response({"number": shown(number)})


async def _place(url: str, number: str) -> None:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(url, data={"to": number}, allow_redirects=False) as answer,
        ):
            placed = answer.status < 300
    except (aiohttp.ClientError, TimeoutError, OSError):
        placed = False
    if not placed:
        raise UnavailableError
