"""Work that goes on after the answer is out, such as a mail: bounded, owned, and finished before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from prometheus_client import Counter

WAITING = 1000  # pieces of work; at the bound a piece is dropped and counted, and the person asks again
WORKERS = 4
LAST_SECONDS = 10.0  # for what still waits when the process ends

Work = Callable[[], Awaitable[object]]

_log = structlog.get_logger(__name__)
_done = Counter("bilby_web_outbox", "Work done after the answer, by what became of it.", ["result"])
for _result in ("done", "failed", "dropped"):
    _done.labels(_result)  # from 0 on, so that the first one is a rise


class BackgroundTasks:
    """Where handlers leave work. `background_tasks` gives it workers."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Work] = asyncio.Queue(WAITING)

    def put(self, work: Work) -> None:
        """Have ``work`` done soon. Never waits, never raises; an error inside ``work`` is logged and counted."""
        try:
            self._waiting.put_nowait(work)
        except asyncio.QueueFull:
            _done.labels("dropped").inc()
            _log.error("outbox full")

    async def settled(self) -> None:
        """Wait until everything put so far is done."""
        await self._waiting.join()

    async def work(self) -> None:
        """Do what is put, one piece after the other, until cancelled."""
        while True:
            work = await self._waiting.get()
            try:
                await work()
            except Exception:
                _done.labels("failed").inc()
                _log.exception("outbox work failed")
            else:
                _done.labels("done").inc()
            finally:
                self._waiting.task_done()


@asynccontextmanager
async def background_tasks() -> AsyncIterator[BackgroundTasks]:
    """An outbox with workers; leaving waits at most `LAST_SECONDS` for what is still in it."""
    outbox = BackgroundTasks()
    async with asyncio.TaskGroup() as tasks:
        workers = [tasks.create_task(outbox.work()) for _ in range(WORKERS)]
        try:
            yield outbox
            with suppress(TimeoutError):
                await asyncio.wait_for(outbox.settled(), LAST_SECONDS)
        finally:
            for worker in workers:
                worker.cancel()
