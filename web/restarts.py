"""New streams for live calls that lost theirs, because a media node died or is handing its calls over.

Twilio does not reconnect a stream; it says ``stream-error`` and the call goes on. Media says over NATS which stream
a call has and when the call ``began``, and asks for a handover when it drains. Either way a new stream is started by
Twilio's Streams REST; it lands on whichever node is ready, and its ticket tells that node how old the call is. What
is known here is in memory: a call that was not heard of since web started gets no new stream.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from aiohttp import ClientError, web
from twilio.base.exceptions import TwilioRestException

from db.call_progress import is_over
from db.engine import DatabaseUnavailableError
from db.organisations import standing
from media.ticket import sign_stream
from web import access, keys
from web.errors import NotFoundError
from web.facts import Fact

WORKERS = 10  # starts under way at once: a node may lose hundreds of calls
WAITING = 2000
MOST_A_MINUTE = 5  # of one call: whatever is wrong then, another stream does not mend it
_KNOWN = 20_000
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """A call's newest stream, and when its first one began (ms since 1970)."""

    org: UUID
    stream: str = ""
    began: int | None = None
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_A_MINUTE))


class Restarts:
    """One for the process; `run` it in a task of its own."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._wanted: asyncio.Queue[str] = asyncio.Queue(WAITING)

    def note(self, fact: Fact) -> None:
        """What media says of a call."""
        if fact.kind == "ended":
            self._known.pop(fact.call, None)
        elif fact.kind == "started":
            known = self._known.setdefault(fact.call, _Known(fact.org))
            known.stream = fact.stream or known.stream
            known.began = fact.began or known.began
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        elif fact.kind == "handover":
            self._want(fact.call)

    def lost(self, call: str, stream: str) -> None:
        """Twilio says that ``stream`` broke: if it is the call's newest, the call needs another."""
        known = self._known.get(call)
        if known is not None and known.stream == stream:
            self._want(call)

    async def run(self) -> None:
        """Start what is wanted, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    def _want(self, call: str) -> None:
        known = self._known.get(call)
        now = time.monotonic()
        if known is None or (len(known.starts) == MOST_A_MINUTE and now - known.starts[0] < 60):
            return
        known.starts.append(now)
        try:
            self._wanted.put_nowait(call)
        except asyncio.QueueFull:
            _log.warning("stream not restarted", call=call, why="too many wait")

    async def _work(self) -> None:
        while True:
            call = await self._wanted.get()
            try:
                await self._start(call)
            except (TwilioRestException, ClientError, TimeoutError, DatabaseUnavailableError, NotFoundError) as error:
                # 404 and "not in-progress" are ordinary: the call ended meanwhile.
                _log.warning("stream not restarted", call=call, why=type(error).__name__)

    async def _start(self, call: str) -> None:
        known, settings = self._known.get(call), self._app[keys.settings]
        if known is None:
            return
        ticket = await self._ticket(call, known)
        if ticket is None:
            return
        await (
            self._app[keys.twilio]
            .calls(call)
            .streams.create_async(
                url=f"{settings.media_public_url}/twilio/stream",
                name=f"bilby-{len(known.starts)}-{round(time.time())}",
                track="both_tracks",
                status_callback=f"{settings.web_public_url}/twilio/stream/status",
                parameter1_name="ticket",
                parameter1_value=ticket,
            )
        )
        _log.info("stream restarted", call=call)

    async def _ticket(self, call: str, known: _Known) -> str | None:
        """A ticket for the call's next stream; None if the call is over, or is not to be transcribed any more."""
        async with access.by_fact(self._app, known.org) as rows:
            row = await rows.calls.get(call)
            if row is None or is_over(row.status) or not standing(rows.organisation).transcribes:
                return None
            return sign_stream(
                self._app[keys.settings].stream_shared_secret.get_secret_value(),
                org=str(known.org),
                call=call,
                direction=row.direction,
                agent=None if row.agent_id is None else str(row.agent_id),
                began=known.began,
            )
