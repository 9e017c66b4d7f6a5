"""What a page that stays open for hours asks about its own sign-in: whether it still stands, and until when.

Whoever signs in again in another tab gets a new cookie, and with it another CSRF token; the page that was open before
goes on with these instead of being loaded anew, which would hang up on somebody.
"""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from web.request import access, keys, session as request_session
from web.request.errors import NotSignedInError

routes = web.RouteTableDef()


@routes.get("/console/sign-in")
async def sign_in(request: web.Request) -> web.Response:
    """Who is signed in by the browser's cookie, and until when (ms since 1970)."""
    viewer, current = await access.current(request), request_session.read(request)
    if viewer is None or current is None:
        raise NotSignedInError
    return web.json_response(
        {
            "member": str(viewer.member_id),
            "csrf_token": request_session.csrf_token(current, request.app[keys.settings]),
            "until": milliseconds(current.expires_at),
        }
    )


def milliseconds(at: datetime) -> int:
    """``at`` as browsers count: ms since 1970."""
    return round(at.timestamp() * 1000)
