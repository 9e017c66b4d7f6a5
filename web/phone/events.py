"""The event stream of a member's phone: the whole state when it opens, and then the parts that changed.

Each event is applied by replacing the parts in it, so a page that reconnects needs nothing of before. In between are
`beat` events, so that the page can tell a quiet stream from a broken one, and the server's clock from its own. A
stream ends with the sign-in, and at the latest after `web.phone.boards.Timing.stream`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from aiohttp import HttpVersion11, web

from web.phone.boards import BOARDS, Listener
from web.request import access
from web.request.access import Viewer
from web.request.errors import NotSignedInError, TooManyError
from web.request.event_stream import opened

routes = web.RouteTableDef()


@routes.get("/phone/events", allow_head=False)
async def events(request: web.Request) -> web.StreamResponse:
    """Stream the state of the member's phone as Server-Sent Events."""
    viewer = await access.require(request, "softphone")
    boards = request.app[BOARDS]
    full = TooManyError(boards.timing.beat, "Too many pages with this phone are open. Close some of them.")
    listening = boards.listening(viewer.organisation_id, viewer.member_id)
    async with opened(request, listening, full=full) as (answer, listener):
        with suppress(TimeoutError):
            async with asyncio.timeout(boards.timing.stream):
                await _tell(request, viewer, answer, listener)
    return answer


async def _tell(request: web.Request, viewer: Viewer, answer: web.StreamResponse, listener: Listener) -> None:
    """Send what changes until the stream must end. Raise `RefusalError` once the viewer may not see it any more."""
    boards, clock = request.app[BOARDS], asyncio.get_running_loop().time
    timing, checked_at = boards.timing, clock()
    listener.writer = _StreamWriter(request)
    while not boards.closing:
        await listener.next(max(0.0, listener.wrote_at + timing.beat - clock()))
        if clock() - checked_at >= timing.check:
            checked_at = clock()
            await access.require_again(request, "softphone")
        if not listener.is_member:
            raise NotSignedInError
        event = listener.due(boards.listeners(viewer.organisation_id), clock())
        # A `beat` event tells the page that we are there, and us that the page has gone. Boards that change for
        # others only must not put it off.
        if event is None and clock() >= listener.wrote_at + timing.beat:
            listener.wrote_at = clock()
            event = b'event: beat\ndata: {"now":%d}\n\n' % round(time.time() * 1000)
        if event is not None:
            await answer.write(event)


class _StreamWriter:
    """Writes to a stream whose headers were sent, also while its own task is waiting."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._is_chunked = request.version >= HttpVersion11  # as aiohttp decides it where no length is known

    @property
    def is_free(self) -> bool:
        transport = self._request.transport
        return transport is not None and not transport.is_closing() and transport.get_write_buffer_size() == 0

    def put(self, event: bytes) -> None:
        transport = self._request.transport
        if transport is not None:
            transport.write(b"%x\r\n%b\r\n" % (len(event), event) if self._is_chunked else event)
