"""What is swept up, what is left alone, and that it runs by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from pgqueuer import PgQueuer
from sqlalchemy import func, select, text, update

from db.engine import Database
from db.models import Call, CallTag, Conference, SignInLink
from db.queries.calls import Calls
from db.queries.log.call_filter import CallFilter
from db.queries.log.call_log import CallLog
from db.queries.log.number_parts import Part
from db.queries.phone.choices import Choices
from db.queries.phone.conferences import Conferences
from db.queries.phone.wrap_ups import WrapUp, WrapUps
from db.queries.sign_in import sign_in_links
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


async def test_rooms_that_ended_yesterday_are_forgotten_and_others_are_not(database: Database, cast: Cast) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1, minutes=1)
    async with database.begin() as session:
        calls, rooms = Calls(session, cast.a.id), Conferences(session, cast.a.id)
        for sid, phase in (("CA1", "over"), ("CA2", "over"), ("CA3", "talking")):
            call = await calls.open(sid, direction="inbound", from_number="+61400000001", to_number="+61255501234")
            await rooms.open(call.id, phase=phase, state="{}", wakes_at=None)
            if sid != "CA2":
                await session.execute(
                    update(Conference).where(Conference.call_id == call.id).values(heard_at=long_ago)
                )
    await schedule.forget(database)
    async with database.begin() as session:
        left = select(Call.call_sid).join(Conference, Conference.call_id == Call.id).order_by(Call.call_sid)
        assert list(await session.scalars(left)) == ["CA2", "CA3"]


async def test_calls_of_an_earlier_release_are_found_as_well(database: Database, cast: Cast) -> None:
    """Its processes may still write beside ours."""
    async with database.begin() as session:
        await Choices(session, cast.a.id).set("tag", ["Urgent"])
        [tag] = await Choices(session, cast.a.id).all()
        rows = Calls(session, cast.a.id)
        ends = {"from_number": "+61400001234", "to_number": cast.number.e164}
        for sid in ("CA1", "CA2"):
            call = await rows.open(sid, direction="inbound", customer="+61400001234", **ends)  # type: ignore[arg-type]
        await WrapUps(session, cast.a.id).store(call, WrapUp(tags=(tag.id,)), call.started_at)
        none = dict.fromkeys(("prefix_key", "long_prefix_key", "suffix_key", "part_keys"))
        await session.execute(update(Call).where(Call.call_sid == "CA2").values(**none, outcome="missed"))
        await session.execute(update(CallTag).values(started_at=None))

    async def found(which: CallFilter) -> set[str]:
        async with database.begin() as session:
            return {call.call_sid for call in (await CallLog(session, cast.a.id).page(which)).calls}

    part = CallFilter(parts=(Part("suffix", "001234"),))
    assert (await found(part), await found(CallFilter(tag_id=tag.id))) == ({"CA1"}, set())
    await schedule.fill_search(database)
    assert (await found(part), await found(CallFilter(tag_id=tag.id))) == ({"CA1", "CA2"}, {"CA2"})
    assert await found(CallFilter(wait_band=0)) == {"CA2"}
