"""The sandbox's own page of the emulated Twilio's numbers, ``/sandbox/numbers``: bundles, faults, numbers.

Each button posts to ``/sandbox/numbers/…`` and comes back. None of it is Twilio's. As on the page of calls, what
changes something is obeyed from our own page (or the command line) only.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from sandbox.twilio.pages import faults
from sandbox.twilio.pages.faults import KINDS, TARGETS, spoken
from sandbox.twilio.pages.origin import own_origin
from sandbox.twilio.phone.exchange import EXCHANGE
from sandbox.twilio.rest.framework import form
from sandbox.twilio.rest.registry import REGISTRY, Registry
from sandbox.twilio.rest.regulatory import inside, take_up

PAGE = "/sandbox/numbers"
STRANGER = "https://elsewhere.example/voice"  # where somebody in Twilio's console points a number by mistake
DECIDED = {"approve": "twilio-approved", "reject": "twilio-rejected"}
SHOWN = 20

routes = web.RouteTableDef()
_FOLDER = Path(__file__).with_name("templates")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@routes.get(PAGE)
async def page(request: web.Request) -> web.Response:
    """Return bundles under review, what goes wrong, numbers, and the newest requests."""
    return _page(request)


@routes.get(f"{PAGE}.css")
async def style(_: web.Request) -> web.Response:
    """Return what this page adds to the style of the other one."""
    text = (_FOLDER / "numbers.css").read_text()
    return web.Response(text=text, content_type="text/css", charset="utf-8", headers=HEADERS)


@routes.post(f"{PAGE}/faults")
async def spoil(request: web.Request) -> web.Response:
    """Add a fault: field ``mischief`` is its kind, ``aim`` its target, with ``times`` and ``seconds``."""
    own_origin(request)
    fields = await form(request)
    try:
        times, seconds = int(fields.get("times") or 1), float(fields.get("seconds") or 0)
        made = faults.fault(fields.get("aim", ""), fields.get("mischief", ""), times, seconds)
    except ValueError as error:
        return _page(request, str(error))
    request.app[REGISTRY].faults.append(made)
    raise web.HTTPSeeOther(PAGE)


@routes.post(f"{PAGE}/faults/withdraw")
async def withdraw(request: web.Request) -> web.Response:
    """Withdraw all faults."""
    own_origin(request)
    request.app[REGISTRY].faults.clear()
    raise web.HTTPSeeOther(PAGE)


@routes.post(f"{PAGE}/review")
async def review(request: web.Request) -> web.Response:
    """Have bundles reviewed by themselves after ``seconds``; with none, by whoever opens this page."""
    own_origin(request)
    seconds = (await form(request)).get("seconds", "").strip()
    try:
        after = float(seconds) if seconds else None
    except ValueError:
        after = -1.0
    if after is not None and not 0 <= after <= faults.MOST_SECONDS:
        return _page(request, f"Seconds are a number up to {faults.MOST_SECONDS:g}, or nothing.")
    request.app[REGISTRY].review_seconds = after
    take_up(request.app[EXCHANGE], request.app[REGISTRY])
    raise web.HTTPSeeOther(PAGE)


@routes.post(f"{PAGE}/bundles/{{sid}}/{{do}}")
async def decide(request: web.Request) -> web.Response:
    """Decide on a bundle: ``approve``, or ``reject`` it for ``reason``."""
    own_origin(request)
    registry, sid, do = request.app[REGISTRY], request.match_info["sid"], request.match_info["do"]
    if sid not in registry.bundles or do not in DECIDED:
        raise web.HTTPNotFound
    reason = (await form(request)).get("reason", "").strip() if do == "reject" else ""
    registry.decide(sid, DECIDED[do], reason)
    return _changed(request)


@routes.post(f"{PAGE}/taken")
async def take(request: web.Request) -> web.Response:
    """Let somebody else buy ``number``, although a search still shows it; again: let them give it back."""
    own_origin(request)
    registry, number = request.app[REGISTRY], (await form(request)).get("number", "").replace(" ", "")
    if not (number.startswith("+61") and number[1:].isdecimal() and len(number) == len("+61255500000")):
        return _page(request, "A number looks like +61255500000.")
    if number in registry.taken:
        registry.taken.remove(number)
    else:
        registry.taken.append(number)
    return _changed(request)


@routes.post(f"{PAGE}/{{sid}}/misdirect")
async def misdirect(request: web.Request) -> web.Response:
    """Point a number's calls elsewhere, in Twilio's console."""
    own_origin(request)
    exchange = request.app[EXCHANGE]
    for number in list(exchange.numbers.values()):
        if number.sid == request.match_info["sid"]:
            exchange.set_number(number.phone_number, voice_url=STRANGER)
            return _changed(request)
    raise web.HTTPNotFound


def _changed(request: web.Request) -> web.Response:
    """Keep what was changed, and back to the page."""
    request.app[REGISTRY].save(request.app[EXCHANGE].numbers)
    raise web.HTTPSeeOther(PAGE)


def _page(request: web.Request, complaint: str = "") -> web.Response:
    exchange, registry = request.app[EXCHANGE], request.app[REGISTRY]
    text = TEMPLATES.get_template("numbers.html").render(
        complaint=complaint,
        targets=TARGETS,
        kinds=KINDS,
        faults=[(spoken(each), each.times) for each in registry.faults if each.times > 0],
        review_seconds=registry.review_seconds,
        bundles=[_bundle(registry, sid) for sid in reversed(registry.bundles)][:SHOWN],
        taken=registry.taken,
        numbers=[(each, registry.routes.get(each.phone_number)) for each in exchange.numbers.values()],
        asked=[(method, _short(path)) for method, path in reversed(registry.asked[-SHOWN:])],
    )
    status = 400 if complaint else 200
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=HEADERS)


def _short(path: str) -> str:
    """Return the text without the part that is the same in all."""
    return re.sub(r"^/2010-04-01/Accounts/AC\w+(?=/)", "", path)


def _bundle(registry: Registry, sid: str) -> dict[str, Any]:
    """Return whose bundle it is, its state, and what was found wrong with it."""
    rows = inside(registry, registry.bundles[sid])
    names = [row["attributes"].get("business_name") for row in rows]
    reasons = [row.get("failure_reason") for row in rows]
    return {
        "sid": sid,
        "status": registry.bundles[sid]["status"],
        "name": next(filter(None, names), registry.bundles[sid]["friendly_name"]),
        "reason": next(filter(None, reasons), ""),
    }
