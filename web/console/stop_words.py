"""*Stop words for this call*: end the transcription of a live call because the caller objects. It cannot be undone.

Once the call's row is committed, no ticket for a stream of the call is signed. Media is notified over NATS and drops
the transcript at once; Twilio is asked by REST to end the stream (`web.calls.streams.stops`). Either is enough.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from web.bus import BUS
from web.calls.callback_forms import CALL_SID
from web.calls.streams.recovery import STREAM_RECOVERY
from web.calls.streams.start import NAME
from web.calls.streams.stops import STREAM_STOPS
from web.request import access
from web.request.errors import NotFoundError

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@routes.post("/console/calls/{call}/stop-words")
async def stop_words(request: web.Request) -> web.Response:
    """Stop the words of a live call that the viewer may read; 404 for any other. Repeating it is harmless."""
    viewer = await access.require(request, "words.stop")
    call = request.match_info["call"]
    if not CALL_SID.fullmatch(call):
        raise NotFoundError
    async with access.rows(request, viewer) as rows:
        stopped = await rows.calls.stop_words(call)
        if stopped is None:
            raise NotFoundError("This call is over.")
        if stopped.is_new:
            await rows.audit.record("call.words_stopped", {"call": call})
    request.app[BUS].words_stopped(viewer.organisation_id, call)
    place = request.app[STREAM_RECOVERY].find(call)
    request.app[STREAM_STOPS].order(call, place.stream if place and place.stream else NAME)
    _log.info("transcription stop requested", call=call)
    return web.Response(status=204)
