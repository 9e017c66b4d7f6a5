"""Pages are told what is new to them, at once or by their streams, also what was held back a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from db.queries.phone.presence import StoredPresence
from web.phone.board import Board, BoardSettings, Facts, Person
from web.phone.boards import Listener
from web.phone.telling import MUCH

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ME, COLLEAGUE = uuid4(), uuid4()
WAIT = 30
LONG = 600.0


def facts(*people: Person) -> Facts:
    nothing = BoardSettings((), (), {})
    everybody = {person.id: person for person in people}
    return Facts(NOW, everybody, {}, {}, {}, (), {}, nothing, notes_on=False, watchers_shown=False)


def person(member: object, stored: StoredPresence) -> Person:
    return Person(member, "Name", "agent", stored)  # type: ignore[arg-type]


OFFLINE = StoredPresence(NOW - timedelta(hours=1))
BEFORE = facts(person(ME, OFFLINE), person(COLLEAGUE, OFFLINE))
AFTER = facts(person(ME, OFFLINE), person(COLLEAGUE, replace(OFFLINE, since=NOW)))


def now() -> float:
    return asyncio.get_running_loop().time()


class Page:
    """A page's end of its connection. ``is_free``: it has taken all that it was sent."""

    def __init__(self) -> None:
        self.is_free = True
        self.events: list[bytes] = []

    def put(self, event: bytes) -> None:
        self.events.append(event)


async def told(listener: Listener, pages: int) -> bool:
    await listener.next(LONG)
    return listener.due(pages, now()) is not None


async def test_a_board_with_nothing_new_wakes_nobody() -> None:
    listener = Listener(ME, slow=LONG)
    listener.hand(Board(BEFORE), 1, now())
    assert await told(listener, 1)
    listener.hand(Board(replace(BEFORE, now=NOW + timedelta(seconds=1))), 1, now())
    await listener.next(0.01)
    assert listener.due(1, now()) is None
    listener.hand(Board(AFTER), 1, now())
    assert await told(listener, 1)


async def test_a_page_is_told_at_once_and_its_task_has_nothing_to_do() -> None:
    listener, listener.writer = Listener(ME, slow=LONG), (page := Page())
    listener.hand(Board(BEFORE), 1, now())
    listener.hand(Board(replace(BEFORE, now=NOW + timedelta(seconds=1))), 1, now())
    listener.hand(Board(AFTER), 1, now())
    first, second = page.events
    assert b"presence" in first
    assert b"presence" not in second
    assert b"team" in second
    await listener.next(0.01)
    assert listener.due(1, now()) is None


async def test_a_slow_page_is_left_to_its_task_and_finds_the_latest_only() -> None:
    listener, listener.writer = Listener(ME, slow=LONG), (page := Page())
    listener.hand(Board(BEFORE), 1, now())
    page.is_free = False
    listener.hand(Board(AFTER), 1, now())
    listener.hand(Board(BEFORE), 1, now())
    assert len(page.events) == 1
    await listener.next(LONG)
    assert listener.due(1, now()) is None
    listener.hand(Board(AFTER), 1, now())
    assert await told(listener, 1)


async def test_what_is_held_back_comes_in_time_without_another_board() -> None:
    listener, listener.writer = Listener(ME, slow=0.2), (page := Page())
    listener.hand(Board(BEFORE), MUCH, now())
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(listener.next(LONG))
        await asyncio.sleep(0)
        listener.hand(Board(AFTER), MUCH, now())
        assert len(page.events) == 1
        await waiting
        while listener.due(MUCH, now()) is None:
            await listener.next(LONG)


async def test_who_is_no_member_any_more_is_woken() -> None:
    listener = Listener(ME, slow=LONG)
    listener.hand(Board(BEFORE), 1, now())
    assert await told(listener, 1)
    listener.hand(Board(facts(person(COLLEAGUE, OFFLINE))), 1, now())
    await listener.next(LONG)
    assert not listener.is_member
