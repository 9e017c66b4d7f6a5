"""The page of the emulated telephone network, and the endpoints behind it: ``/`` and ``/sandbox/…``.

None of it is Twilio's. A page of another origin must not place calls: what changes something asks for our own Origin
(or none, from the command line).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_request import FileField

from sandbox.audio import wav
from sandbox.audio.voice import Frames, frames
from sandbox.twilio.browser.signalling import SOUND_LINE
from sandbox.twilio.pages.origin import own_origin
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.place_call import CallingError, place_call

SHOWN_CALLS = 20
SHOWN_ALERTS = 20

routes = web.RouteTableDef()
_FOLDER = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@routes.get("/")
async def page(_: web.Request) -> web.Response:
    """Return numbers to call, calls that run, and Twilio's debugger."""
    return _file("phone_page.html", "text/html")


@routes.get("/phone-page.js")
async def script(_: web.Request) -> web.Response:
    """Return the page's script."""
    return _file("phone_page.js", "text/javascript")


@routes.get("/telephone.js")
async def telephone_script(_: web.Request) -> web.Response:
    """Return the script of the telephone in the page."""
    parts = [SOUND_LINE, _FOLDER / "telephone_tones.js", _FOLDER / "telephone.js"]
    text = "\n".join(part.read_text() for part in parts)
    return web.Response(text=text, content_type="text/javascript", charset="utf-8", headers=_HEADERS)


@routes.get("/phone-page.css")
async def style(_: web.Request) -> web.Response:
    """Return the page's style."""
    return _file("phone_page.css", "text/css")


@routes.get("/favicon.ico")
async def favicon(_: web.Request) -> web.Response:
    """Return no icon, without a complaint in the browser's console."""
    return web.Response(status=204)


@routes.get("/sandbox/state")
async def state(request: web.Request) -> web.Response:
    """Return the page's state: ``numbers``, ``calls`` and ``alerts`` (newest first), and what ``hearing`` can do."""
    exchange = request.app[EXCHANGE]
    legs = list(exchange.legs.values())
    calls = [_call(leg, legs) for leg in reversed(legs) if leg.parent is None][:SHOWN_CALLS]
    alerts = [{"code": alert.code, "text": alert.text, "call": alert.call} for alert in reversed(exchange.alerts)]
    shown = {
        "numbers": list(exchange.numbers),
        "calls": calls,
        "alerts": alerts[:SHOWN_ALERTS],
        "hearing": exchange.hearing(),
    }
    return web.json_response(shown)


@routes.post("/sandbox/calls")
async def place(request: web.Request) -> web.Response:
    """Place a call: ``to`` (default: the first number), ``from``, ``wav`` (a file). 400 says why not."""
    own_origin(request)
    exchange = request.app[EXCHANGE]
    fields = await request.post()
    to, from_ = str(fields.get("to", "")), str(fields.get("from", ""))
    try:
        sound = _sound(fields.get("wav"))
        leg = place_call(exchange, to=to, from_=from_, caller=sound[0], agent=sound[1])
    except (wav.WavError, CallingError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response(_call(leg), status=201)


@routes.get("/sandbox/calls/{call}")
async def show(request: web.Request) -> web.Response:
    """Return one call as it is now."""
    return web.json_response(_call(_leg(request)))


@routes.delete("/sandbox/calls/{call}")
async def hang_up(request: web.Request) -> web.Response:
    """Hang up as the caller."""
    own_origin(request)
    _leg(request).hang_up()
    return web.Response(status=204)


def _sound(field: object) -> tuple[Frames | None, Frames | None]:
    """Return caller's and agent's frames of an uploaded file; Nones for the demo call."""
    if not isinstance(field, FileField) or not field.filename:
        return None, None
    spoken = [frames(track) for track in wav.tracks(field.file.read())]
    return spoken[0], spoken[1] if len(spoken) > 1 else ()


def _call(leg: Leg, others: Iterable[Leg] = ()) -> dict[str, Any]:
    """Return a call for the page; ``others`` are all legs, among them those that it connects to."""
    answered = next((other for other in others if other.parent is leg and other.answered), None)
    return {
        "sid": leg.sid,
        "from": leg.from_,
        "to": leg.to,
        "status": leg.status,
        "ended": leg.over.is_set(),
        "seconds": leg.talked(),
        "says": {"caller": leg.voice.source, "called": answered.voice.source if answered is not None else "nobody"},
        "streams": sum(stream.live for stream in leg.streams.values()),
    }


def _leg(request: web.Request) -> Leg:
    exchange: Exchange = request.app[EXCHANGE]
    leg = exchange.legs.get(request.match_info["call"])
    if leg is None:
        raise web.HTTPNotFound
    return leg


def _file(name: str, content_type: str) -> web.Response:
    text = (_FOLDER / name).read_text()
    return web.Response(text=text, content_type=content_type, charset="utf-8", headers=_HEADERS)
