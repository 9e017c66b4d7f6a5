"""Counted together, forgotten after the window, and never under a readable name."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from db.engine import Database
from db.models import RateLimit, SignInLink
from db.queries import rate_limits
from db.queries.rate_limits import Hit, Limit
from db.queries.sign_in import sign_in_links
from tests.kit.web.cast import Cast

THREE = Limit("test", count=3, seconds=3600)


async def _spend(database: Database, subject: str = "bob", limit: Limit = THREE) -> float | None:
    async with database.begin() as session:
        return await rate_limits.hit(session, limit, subject)


async def test_the_fourth_has_to_wait(database: Database) -> None:
    assert [await _spend(database) for _ in range(3)] == [None] * 3
    wait = await _spend(database)
    assert wait is not None
    assert 0 < wait <= 3600
    assert await _spend(database, "dana") is None
    assert await _spend(database, limit=Limit("another", count=1, seconds=60)) is None


async def test_at_once_no_more_get_through(database: Database) -> None:
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(_spend(database)) for _ in range(12)]
    assert [answer.result() for answer in answers].count(None) == 3


async def test_a_window_begins_with_its_first_and_is_never_made_longer(database: Database) -> None:
    first = await _count(database)
    assert (first.left, first.seconds) == (2, THREE.seconds)
    waits = [first.seconds, *[(await _count(database)).seconds for _ in range(4)]]
    assert waits == sorted(waits, reverse=True)
    assert len(set(waits)) == len(waits)


async def test_after_its_end_the_next_one_begins(database: Database) -> None:
    for _ in range(4):
        await _spend(database)
    await _end_windows(database)
    again = await _count(database)
    assert (again.is_allowed, again.left, again.seconds) == (True, 2, THREE.seconds)


async def test_at_its_end_no_more_get_through_than_in_one(database: Database) -> None:
    for _ in range(4):
        await _spend(database)
    await _end_windows(database)
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(_spend(database)) for _ in range(12)]
    assert [answer.result() for answer in answers].count(None) == 3


async def test_what_ran_out_neither_holds_nor_remains(database: Database) -> None:
    for _ in range(3):
        await _spend(database)
    assert await _look(database) is not None
    await _end_windows(database)
    assert await _look(database) is None
    async with database.begin() as session:
        assert await rate_limits.purge(session) == 1
        assert await rate_limits.purge(session) == 0


async def _count(database: Database) -> Hit:
    async with database.begin() as session:
        return await rate_limits.count(session, THREE, "bob")


async def _look(database: Database) -> float | None:
    async with database.begin() as session:
        return await rate_limits.look(session, THREE, "bob")


async def _end_windows(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(update(RateLimit).values(expires_at=datetime.now(UTC) - timedelta(milliseconds=1)))


async def test_links_that_ran_out_are_forgotten(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        for _ in range(2):
            await sign_in_links.create(session, cast.bob.id, b"test")
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(update(SignInLink).values(expires_at=past))
        await sign_in_links.create(session, cast.bob.id, b"test")
        await sign_in_links.sign_out(session, cast.bob.id, past)
        await sign_in_links.sign_out(session, cast.bob.id, past)
        assert await sign_in_links.purge(session) == 3
        assert len((await session.scalars(select(SignInLink))).all()) == 1
