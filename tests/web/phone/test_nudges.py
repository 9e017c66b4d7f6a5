"""What is heard in Postgres: every change but one's own, and nothing that names no organisation."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from sqlalchemy import func, select

from db.engine import Database
from db.queries.phone.conferences import CHANNEL, notify
from web.phone.nudges import Nudges, Timing

WAIT = 60
NEVER = 600.0


async def test_what_one_has_told_the_others_is_no_news(database: Database) -> None:
    one, other, last = uuid4(), uuid4(), uuid4()
    heard, listens, done = list[object](), asyncio.Event(), asyncio.Event()

    def nudged(organisation: object) -> None:
        heard.append(organisation)
        if organisation == last:
            done.set()

    nudges = Nudges(database, nudged, listens.set, Timing(poll=NEVER, prove=NEVER), me="me")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(nudges.run())
        await listens.wait()
        async with database.begin() as session:
            await notify(session, one)
            await notify(session, other, by="me")
            await notify(session, other, by="somebody else")
            await session.execute(select(func.pg_notify(CHANNEL, "nobody")))
            await notify(session, last)
        await done.wait()
        listening.cancel()
    assert heard == [one, other, last]
