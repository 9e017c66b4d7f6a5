"""What all of the emulated Stripe's pages share: templates, their filters, headers, and whose forms are obeyed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from sandbox.stripe.account import Account
from sandbox.stripe.billing.payment_methods import INSTRUMENTS

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]
_FOLDER = Path(__file__).with_name("templates")
# No form-action: browsers apply it to where a form's answer sends them, and that is the product.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}A${abs(cents) / 100:,.2f}"


def _day(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %B %Y}" if seconds else "–"


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %b %Y, %H:%M:%S} UTC"


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"money": _money, "day": _day, "moment": _moment}


def render(account: Account, template: str, status: int = 200, **shown: Any) -> web.Response:
    """Return a page from ``template``."""
    text = _templates.get_template(template).render(
        business=account.settings.business, instruments=list(INSTRUMENTS.values()), **shown
    )
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=_HEADERS)


def style() -> web.Response:
    """Return the pages' style sheet."""
    text = (_FOLDER / "stripe.css").read_text()
    return web.Response(text=text, content_type="text/css", charset="utf-8", headers=_HEADERS)


async def form(request: web.Request) -> dict[str, str]:
    """Return a form's text fields."""
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


@web.middleware
async def own_origin(request: web.Request, handler: Next) -> web.StreamResponse:
    """Obey a form of our own pages (or the command line), and of no other page."""
    origin = request.headers.get("Origin", _own(request))
    if request.method == "POST" and origin != _own(request) and not request.path.startswith("/v1/"):
        raise web.HTTPForbidden(text="from another origin")
    return await handler(request)


def _own(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
