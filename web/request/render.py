"""How a page is rendered: the templates, and what every one of them is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from web.config import SETTINGS
from web.request import session as request_session
from web.request.access import VIEWER
from web.request.errors import whole_seconds
from web.request.static_files.files import StaticFiles

TEMPLATES = Path(__file__).parents[1] / "templates"
STATIC = Path(__file__).parents[1] / "static"
JINJA: web.AppKey[Environment] = web.AppKey("templates")


def environment(static_files: StaticFiles) -> Environment:
    """Return the templates. What is put into one is escaped.

    ``static(name)`` is a file's address, or that of several sheets together; ``script(name)`` is the address of a
    module with all that it imports.
    """
    loaded = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loaded.globals.update(static=static_files.url, script=static_files.script)
    return loaded


def render(
    request: web.Request, name: str, *, status: int = 200, retry_after: float | None = None, **context: Any
) -> web.Response:
    """Return the page ``name``. It is given ``status``, and ``viewer`` and ``csrf_token`` if there is a viewer.

    ``retry_after``: seconds until another attempt makes sense, for a page with status 429 or 503.
    """
    viewer = request.get(VIEWER)
    sign_in = request_session.read(request) if viewer is not None else None
    settings = request.app[SETTINGS]
    token = request_session.csrf_token(sign_in, settings) if sign_in is not None else None
    context |= {"viewer": viewer, "csrf_token": token, "status": status}
    context["framed"] = request.headers.get("Sec-Fetch-Dest") == "iframe"  # the console's frame: it has our top bar
    text = request.app[JINJA].get_template(name).render(**context)
    headers = {} if retry_after is None else {"Retry-After": str(whole_seconds(retry_after))}
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)


def render_form(
    request: web.Request, name: str, wrong: Mapping[str, str] | None = None, **context: Any
) -> web.Response:
    """Return the page ``name``, which is a form: with what is ``wrong``, by field, or that it was just saved."""
    said = was_saved(request) and not wrong
    return render(request, name, status=400 if wrong else 200, wrong=wrong or {}, saved=said, **context)


def was_saved(request: web.Request) -> bool:
    """Return whether the form was just saved, and led back here."""
    return request.query.get("saved") == "yes"


def saved(path: str) -> web.HTTPSeeOther:
    """Return the way back to the form at ``path``, which says that it was saved."""
    return web.HTTPSeeOther(f"{path}?saved=yes")
