"""Wake up the event streams of ``/onboarding/events`` when an organisation's state may have changed.

Each event carries the whole state, so a missed one does no harm. A message over NATS only triggers an earlier
database read: without NATS there is one every `Timing.look`. A stream ends after `Timing.stream`; the browser
reconnects by itself, and is authenticated again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

MOST_LISTENERS = 20  # open pages of one organisation


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of the streams, in seconds."""

    look: float = 2.0
    """Between two looks at the database, at most."""
    stream: float = 60.0
    """For one stream."""


class Progress:
    """The listening streams of each organisation."""

    def __init__(self, timing: Timing = Timing()) -> None:
        self.timing = timing
        self._listening: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self.closing = False
        """The process is shutting down, so streams must end."""

    def nudge(self, organisation_id: UUID) -> None:
        """Wake the organisation's streams. Several wake-ups at once count as one."""
        for event in self._listening.get(organisation_id, ()):
            event.set()

    def close(self) -> None:
        """End every stream."""
        self.closing = True
        for organisation_id in self._listening:
            self.nudge(organisation_id)

    @contextmanager
    def listening(self, organisation_id: UUID) -> Iterator[asyncio.Event | None]:
        """Yield an event that is set whenever the state may have changed; None if there are too many listeners."""
        events = self._listening[organisation_id]
        if len(events) >= MOST_LISTENERS:
            yield None
            return
        event = asyncio.Event()
        events.add(event)
        try:
            yield event
        finally:
            events.discard(event)
            if not events:
                self._listening.pop(organisation_id, None)

    async def news(self, event: asyncio.Event) -> None:
        """Wait for a wake-up, at most `Timing.look`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.timing.look):
                await event.wait()
        event.clear()


PROGRESS: web.AppKey[Progress] = web.AppKey("progress")
