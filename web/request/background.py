"""Tasks that run after the response, such as sending a mail: bounded, and finished before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from aiohttp import web
from prometheus_client import Counter

WAITING = 1000  # tasks; when full, a task is dropped and counted, and the user has to ask again
WORKERS = 4
LAST_SECONDS = 10.0  # for queued tasks when the process ends

Work = Callable[[], Awaitable[object]]

_log = structlog.get_logger(__name__)
_done = Counter("bilby_web_outbox", "Work done after the answer, by what became of it.", ["result"])
for _result in ("done", "failed", "dropped"):
    _done.labels(_result)  # start at 0, so that the first one shows as an increase


class BackgroundTasks:
    """The queue of tasks. `background_tasks` runs its workers."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Work] = asyncio.Queue(WAITING)

    def put(self, work: Work) -> None:
        """Queue ``work``. Never waits, never raises; an error inside ``work`` is logged and counted."""
        try:
            self._waiting.put_nowait(work)
        except asyncio.QueueFull:
            _done.labels("dropped").inc()
            _log.error("background queue full")

    async def settled(self) -> None:
        """Wait until all queued tasks are done."""
        await self._waiting.join()

    async def work(self) -> None:
        """Run queued tasks one after the other until cancelled."""
        while True:
            work = await self._waiting.get()
            try:
                await work()
            except Exception:
                _done.labels("failed").inc()
                _log.exception("background task failed")
            else:
                _done.labels("done").inc()
            finally:
                self._waiting.task_done()


BACKGROUND: web.AppKey[BackgroundTasks] = web.AppKey("background")


@asynccontextmanager
async def background_tasks() -> AsyncIterator[BackgroundTasks]:
    """Yield a queue with workers; on exit wait at most `LAST_SECONDS` for tasks still queued."""
    queue = BackgroundTasks()
    async with asyncio.TaskGroup() as tasks:
        workers = [tasks.create_task(queue.work()) for _ in range(WORKERS)]
        try:
            yield queue
            with suppress(TimeoutError):
                await asyncio.wait_for(queue.settled(), LAST_SECONDS)
        finally:
            for worker in workers:
                worker.cancel()
