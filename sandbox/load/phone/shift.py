"""Calls come and go evenly: each rings at everybody free, is answered by one of them, and ended by its customer."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from sandbox.load.phone.figures import Figures
from sandbox.load.phone.network import Line, Network
from sandbox.load.phone.pages import Page

ANSWER_SECONDS = 0.3  # between the first ring and the click
BOTH_CLICK = 10  # one call in so many is claimed by two agents at once
TRIES = 100
MANY = 20  # pages that a ring to all must have reached at least


@dataclass(slots=True)
class _Ringing:
    """A call that rings. ``wanted`` are the pages that were free when it became due; ``heard`` who was told, when."""

    line: Line
    wanted: set[Page]
    heard: dict[Page, float] = field(default_factory=dict)


class Shift:
    """One run: who talks on which call."""

    def __init__(self, network: Network, figures: Figures, talk: float) -> None:
        self.pages: list[Page] = []
        self._talk = talk
        self._network = network
        self._figures = figures
        self._ringing: dict[str, _Ringing] = {}

    def rang(self, page: Page, room: str, now: float) -> None:
        """Note that a call begins to ring at ``page``."""
        ringing = self._ringing.get(room)
        if ringing is not None:
            ringing.heard.setdefault(page, now)

    async def work(self, every: float, calls: int) -> None:
        """Let ``calls`` calls come in, one ``every`` so many seconds, and end."""
        async with asyncio.TaskGroup() as tasks:
            due = time.perf_counter()
            for _ in range(calls):
                tasks.create_task(self._one())
                due += every
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def _one(self) -> None:
        line = await self._network.call(self._rings)
        if line is None:
            return
        ringing = self._ringing[line.room]
        winner = await self._answered(line, ringing)
        del self._ringing[line.room]
        if winner is not None:
            await self._network.join(line, winner.member)
            await asyncio.sleep(self._talk)
            await self._end(line, winner)

    async def _answered(self, line: Line, ringing: _Ringing) -> Page | None:
        for _ in range(TRIES):
            await asyncio.sleep(ANSWER_SECONDS)
            clicks = [page for page in ringing.heard if page.is_free and line.room in page.ringing]
            if clicks and (winner := await self._answer(line, clicks)) is not None:
                self._note(ringing)
                return winner
        self._figures.results["calls that nobody could answer"] += 1
        return None

    def _rings(self, line: Line) -> None:
        self._ringing[line.room] = _Ringing(line, {page for page in self.pages if page.is_free})

    async def _answer(self, line: Line, clicks: list[Page]) -> Page | None:
        """Let one of those at whom it rings have it; return who has."""
        first = clicks.pop(secrets.randbelow(len(clicks)))
        others = [secrets.choice(clicks)] if clicks and secrets.randbelow(BOTH_CLICK) == 0 else []
        for page in (first, *others):
            page.is_taken = True
        call = line.room
        has = await asyncio.gather(*(page.claim(call) for page in (first, *others)))
        winner = next((page for page, won in zip((first, *others), has, strict=True) if won), None)
        for page in (first, *others):
            page.is_taken = page is winner
        return winner

    async def _end(self, line: Line, page: Page) -> None:
        await self._network.hang_up(line)
        await page.wrap_up(line.room)
        page.is_taken = False
        self._figures.results["calls ended"] += 1

    def _note(self, ringing: _Ringing) -> None:
        due = ringing.line.due_at
        self._figures.rings += [at - due for at in ringing.heard.values()]
        self._figures.results["calls answered"] += 1
        if len(ringing.wanted) < MANY:
            return
        if ringing.wanted <= ringing.heard.keys():
            self._figures.rings_to_all.append(max(at for at in ringing.heard.values()) - due)
        else:
            self._figures.results["calls that did not ring everywhere"] += 1
