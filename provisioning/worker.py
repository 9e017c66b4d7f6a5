"""Run jobs, with retries; keep running through crashes of other workers and of the database.

pgqueuer takes a job under a lock and sends a heartbeat every few seconds while it runs. If heartbeats stop for
`Timing.heartbeat`, another worker takes the job. A job that raises is retried with growing delays; after
`Timing.attempts` it is held (``pgqueuer.status = 'failed'``) for an operator.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import asyncpg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule
from pgqueuer.ports.driver import NotifyCallback

from db.engine import CONNECT_SECONDS, STATEMENT_SECONDS, Database, asyncpg_dsn
from provisioning.jobs import Payload, TryAgain, payload_of
from runtime import tracing

AT_ONCE = 8
# A job may hold one (`Database.try_lock`); transactions, which never wait for a vendor, share the rest.
CONNECTIONS = AT_ONCE + 4
FINISH_SECONDS = 25.0  # for running jobs at shutdown; another worker repeats the rest
LONGEST_PAUSE_SECONDS = 10.0

JobHandler = Callable[[Database, Payload], Awaitable[None]]
Sweep = Callable[[Database], Awaitable[None]]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of a worker, and how often a job is attempted."""

    heartbeat: timedelta = timedelta(seconds=30)
    """Longer than any single wait inside a job (10 s for a vendor's answer)."""
    poll: timedelta = timedelta(seconds=3)
    """Between two looks for jobs, in case a notification of a new one is lost."""
    attempts: int = 10
    first_delay: timedelta = timedelta(seconds=2)
    longest_delay: timedelta = timedelta(minutes=5)
    """Between two attempts."""


USUAL = Timing()


class ListeningDriver(AsyncpgPoolDriver):
    """Sends no notification before it listens.

    pgqueuer probes its listener as soon as it starts, perhaps before it listens. Ten seconds later the lost probe
    would end the worker, and a job that it runs then would wait for `Timing.heartbeat`.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self._listens = asyncio.Event()

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Listen to ``channel``."""
        await super().add_listener(channel, callback)
        self._listens.set()

    async def notify(self, channel: str, payload: str) -> None:
        """Notify ``channel``, once there is a listener."""
        await self._listens.wait()
        await super().notify(channel, payload)


@dataclass(frozen=True, slots=True)
class Handlers:
    """Job handlers by name, and sweeps by name with their schedule (cron, UTC)."""

    jobs: Mapping[str, JobHandler]
    sweeps: Mapping[str, tuple[str, Sweep]]
    urgent: Mapping[str, JobHandler] = field(default_factory=dict)
    """Jobs that somebody waits for: they have workers of their own, so that slow jobs do not delay them."""


async def work(url: str, database: Database, handlers: Handlers, stop: asyncio.Event, timing: Timing = USUAL) -> None:
    """Work until ``stop`` is set, then finish running jobs. Wait for the database if it is lost."""
    failures = 0
    while not stop.is_set():
        try:
            await _work_connected(url, database, handlers, stop, timing)
            failures = 0
        except Exception as error:  # jobs must go on after any error: log it and start again
            failures += 1
            _log.warning("worker interrupted", error=type(error).__name__, failures=failures, exc_info=True)
            await _pause(failures, stop)


async def _work_connected(
    url: str, database: Database, handlers: Handlers, stop: asyncio.Event, timing: Timing
) -> None:
    async with asyncpg.create_pool(
        asyncpg_dsn(url),
        min_size=3,  # each queue uses one by LISTEN
        max_size=5,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS + 1,
        server_settings={"application_name": "bilby worker"},
    ) as pool:
        queuers = [
            _queuer(pool, database, handlers.jobs, handlers.sweeps, timing),
            *([_queuer(pool, database, handlers.urgent, {}, timing)] if handlers.urgent else []),
        ]
        _log.info("worker started", jobs=len(handlers.jobs) + len(handlers.urgent), sweeps=len(handlers.sweeps))
        async with asyncio.TaskGroup() as tasks:
            for queuer in queuers:
                tasks.create_task(_until(stop, queuer, timing))


def _queuer(
    pool: asyncpg.Pool,
    database: Database,
    jobs: Mapping[str, JobHandler],
    sweeps: Mapping[str, tuple[str, Sweep]],
    timing: Timing,
) -> PgQueuer:
    queuer = PgQueuer(ListeningDriver(pool))
    executor = partial(
        DatabaseRetryEntrypointExecutor,
        max_attempts=timing.attempts,
        initial_delay=timing.first_delay,
        max_delay=timing.longest_delay,
    )
    for name, do in jobs.items():
        queuer.entrypoint(name, on_failure="hold", executor_factory=executor)(_job(database, do))
    for name, (cron, sweep) in sweeps.items():
        queuer.schedule(name, cron, clean_old=True)(_sweep(database, sweep))
    return queuer


def _job(database: Database, do: JobHandler) -> Callable[[Job], Awaitable[None]]:
    async def run(job: Job) -> None:
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(job=job.entrypoint, job_id=job.id, attempt=job.attempts):
            try:
                await do(database, payload_of(job))
            except TryAgain as again:
                _log.info("job rescheduled", seconds=round(again.after.total_seconds(), 1))
                raise RetryRequested(again.after, "wished") from again
            finally:
                tracing.record(f"job {job.entrypoint}", time.monotonic() - began, attempt=job.attempts)
            _log.info("job done")

    return run


def _sweep(database: Database, sweep: Sweep) -> Callable[[Schedule], Awaitable[None]]:
    async def run(_: Schedule) -> None:
        await sweep(database)

    return run


async def _until(stop: asyncio.Event, queuer: PgQueuer, timing: Timing) -> None:
    """Run ``queuer`` until ``stop``; then take no more jobs and give running ones `FINISH_SECONDS`."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(
            queuer.run(
                dequeue_timeout=timing.poll,
                heartbeat_timeout=timing.heartbeat,
                batch_size=AT_ONCE // 2,
                max_concurrent_tasks=AT_ONCE,
                shutdown_on_listener_failure=True,
            )
        )
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        queuer.shutdown.set()
        await asyncio.wait((running,), timeout=FINISH_SECONDS)
        running.cancel()


async def _pause(failures: int, stop: asyncio.Event) -> None:
    seconds = min(LONGEST_PAUSE_SECONDS, 0.25 * 2 ** min(failures, 10)) * random.uniform(0.5, 1)  # noqa: S311
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
