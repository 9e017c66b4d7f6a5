"""Turns of organisations: one at a time for each, and whatever is ordered while one goes on is one more.

After a turn an organisation rests for half as long as the turn took, so that a large one under many changes leaves
time for everything else that the process has to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from db.engine import DatabaseUnavailableError
from web.request.errors import NotFoundError

REST = 0.5  # of the time that a turn took

_log = structlog.get_logger(__name__)


class Turns:
    """Calls ``turn`` with the id of each organisation that was ordered, for ``workers`` organisations at once."""

    def __init__(self, turn: Callable[[UUID], Awaitable[None]], workers: int = 4) -> None:
        self._turn = turn
        self._workers = workers
        self._queue: asyncio.Queue[UUID] = asyncio.Queue()  # each organisation is in it once at most
        self._wanted: set[UUID] = set()
        self._busy: set[UUID] = set()
        """Those that have a turn, or rest after one."""

    def order(self, organisation_id: UUID) -> None:
        """Give the organisation a turn that begins from now on. Never waits."""
        if organisation_id not in self._wanted:
            self._wanted.add(organisation_id)
            if organisation_id not in self._busy:
                self._queue.put_nowait(organisation_id)

    async def run(self) -> None:
        """Give turns until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._workers):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            organisation_id = await self._queue.get()
            self._wanted.discard(organisation_id)
            self._busy.add(organisation_id)
            began = loop.time()
            try:
                await self._turn(organisation_id)
            except (DatabaseUnavailableError, NotFoundError) as error:
                _log.warning("phone state not refreshed", error=type(error).__name__)
            except Exception:  # one failure must not stop the worker
                _log.exception("phone state not refreshed")
            finally:
                loop.call_later((loop.time() - began) * REST, self._rested, organisation_id)

    def _rested(self, organisation_id: UUID) -> None:
        self._busy.discard(organisation_id)
        if organisation_id in self._wanted:
            self._queue.put_nowait(organisation_id)
