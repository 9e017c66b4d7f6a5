"""End the streams of calls whose words were stopped (`web.console.stop_words`): by asking Twilio, until it has.

`remind` repeats what failed at media's next event about the call, at the latest when NATS is back.
"""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web

from db.call_progress import is_over
from db.models import Call
from protocol.facts import Fact
from provisioning.twilio.numbers_api import TwilioError, translate_errors
from web.bus import BUS
from web.resources import TWILIO

STOPPING = 1000  # queued stops
WORKERS = 2
DELAYS = (0.5, 2.0, 10.0, 30.0, 60.0)  # seconds between attempts at one stream

_log = structlog.get_logger(__name__)


def remind(app: web.Application, call: Call, fact: Fact) -> None:
    """Repeat the stop to media and Twilio, on an event about ``call``, whose words were stopped."""
    over = is_over(call.status)
    if fact.kind == "ended" and not over:
        return
    app[BUS].words_stopped(fact.org, fact.call, over=over)
    if fact.stream and not over:
        app[STREAM_STOPS].order(fact.call, fact.stream)


class StreamStops:
    """The queue of streams that Twilio must end. One per process; `run` it in a task of its own."""

    def __init__(self, app: web.Application, delays: tuple[float, ...] = DELAYS) -> None:
        self._app = app
        self._delays = delays
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue(STOPPING)

    def order(self, call: str, stream: str) -> None:
        """End ``stream`` (its SID or name) of ``call``. Never waits; if the queue is full, `remind` retries."""
        try:
            self._wanted.put_nowait((call, stream))
        except asyncio.QueueFull:
            _log.warning("stream stop dropped", call=call)

    async def run(self) -> None:
        """Process the queue until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            call, stream = await self._wanted.get()
            try:
                await self._stop(call, stream)
            except Exception as error:  # one failure must not stop the worker
                _log.error("stream not stopped", call=call, stream=stream, error=type(error).__name__)

    async def _stop(self, call: str, stream: str) -> None:
        """Retry until Twilio has ended the stream or no longer knows it."""
        for delay in (*self._delays, None):
            why = await self._attempt(call, stream)
            if why is None:
                return
            _log.warning("stream not stopped yet", call=call, stream=stream, why=why)
            if delay is not None:
                await asyncio.sleep(delay)
        _log.error("stream not stopped", call=call, stream=stream, error="given up")

    async def _attempt(self, call: str, stream: str) -> str | None:
        """Ask Twilio once. Return the reason to retry, None if there is none."""
        try:
            with translate_errors():
                context = self._app[TWILIO].calls(call).streams(stream)
                await context.update_async(status="stopped")  # type: ignore[arg-type]  # Twilio's constants are texts
        except TwilioError as error:
            return error.cause if error.retryable else None
        return None


STREAM_STOPS: web.AppKey[StreamStops] = web.AppKey("stream_stops")
