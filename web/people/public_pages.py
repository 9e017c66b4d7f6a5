"""The public pages: landing page, pricing, terms, acceptable use, privacy."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from aiohttp import web

from provisioning.stripe.api import MOST_SEATS
from web.config import SETTINGS
from web.request import access
from web.request.price import Price
from web.request.render import render

routes = web.RouteTableDef()


@routes.get("/")
async def landing(request: web.Request) -> web.StreamResponse:
    """Show the landing page; a signed-in member is redirected to the console."""
    if await access.current(request) is not None:
        raise web.HTTPSeeOther("/console")
    return await _public(request, "people/public/landing.html")


@routes.get("/pricing")
async def pricing(request: web.Request) -> web.StreamResponse:
    """Show the price."""
    return await _public(request, "people/public/pricing.html")


@routes.get("/terms")
async def terms(request: web.Request) -> web.StreamResponse:
    """Show the terms."""
    return await _public(request, "people/public/terms.html")


@routes.get("/acceptable-use")
async def acceptable_use(request: web.Request) -> web.StreamResponse:
    """Show the acceptable use policy."""
    return await _public(request, "people/public/acceptable_use.html")


@routes.get("/privacy")
async def privacy(request: web.Request) -> web.StreamResponse:
    """Show the privacy page."""
    return await _public(request, "people/public/privacy.html")


async def _public(request: web.Request, name: str) -> web.Response:
    await access.current(request)  # so that a signed-in member sees the navigation
    return render(request, name, **facts(request.app))


def facts(app: web.Application) -> dict[str, Any]:
    """Return the settings that the public pages show."""
    settings = app[SETTINGS]
    return {
        "price": Price(settings.seat_price_cents),
        "is_open": settings.stripe_is_set,
        "most_seats": MOST_SEATS,
        "operator": settings.operator,
        "contact": parseaddr(settings.mail_from)[1],
        "call_log_days": settings.call_log_days,
        "opted_out": settings.aws_ai_opt_out == "attested",
        "translates": settings.live_translation == "on",
        "translate_opted_out": settings.aws_translate_opt_out == "attested",
    }
