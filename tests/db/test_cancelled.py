"""A transaction may be cancelled wherever it waits, as when a client leaves: its connection comes back."""

from __future__ import annotations

import asyncio
import gc
import itertools
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from db.engine import Database, asyncpg_dsn

Work = Callable[[Database], Coroutine[Any, Any, None]]

_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""


class CancelledAt:
    """Awaits ``work``, and cancels the running task at its ``number``-th wait."""

    def __init__(self, work: Coroutine[Any, Any, None], number: int) -> None:
        self._waits = work.__await__()
        self._number = number
        self.was_reached = False

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        sent, error = None, None
        for number in itertools.count():
            try:
                waited_for = self._waits.send(sent) if error is None else self._waits.throw(error)
            except StopIteration:
                return
            if number == self._number:
                self.was_reached = True
                task.cancel()
            try:
                sent, error = (yield waited_for), None
            except BaseException as raised:
                error = raised


async def _cancelled_at(work: Coroutine[Any, Any, None], number: int) -> bool:
    """Whether ``work`` waits so often; if so, it was cancelled then."""
    cancelled = CancelledAt(work, number)

    async def run() -> None:
        await cancelled

    (outcome,) = await asyncio.gather(run(), return_exceptions=True)
    assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
    return cancelled.was_reached


async def _write(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(text("DELETE FROM numbers"))
        await session.execute(text("SELECT 1"))


async def _fail(database: Database) -> None:
    with suppress(ZeroDivisionError):
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))
            raise ZeroDivisionError


async def _hold(database: Database) -> None:
    async with database.try_lock("cancelled") as entered:
        assert entered


def _pool(database: Database) -> QueuePool:
    pool = database._engine.pool
    assert isinstance(pool, QueuePool)
    return pool


async def _seen(database_url: str, wanted: int) -> None:
    """Wait until the server sees so many connections of the test's: a process of its goes a little later."""
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        while await connection.fetchval(_OTHERS) != wanted:
            pass
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def narrow(database_url: str, encryption_key: str) -> AsyncIterator[Database]:
    """A database with a single connection: one that is lost is missed at once."""
    opened = Database(database_url, [encryption_key], pool_size=1)
    yield opened
    await opened.close()


@pytest.fixture
def dropped() -> Iterator[list[warnings.WarningMessage]]:
    """What was said of connections that nobody closed."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        yield said


@pytest.mark.parametrize("is_warm", [False, True], ids=["connecting", "connected"])
@pytest.mark.parametrize("work", [_write, _fail, _hold])
async def test_wherever_it_is_cancelled_its_connection_comes_back(
    narrow: Database, database_url: str, dropped: list[warnings.WarningMessage], work: Work, is_warm: bool
) -> None:
    for number in itertools.count():
        await (work(narrow) if is_warm else narrow.close())
        pool = _pool(narrow)
        was_reached = await _cancelled_at(work(narrow), number)
        assert pool.checkedout() == 0, number
        if not was_reached:
            break
    assert number > 2, "it never waited"
    gc.collect()
    assert not dropped
    await _seen(database_url, pool.checkedin())


async def test_closing_waits_for_what_is_being_undone(
    narrow: Database, database_url: str, dropped: list[warnings.WarningMessage]
) -> None:
    inside = asyncio.Event()

    async def serve() -> None:
        async with narrow.begin() as session:
            await session.execute(text("SELECT 1"))
            inside.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve())
        await inside.wait()
        serving.cancel()  # as aiohttp does with a request that takes too long at the end: nobody waits for it
        await narrow.close()
        assert serving.cancelled()
    gc.collect()
    assert not dropped
    await _seen(database_url, 0)


async def test_closing_does_not_wait_for_ever(narrow: Database) -> None:
    async with narrow.begin() as session:
        await session.execute(text("SELECT 1"))
        await narrow.close(seconds=0.01)
