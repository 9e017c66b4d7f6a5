"""Pages: how one is rendered, and those that need little more than the viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from provisioning.mail_names import mail_name
from web.billing import payment_notice as payment_notice
from web.calls.voice_sdk import voice_sdk
from web.people.signed_in import milliseconds
from web.request import access, keys
from web.request import session as request_session
from web.request.access import Viewer
from web.request.static_files import StaticFiles

TEMPLATES = Path(__file__).parents[1] / "templates"
MAILS = Path(__file__).parents[1] / "mails"
STATIC = Path(__file__).parents[1] / "static"

routes = web.RouteTableDef()


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
    viewer = request.get(keys.viewer)
    sign_in = request_session.read(request) if viewer is not None else None
    settings = request.app[keys.settings]
    token = request_session.csrf_token(sign_in, settings) if sign_in is not None else None
    text = (
        request.app[keys.templates]
        .get_template(name)
        .render(viewer=viewer, csrf_token=token, status=status, **context)
    )
    return web.Response(text=text, content_type="text/html", status=status)


@routes.get("/console")
async def console(request: web.Request) -> web.StreamResponse:
    """The live calls. Their words come to the browser from media, never through here."""
    viewer = await access.require(request, "console")
    if not viewer.may_watch:
        return await _console_off(request, viewer)
    async with access.rows(request, viewer) as rows:
        everybody = await rows.members.all()
    members = [each for each in everybody if viewer.may("calls.all") or each.id == viewer.member_id]
    settings, sign_in = request.app[keys.settings], request_session.read(request)
    return render(
        request,
        "console.html",
        members=members,
        signed_in_until=milliseconds(sign_in.expires_at) if sign_in is not None else 0,
        media_url=settings.media_public_url,
        **_phone(request, has_phone=viewer.may("softphone")),
    )


async def _console_off(request: web.Request, viewer: Viewer) -> web.Response:
    """Why there are no words for ``viewer``, and the phone as long as calls connect."""
    phone = viewer.may("softphone") and viewer.standing.connects
    return render(
        request,
        "console_off.html",
        trouble=await payment_notice.trouble(request, viewer),
        **_phone(request, has_phone=phone),
    )


def _phone(request: web.Request, *, has_phone: bool) -> dict[str, Any]:
    """Return what a page with a phone in it is rendered with; empty texts for a page without one."""
    if not has_phone:
        return {"voice_sdk_url": "", "voice_sdk_integrity": ""}
    sdk = voice_sdk(request.app[keys.settings], request.app[keys.static_files])
    return {"voice_sdk_url": sdk.url, "voice_sdk_integrity": sdk.integrity}


@routes.get("/favicon.ico")
async def favicon(request: web.Request) -> web.StreamResponse:
    """Browsers ask for it by themselves."""
    raise web.HTTPSeeOther(request.app[keys.static_files].url("bilby.svg"))
