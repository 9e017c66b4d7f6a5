"""Server-Sent Events: a stream that a page listens to, and opens again when it has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import TypeVar

from aiohttp import web

from db.engine import DatabaseUnavailableError
from web.request.errors import RefusalError, TooManyError

Listener = TypeVar("Listener")

_RETRY_MS = 1000  # until the browser reconnects


@asynccontextmanager
async def opened(
    request: web.Request, listening: AbstractContextManager[Listener | None], *, full: TooManyError
) -> AsyncIterator[tuple[web.StreamResponse, Listener]]:
    """Answer with an event stream, for as long as the page listens. Raise ``full`` if ``listening`` has no place."""
    with listening as listener:
        if listener is None:
            raise full
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await answer.prepare(request)
        await answer.write(f"retry: {_RETRY_MS}\n\n".encode())
        # The headers are sent, so an error cannot be reported: the browser reconnects and gets it then.
        with suppress(ConnectionError, RefusalError, DatabaseUnavailableError):
            yield answer, listener
