"""REST of Inbound Processing Regions (``routes…/v2/PhoneNumbers``): which Region processes a number's calls."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE
from sandbox.twilio.rest.framework import RestError, form, not_found
from sandbox.twilio.rest.registry import REGISTRY, fresh_sid, now

routes = web.RouteTableDef()
_REGIONS = ("us1", "ie1", "au1")


@routes.get("/v2/PhoneNumbers/{number}")
async def fetch_route(request: web.Request) -> web.Response:
    """Return the number's route; 20404 means none was ever set, and calls are processed in us1."""
    row = request.app[REGISTRY].routes.get(request.match_info["number"])
    if row is None:
        raise not_found(request)
    return web.json_response(row)


@routes.post("/v2/PhoneNumbers/{number}")
async def set_route(request: web.Request) -> web.Response:
    """Set ``VoiceRegion``."""
    registry, e164, fields = request.app[REGISTRY], request.match_info["number"], await form(request)
    region = fields.get("VoiceRegion", "us1")
    if region not in _REGIONS:
        raise RestError(400, 20001, f"VoiceRegion {region} is not one of {', '.join(_REGIONS)}")
    if e164 not in request.app[EXCHANGE].numbers:
        raise not_found(request)
    row = registry.routes.get(e164) or _new(request, e164)
    row |= {"voice_region": region, "date_updated": now()}
    registry.routes[e164] = row | ({"friendly_name": fields["FriendlyName"]} if "FriendlyName" in fields else {})
    return web.json_response(registry.routes[e164])


def _new(request: web.Request, e164: str) -> dict[str, Any]:
    return {
        "phone_number": e164,
        "url": f"{request.url.origin()}/v2/PhoneNumbers/{e164}",
        "sid": fresh_sid("QQ"),
        "account_sid": request.app[EXCHANGE].settings.account_sid,
        "friendly_name": None,
        "voice_region": None,
        "date_created": now(),
        "date_updated": now(),
    }
