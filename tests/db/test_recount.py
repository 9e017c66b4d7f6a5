"""The command that counts every day again."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import update

from db import recount
from db.call_progress import CallReport
from db.engine import Database
from db.models import Call, CallCount
from db.queries.calls import Calls
from db.queries.reports.counts import Reports
from tests.kit.web.cast import Cast

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 20, 1, tzinfo=UTC)
DAY = date(2026, 11, 20)


async def test_it_repairs_what_is_stored_and_says_so(
    database: Database, database_url: str, encryption_key: str, cast: Cast
) -> None:
    async with database.begin() as session:
        await Calls(session, cast.a.id).open("CA1", direction="inbound", from_number="", to_number="")
        await session.execute(update(Call).values(started_at=AT))
    await recount.settle(database)
    async with database.begin() as session:
        await session.execute(update(CallCount).values(inbound=7))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "db.recount"),
        cwd=ROOT,
        env={"DATABASE_URL": database_url, "ENCRYPTION_KEYS": encryption_key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(process.communicate(), 120)
    assert (process.returncode, complained, said.count(b"\n")) == (0, b"", 1)
    async with database.begin() as session:
        assert (await Reports(session, cast.a.id).total(DAY, DAY)).inbound == 1


async def test_a_blocked_call_is_none_that_came_in(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        for sid in ("CA1", "CA2"):
            await Calls(session, cast.a.id).open(sid, direction="inbound", from_number="", to_number="")
        await Calls(session, cast.a.id).report("CA2", CallReport("blocked", AT))
        await session.execute(update(Call).values(started_at=AT))
    await recount.settle(database)
    async with database.begin() as session:
        total = await Reports(session, cast.a.id).total(DAY, DAY)
    assert (total.inbound, total.missed) == (1, 0)
