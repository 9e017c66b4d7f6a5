"""Counted together, forgotten after the window, and never under a readable name."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from db.engine import Database
from db.models import RateLimit, SignInLink
from db.queries import rate_limits
from db.queries.rate_limits import Limit
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


async def test_a_new_window_begins_anew(database: Database) -> None:
    for _ in range(4):
        await _spend(database)
    async with database.begin() as session:
        earlier = datetime.now(UTC) - timedelta(hours=2)
        await session.execute(update(RateLimit).values(window_start=earlier, expires_at=earlier))
    assert await _spend(database) is None
    async with database.begin() as session:
        assert await rate_limits.purge(session) == 1
        assert len((await session.scalars(select(RateLimit))).all()) == 1


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
