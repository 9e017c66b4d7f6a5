"""Where a request comes from: a page of another origin must not place calls here."""

from __future__ import annotations

from aiohttp import web


def own_origin(request: web.Request) -> None:
    """Raise 403 for a form, a script or a socket of another page."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise web.HTTPForbidden(text="from another origin")
