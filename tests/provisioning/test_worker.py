"""A job is done if, and only if, its transaction was committed; whoever dies over it, another finishes it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from db.engine import Database, asyncpg_dsn
from provisioning.jobs import Payload, enqueue
from provisioning.worker import AT_ONCE, Handlers, ListeningDriver, Timing, work

BEAT = timedelta(seconds=1)
ROOT = Path(__file__).parents[2]

_DIES = """
import asyncio, sys
from datetime import timedelta
from db.engine import Database, asyncpg_dsn
from provisioning.worker import ListeningDriver, Handlers, Timing, work

async def hang(database, payload):
    print("begun", payload["n"], flush=True)
    await asyncio.Event().wait()

async def main(url, key):
    database = Database(url, [key])
    await work(url, database, Handlers({"count": hang}, {}), asyncio.Event(), Timing(heartbeat=timedelta(seconds=1)))

asyncio.run(main(*sys.argv[1:]))
"""


class Counter:
    """A job that notes what it was given."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._changed = asyncio.Condition()
        self.failures = 0

    async def do(self, _: Database, payload: Payload) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("not this time")
        async with self._changed:
            self.done.append(payload["n"])
            self._changed.notify_all()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(self.done) >= count)
        return sorted(self.done)


@asynccontextmanager
async def _working(
    url: str,
    database: Database,
    counter: Counter,
    timing: Timing = Timing(heartbeat=BEAT),  # noqa: B008 (frozen)
) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
        tasks.create_task(work(url, database, Handlers({"count": counter.do}, {}), stop, timing))
        try:
            yield
        finally:
            stop.set()


async def _add(database: Database, *numbers: str) -> None:
    async with database.begin() as session:
        for number in numbers:
            await enqueue(session, "count", {"n": number}, key=number)


async def _rows(database: Database, statement: str) -> list[object]:
    async with database.begin() as session:
        return list((await session.execute(text(statement))).scalars())


async def test_what_is_committed_is_done(database: Database, database_url: str) -> None:
    counter = Counter()
    await _add(database, "1", "2")
    async with _working(database_url, database, counter):
        assert await counter.until(2) == ["1", "2"]
        await _add(database, "3")  # and while it is running
        assert await counter.until(3) == ["1", "2", "3"]
    assert await _rows(database, "SELECT id FROM pgqueuer") == []


async def test_what_is_rolled_back_is_not(database: Database, database_url: str) -> None:
    async def fail_late() -> None:
        async with database.begin() as session:
            await enqueue(session, "count", {"n": "never"}, key="never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()
    assert await _rows(database, "SELECT id FROM pgqueuer") == []
    counter = Counter()
    await _add(database, "1")
    async with _working(database_url, database, counter):
        assert await counter.until(1) == ["1"]


async def test_the_same_key_waits_only_once(database: Database) -> None:
    await _add(database, "1", "1", "2")
    await _add(database, "1")
    assert await _rows(database, "SELECT convert_from(payload, 'UTF8') FROM pgqueuer ORDER BY id") == [
        '{"n": "1"}',
        '{"n": "2"}',
    ]


async def test_what_fails_is_tried_again(database: Database, database_url: str) -> None:
    timing = Timing(heartbeat=BEAT, first_delay=timedelta(milliseconds=50))
    counter = Counter()
    counter.failures = 2
    await _add(database, "1")
    async with _working(database_url, database, counter, timing):
        assert await counter.until(1) == ["1"]


async def test_what_never_works_is_held(database: Database, database_url: str) -> None:
    timing = Timing(heartbeat=BEAT, first_delay=timedelta(milliseconds=20), attempts=1)
    counter = Counter()
    counter.failures = 2
    await _add(database, "1")
    async with _working(database_url, database, counter, timing), asyncio.timeout(120):
        held = "SELECT id FROM pgqueuer WHERE status = 'failed'"
        while await _rows(database, held) == []:  # noqa: ASYNC110 (the table is all there is to see it by)
            await asyncio.sleep(0.05)
    assert counter.done == []


async def test_lost_connections_are_replaced(database: Database, database_url: str) -> None:
    counter = Counter()
    async with _working(database_url, database, counter):
        await _add(database, "1")
        await counter.until(1)
        await _rows(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bilby worker'"
            " AND datname = current_database()",
        )
        await _add(database, "2")
        assert await counter.until(2) == ["1", "2"]


async def test_a_killed_workers_job_is_finished_by_another(
    database: Database, database_url: str, encryption_key: str
) -> None:
    await _add(database, "1")
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DIES, database_url, encryption_key, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout is not None
    try:
        async with asyncio.timeout(120):
            while b"begun" not in await dying.stdout.readline():
                assert dying.returncode is None
    finally:
        dying.kill()
        await dying.communicate()
    counter = Counter()
    async with _working(database_url, database, counter):
        assert await counter.until(1) == ["1"]


async def test_jobs_under_way_are_finished_before_the_end(database: Database, database_url: str) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), []

    async def slow(_: Database, payload: Payload) -> None:
        begun.set()
        await go_on.wait()
        done.append(payload["n"])

    await _add(database, "1")
    stop = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(work(database_url, database, Handlers({"count": slow}, {}), stop))
        await begun.wait()
        stop.set()
        go_on.set()
    assert done == ["1"]
    assert await _rows(database, "SELECT id FROM pgqueuer") == []


async def test_a_listener_is_not_probed_before_it_listens(database: Database, database_url: str) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    async with asyncpg.create_pool(asyncpg_dsn(database_url), min_size=2, max_size=2) as pool:
        driver = ListeningDriver(pool)
        async with driver, asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            probe = tasks.create_task(driver.notify("channel", "probe"))
            await pool.fetch("SELECT 1")  # time enough to send it
            assert not probe.done()
            await driver.add_listener("channel", heard.put_nowait)
            assert await heard.get() == "probe"


async def test_an_urgent_job_does_not_wait_for_slow_ones(database: Database, database_url: str) -> None:
    begun, go_on, stop = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()
    urgent = Counter()

    async def slow(_: Database, __: Payload) -> None:
        begun.release()
        await go_on.wait()

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        handlers = Handlers({"count": slow}, {}, {"urgent": urgent.do})
        tasks.create_task(work(database_url, database, handlers, stop))
        await _add(database, *(str(number) for number in range(2 * AT_ONCE)))
        for _ in range(AT_ONCE):
            await begun.acquire()
        async with database.begin() as session:
            await enqueue(session, "urgent", {"n": "now"}, key="now")
        assert await urgent.until(1) == ["now"]
        go_on.set()
        stop.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_ends_when_told_to(database_url: str, encryption_key: str, number: int) -> None:
    environment = {"DATABASE_URL": database_url, "ENCRYPTION_KEYS": encryption_key}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "provisioning", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            while b'"worker started"' not in await process.stdout.readline():
                assert process.returncode is None
            process.send_signal(number)
            rest, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, rest
    assert b'"stopped"' in rest
