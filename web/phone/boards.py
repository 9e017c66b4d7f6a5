"""The event streams of the pages that are open here, and the boards that they are handed.

A board is handed to all streams of its organisation, and what is new to a page is put on its connection at once: the
tasks of the streams need not wake up for it, which would take longer than all the rest. Only a page that has not yet
taken what it was sent before is left to its task, which finds the latest board then, never a queue. Without a nudge
there is a look every `Timing.look`: by then somebody may be unreachable, or a nudge was lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from aiohttp import web

from web.phone.board import Board
from web.phone.ring_delays import RingDelays
from web.phone.telling import Telling

MOST_OF_MEMBER = 8  # open pages
MOST_OF_ORGANISATION = 1500


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds."""

    look: float = 3.0
    """Between two looks without a nudge."""
    beat: float = 5.0
    """Between two signs of life in a stream."""
    check: float = 10.0
    """Between two looks at whether a stream's viewer is still signed in."""
    stream: float = 600.0
    """For one stream; the browser comes back by itself, and is authenticated again."""
    slow: float = 1.0
    """Between two tellings of what everybody sees, where that is much."""


class StreamWriter(Protocol):
    """Writes events to one stream's connection."""

    @property
    def is_free(self) -> bool:
        """Whether the page has taken all that it was sent, as far as we know."""

    def put(self, event: bytes) -> None:
        """Send it. Never waits."""


class Listener:
    """One stream's place: the latest board, and what of it the page was sent."""

    def __init__(self, member: UUID, slow: float) -> None:
        self.member = member
        self.writer: StreamWriter | None = None
        """None until the stream has begun."""
        self.is_member = True
        """Whether the latest board still knows the member."""
        self.wrote_at = asyncio.get_running_loop().time()
        self._board: Board | None = None
        self._telling = Telling(slow, phase=random.random() * slow)  # noqa: S311 (it only spreads work)
        self._ring_delays = RingDelays()
        self._is_new = asyncio.Event()
        self._knows_debt = False
        """Whether `next` returns in time for what is held back."""

    def hand(self, board: Board, pages: int, now: float) -> None:
        """Send the page what is new to it, or let `next` return for that; ``pages`` are open in all."""
        parts = board.of(self.member)
        self._board, self.is_member = board, parts is not None
        if parts is None:
            self.wake()
            return
        self._telling.take(parts)
        if self.writer is None or not self.writer.is_free:
            if self._telling.is_due(pages, now):
                self.wake()
        elif (event := self.due(pages, now)) is not None:
            self.writer.put(event)
        if not self._knows_debt and self._telling.owes_in(now) is not None:
            self.wake()

    def due(self, pages: int, now: float) -> bytes | None:
        """Return the event that is to be sent ``now``, and take it for sent; None if there is none."""
        data = self._telling.due(pages, now)
        if data is None or self._board is None:
            return None
        self.wrote_at = now
        self._ring_delays.told(self._board.offered(self.member))
        return b"event: phone\ndata: " + data + b"\n\n"

    def wake(self) -> None:
        """Let `next` return at once."""
        self._is_new.set()

    async def next(self, seconds: float) -> None:
        """Return as soon as there is something for the stream to do, and after ``seconds`` at the latest."""
        owed = self._telling.owes_in(asyncio.get_running_loop().time())
        self._knows_debt = owed is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds if owed is None else min(owed, seconds)):
                await self._is_new.wait()
        self._is_new.clear()
        self._knows_debt = False


class Boards:
    """The phones' event streams of this process. ``nudge`` has an organisation looked at soon, and `show` called."""

    def __init__(self, nudge: Callable[[UUID], None], timing: Timing = Timing()) -> None:
        self.timing = timing
        self.closing = False
        """The process is shutting down, so streams must end."""
        self._nudge = nudge
        self._open: dict[UUID, set[Listener]] = {}

    @property
    def shown(self) -> Set[UUID]:
        """The organisations of which pages are open here."""
        return self._open.keys()

    def nudge_all(self) -> None:
        """Look at every organisation again."""
        for organisation_id in self._open:
            self._nudge(organisation_id)

    def show(self, organisation_id: UUID, board: Board) -> None:
        """Hand ``board`` to all of its organisation's streams."""
        listeners, now = self._open.get(organisation_id, set()), asyncio.get_running_loop().time()
        for listener in listeners:
            listener.hand(board, len(listeners), now)

    def close(self) -> None:
        """End every stream."""
        self.closing = True
        for listeners in self._open.values():
            for listener in listeners:
                listener.wake()

    def listeners(self, organisation_id: UUID) -> int:
        """Return how many streams the organisation has here."""
        return len(self._open.get(organisation_id, ()))

    @contextmanager
    def listening(self, organisation_id: UUID, member: UUID) -> Iterator[Listener | None]:
        """Yield a listener; None if the member or the organisation has too many."""
        listeners = self._open.setdefault(organisation_id, set())
        pages = sum(each.member == member for each in listeners)
        if pages >= MOST_OF_MEMBER or len(listeners) >= MOST_OF_ORGANISATION:
            yield None
            return
        listener = Listener(member, self.timing.slow)
        listeners.add(listener)
        self._nudge(organisation_id)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._open.pop(organisation_id, None)

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            await asyncio.sleep(self.timing.look)
            self.nudge_all()


BOARDS: web.AppKey[Boards] = web.AppKey("boards")
