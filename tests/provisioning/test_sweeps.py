"""What is swept up, what is left alone, and that it runs by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from pgqueuer import PgQueuer
from sqlalchemy import func, select, text, update

from db.engine import Database
from db.models import Call, SignInLink
from db.queries import sign_in_links
from db.queries.calls import Calls
from provisioning import schedule
from provisioning.worker import Handlers, work
from tests.kit.web.cast import Cast


async def _open_two_calls(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        rows = Calls(session, cast.a.id)
        for sid in ("CA1", "CA2"):
            await rows.open(sid, direction="inbound", from_number="+61400000001", to_number=cast.number.e164)
        silent = datetime.now(UTC) - timedelta(hours=5, minutes=1)
        await session.execute(update(Call).where(Call.call_sid == "CA1").values(heard_at=silent))


async def test_a_silent_call_is_closed_and_another_goes_on(database: Database, cast: Cast) -> None:
    await _open_two_calls(database, cast)
    await schedule.close_silent_calls(database)
    await schedule.close_silent_calls(database)
    async with database.begin() as session:
        statuses = {call.call_sid: (call.status, call.outcome) for call in await session.scalars(select(Call))}
    assert statuses == {"CA1": ("lost", "missed"), "CA2": ("ringing", None)}


async def test_only_links_that_ran_out_are_forgotten(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await sign_in_links.create(session, cast.bob.id, b"test")
        await session.execute(update(SignInLink).values(expires_at=func.now() - timedelta(minutes=1)))
        token = await sign_in_links.create(session, cast.bob.id, b"test")
    await schedule.forget(database)
    async with database.begin() as session:
        assert len((await session.scalars(select(SignInLink))).all()) == 1
        assert await sign_in_links.use(session, token) == cast.bob.id


async def test_the_job_log_is_shortened(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO pgqueuer_log (job_id, status, priority, entrypoint, created)"
                " VALUES (1, 'successful', 0, 'old', now() - interval '31 days'), (2, 'successful', 0, 'new', now())"
            )
        )
    await schedule.shorten_job_log(database)
    async with database.begin() as session:
        assert (await session.scalars(text("SELECT entrypoint FROM pgqueuer_log"))).all() == ["new"]


async def test_sweeps_run_by_the_clock_and_again_after_a_failure(database: Database, database_url: str) -> None:
    swept, stop = asyncio.Event(), asyncio.Event()
    failures = iter([OSError("not this time")])

    async def sweep(_: Database) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        swept.set()

    every_second = {"sweep": ("* * * * * *", sweep)}
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(work(database_url, database, Handlers({}, every_second), stop))
        await swept.wait()
        stop.set()


def test_every_sweep_has_a_time_that_pgqueuer_understands() -> None:
    queuer = PgQueuer.in_memory()
    for name, (cron, _) in schedule.SWEEPS.items():
        queuer.schedule(name, cron)
