"""The sandbox's own page of the emulated telephone network's troubles, ``/sandbox/network``.

Callbacks that come late, twice, jumbled or not at all; the account's conference setting; calls a second; how good the
lines of browsers are. Each button posts to ``/sandbox/network/…`` and comes back. None of it is Twilio's.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from sandbox.twilio.faults import CallbackFaults
from sandbox.twilio.pages.numbers import HEADERS, TEMPLATES
from sandbox.twilio.pages.origin import own_origin
from sandbox.twilio.phone.exchange import EXCHANGE
from sandbox.twilio.phone.softphones import WARNINGS
from sandbox.twilio.rest.call_rate import CALL_RATE
from sandbox.twilio.rest.framework import form

PAGE = "/sandbox/network"
MOST_LATE = 600.0  # seconds
MOST_CALLS = 1000.0  # a second

routes = web.RouteTableDef()


@routes.get(PAGE)
async def page(request: web.Request) -> web.Response:
    """Return what goes wrong, and the conferences that go on."""
    return _page(request)


@routes.post(f"{PAGE}/callbacks")
async def spoil_callbacks(request: web.Request) -> web.Response:
    """Make status callbacks from now on ``late`` (seconds), ``doubled`` and ``lost`` (percent), ``jumbled`` (on)."""
    own_origin(request)
    fields = await form(request)
    try:
        late = _number(fields, "late", MOST_LATE)
        doubled, lost = (_number(fields, name, 100) / 100 for name in ("doubled", "lost"))
    except ValueError as error:
        return _page(request, str(error))
    faults = CallbackFaults(late=late, doubled=doubled, jumbled="jumbled" in fields, lost=lost)
    request.app[EXCHANGE].callbacks.faults = faults
    raise web.HTTPSeeOther(PAGE)


@routes.post(f"{PAGE}/account")
async def set_account(request: web.Request) -> web.Response:
    """Change the account's settings: ``agent_conference`` (on), ``calls_per_second``."""
    own_origin(request)
    fields = await form(request)
    try:
        rate = _number(fields, "calls_per_second", MOST_CALLS)
    except ValueError as error:
        return _page(request, str(error))
    if not rate:
        return _page(request, "calls_per_second must be more than 0.")
    request.app[EXCHANGE].agent_conference = "agent_conference" in fields
    request.app[CALL_RATE].per_second = rate
    raise web.HTTPSeeOther(PAGE)


@routes.post(f"{PAGE}/lines")
async def warn(request: web.Request) -> web.Response:
    """Raise the SDK's ``warning`` in every call of a browser, or ``clear`` it."""
    own_origin(request)
    fields = await form(request)
    if fields.get("warning") not in WARNINGS:
        return _page(request, "Choose one of the warnings.")
    request.app[EXCHANGE].softphones.warn(fields["warning"], cleared="clear" in fields)
    raise web.HTTPSeeOther(PAGE)


def _number(fields: Mapping[str, str], name: str, most: float) -> float:
    try:
        value = float(fields.get(name) or 0)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise ValueError(f"{name} must be a number from 0 to {most:g}.")
    return value


def _page(request: web.Request, complaint: str = "") -> web.Response:
    exchange = request.app[EXCHANGE]
    text = TEMPLATES.get_template("network.html").render(
        complaint=complaint,
        faults=exchange.callbacks.faults,
        agent_conference=exchange.agent_conference,
        calls_per_second=request.app[CALL_RATE].per_second,
        warnings=WARNINGS,
        rooms=[room for room in exchange.rooms if not room.is_over],
    )
    status = 400 if complaint else 200
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=HEADERS)
