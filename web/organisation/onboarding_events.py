"""How a new organisation gets on, pushed to its open pages: Server-Sent Events at ``/onboarding/events``.

Each event is all there is to show, so one that is missed does no harm. A nudge over NATS only makes us look into the
database sooner: without NATS we look every `LOOK_SECONDS`. A stream ends after `STREAM_SECONDS`; the browser comes
back by itself, and is then asked again who it is.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

MOST_LISTENERS = 20  # open pages of one organisation
LOOK_SECONDS = 2.0
STREAM_SECONDS = 60.0


class Progress:
    """Who is to be nudged, by organisation."""

    def __init__(self) -> None:
        self._listening: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self.closing = False
        """The process is about to end, and so are its streams."""

    def nudge(self, organisation_id: UUID) -> None:
        """Something has happened to one of the organisation's orders. Several at once are one."""
        for event in self._listening.get(organisation_id, ()):
            event.set()

    def close(self) -> None:
        """Let every stream end."""
        self.closing = True
        for organisation_id in self._listening:
            self.nudge(organisation_id)

    @contextmanager
    def listening(self, organisation_id: UUID) -> Iterator[asyncio.Event | None]:
        """Set whenever there may be news; None if too many listen already."""
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


async def news(event: asyncio.Event) -> None:
    """Wait until there may be news, at most `LOOK_SECONDS`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await event.wait()
    event.clear()
