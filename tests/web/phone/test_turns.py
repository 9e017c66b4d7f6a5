"""Turns of organisations: one at a time for each, none lost, and a failure stops nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from db.engine import DatabaseUnavailableError
from web.phone.turns import Turns

A, B = UUID(int=1), UUID(int=2)
WAIT = 30


@asynccontextmanager
async def running(turn: Callable[[UUID], Awaitable[None]]) -> AsyncIterator[Turns]:
    turns = Turns(turn)
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(WAIT):
        task = tasks.create_task(turns.run())
        yield turns
        task.cancel()


async def test_what_is_ordered_during_a_turn_is_one_more_turn() -> None:
    began, go_on, count = asyncio.Event(), asyncio.Event(), Counter[UUID]()

    async def turn(organisation: UUID) -> None:
        count[organisation] += 1
        began.set()
        await go_on.wait()

    async with running(turn) as turns:
        turns.order(A)
        await began.wait()
        for _ in range(5):
            turns.order(A)
        began.clear()
        assert count[A] == 1
        go_on.set()
        await began.wait()
        began.clear()
        turns.order(B)
        await began.wait()
        assert count == {A: 2, B: 1}


async def test_an_organisation_has_one_turn_at_a_time_and_others_meanwhile() -> None:
    at_once, most, done = Counter[UUID](), Counter[UUID](), asyncio.Semaphore(0)

    async def turn(organisation: UUID) -> None:
        at_once[organisation] += 1
        most[organisation] = max(most[organisation], at_once[organisation])
        await asyncio.sleep(0)
        at_once[organisation] -= 1
        done.release()

    async with running(turn) as turns:
        for organisation in (A, B) * 20:
            turns.order(organisation)
            await asyncio.sleep(0)
        await done.acquire()
        await done.acquire()
    assert most == {A: 1, B: 1}


async def test_a_failure_ends_its_turn_only() -> None:
    seen = asyncio.Semaphore(0)
    errors: list[Exception] = [DatabaseUnavailableError("gone"), ValueError("a mistake")]

    async def turn(_: UUID) -> None:
        seen.release()
        if errors:
            raise errors.pop()

    async with running(turn) as turns:
        for _ in range(3):
            turns.order(A)
            await seen.acquire()
    assert errors == []
