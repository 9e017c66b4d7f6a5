"""How a page is rendered: the templates, and what every one of them is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from provisioning.mail_names import mail_name
from web.config import SETTINGS
from web.request import session as request_session
from web.request.access import VIEWER
from web.request.static_files import StaticFiles

TEMPLATES = Path(__file__).parents[1] / "templates"
MAILS = Path(__file__).parents[1] / "mails"
STATIC = Path(__file__).parents[1] / "static"
JINJA: web.AppKey[Environment] = web.AppKey("templates")


def environment(static_files: StaticFiles) -> Environment:
    """The templates. What is put into one is escaped, but for plain text; ``static(name)`` is a file's address."""
    loaded = Environment(
        loader=FileSystemLoader([TEMPLATES, MAILS]),
        autoescape=select_autoescape(enabled_extensions=("html",), default=True, disabled_extensions=("txt",)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loaded.globals["static"] = static_files.url
    loaded.filters["mail_name"] = mail_name
    return loaded


def render(request: web.Request, name: str, *, status: int = 200, **context: Any) -> web.Response:
    """The page ``name``; it is given ``status``, and ``viewer`` and ``csrf_token`` if `access` has found a viewer."""
    viewer = request.get(VIEWER)
    sign_in = request_session.read(request) if viewer is not None else None
    settings = request.app[SETTINGS]
    token = request_session.csrf_token(sign_in, settings) if sign_in is not None else None
    text = request.app[JINJA].get_template(name).render(viewer=viewer, csrf_token=token, status=status, **context)
    return web.Response(text=text, content_type="text/html", status=status)
