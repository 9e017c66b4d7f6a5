"""The state of the sign-in, for pages that stay open for hours: whether it is valid, and until when.

Signing in again in another tab gives a new cookie and CSRF token. An open page fetches them instead of reloading,
which would end a call.
"""

from __future__ import annotations

from aiohttp import web

from protocol.times import milliseconds
from web.config import SETTINGS
from web.request import access, session as request_session
from web.request.errors import NotSignedInError

routes = web.RouteTableDef()


@routes.get("/console/sign-in")
async def sign_in(request: web.Request) -> web.Response:
    """Return the signed-in member, the CSRF token and the end of the sign-in (ms since 1970) as JSON."""
    viewer, current = await access.current(request), request_session.read(request)
    if viewer is None or current is None:
        raise NotSignedInError
    return web.json_response(
        {
            "member": str(viewer.member_id),
            "csrf_token": request_session.csrf_token(current, request.app[SETTINGS]),
            "until": milliseconds(current.expires_at),
        }
    )
