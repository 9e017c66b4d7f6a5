"""Check a number before the page dials it, so that a refusal is shown beside the field and no call is made.

`web.calls.voice` applies the same rules when Twilio asks, since calls need not come from this page.
"""

from __future__ import annotations

from aiohttp import web

from db.queries.rate_limits import Limit
from web.calls import outgoing
from web.config import SETTINGS
from web.request import access, limits
from web.request.callers import shown
from web.request.dialling import DiallingError, dialled
from web.request.forms import field

DIALS = Limit("dial check", count=120, seconds=60)

routes = web.RouteTableDef()


@routes.post("/voice/check")
async def check(request: web.Request) -> web.Response:
    """Check ``number``, as typed. JSON ``{"number", "shown"}`` if it may be called, else ``{"refused", "error"}``.

    ``number`` is E.164, ``refused`` a `web.request.dialling.Reason`, ``error`` a sentence for the user.
    """
    viewer = await access.require(request, "softphone")
    settings = request.app[SETTINGS]
    try:
        number = dialled(await field(request, "number"), settings.dial_countries)
    except DiallingError as refusal:  # before the rate limit, which must not delay an emergency
        return _refused(refusal)
    await limits.hit(request, DIALS, str(viewer.member_id))
    try:
        async with access.of_organisation(request, viewer) as rows:
            await outgoing.check(rows, settings, number)
    except DiallingError as refusal:
        return _refused(refusal)
    return web.json_response({"number": number, "shown": shown(number)})


def _refused(refusal: DiallingError) -> web.Response:
    return web.json_response({"refused": refusal.reason, "error": str(refusal)})
