"""Answer a callback of Twilio's, which tells of something and asks nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from web.calls.callback_forms import Form, FormError, member_id
from web.calls.routing import ROUTING
from web.calls.twilio_request import twilio_form
from web.request.errors import InvalidError, NotFoundError

_log = structlog.get_logger(__name__)


async def noted(request: web.Request, take: Callable[[web.Request, Form], Awaitable[None]]) -> web.Response:
    """Let ``take`` write down what the signed form tells, and answer 204. Raise `InvalidError` for a missing field.

    A callback about an unknown call is answered like the others, so that Twilio does not repeat it.
    """
    form = await twilio_form(request)
    try:
        await take(request, form)
    except FormError as error:
        raise InvalidError(f"{error} is missing.") from None
    except NotFoundError:
        if not _is_of_room(request, form):
            _log.info("callback for unknown call")
    return web.Response(status=204)


def _is_of_room(request: web.Request, form: Form) -> bool:
    """Return whether ``form`` is about a softphone in a room: it has no row, for its conference tells of it."""
    return ROUTING in request.app and member_id(form.get("From", "")) is not None
