"""The call log's rows on a real database: repeated, late and simultaneous callbacks, pages, and forgotten calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from db.call_progress import CallReport, DialReport, LegReport, Report
from db.engine import Database
from db.models import Call, Leg, Member, Offer
from db.queries import calls
from db.queries.calls import Calls
from db.queries.members import Members
from tests.kit.vendors.twilio_caller import available
from tests.kit.web.cast import Cast

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


@asynccontextmanager
async def _calls(database: Database, cast: Cast) -> AsyncIterator[Calls]:
    async with database.begin() as session:
        yield Calls(session, cast.a.id)


async def _open(database: Database, cast: Cast, sid: str, agent: Member | None = None) -> Call:
    async with _calls(database, cast) as rows:
        return await rows.open(
            sid,
            direction="inbound",
            from_number="+61400000001",
            to_number=cast.number.e164,
            number_id=cast.number.id,
            agent_id=None if agent is None else agent.id,
        )


async def _get(database: Database, cast: Cast, sid: str) -> Call:
    async with _calls(database, cast) as rows:
        call = await rows.get(sid)
        assert call is not None
        return call


async def test_opening_twice_is_opening_once(database: Database, cast: Cast) -> None:
    once, twice = await _open(database, cast, "CA1"), await _open(database, cast, "CA1")
    assert once.id == twice.id
    assert (twice.from_number, twice.to_number, twice.outcome) == ("+61400000001", cast.number.e164, None)


async def test_opening_at_once_is_opening_once(database: Database, cast: Cast) -> None:
    async with asyncio.TaskGroup() as tasks:
        opened = [tasks.create_task(_open(database, cast, "CA1")) for _ in range(5)]
    assert len({each.result().id for each in opened}) == 1


async def _tell(database: Database, cast: Cast, report: Report) -> None:
    async with _calls(database, cast) as rows:
        if isinstance(report, LegReport):
            assert await rows.report_leg("CA1", f"CA-leg-{report.member_id}", report)
        else:
            assert await rows.report("CA1", report)


@pytest.mark.parametrize("seed", range(3))
async def test_callbacks_at_once_in_any_order_end_in_one_row(database: Database, cast: Cast, seed: int) -> None:
    heard: list[Report] = [
        CallReport("in-progress", T0),
        LegReport("in-progress", T0 + timedelta(seconds=5), member_id=cast.bob.id),
        LegReport("canceled", T0 + timedelta(seconds=5), member_id=cast.dana.id),
        LegReport("completed", T0 + timedelta(seconds=65), 60, cast.bob.id),
        DialReport("completed"),
        CallReport("completed", T0 + timedelta(seconds=66), 66),
    ]
    heard += heard[:4]
    random.Random(seed).shuffle(heard)
    await _open(database, cast, "CA1")
    async with asyncio.TaskGroup() as tasks:
        for report in heard:
            tasks.create_task(_tell(database, cast, report))
    call = await _get(database, cast, "CA1")
    assert (call.status, call.outcome, call.duration_s) == ("completed", "answered", 66)
    assert (call.agent_id, call.answered_at) == (cast.bob.id, T0 + timedelta(seconds=5))
    assert call.agent is not None
    assert call.agent.name == "Bob Brown"
    async with database.begin() as session:
        legs = {leg.member_id: leg.status for leg in await session.scalars(select(Leg))}
    assert legs == {cast.bob.id: "completed", cast.dana.id: "canceled"}


async def test_who_answered_is_told_once(database: Database, cast: Cast) -> None:
    await _open(database, cast, "CA1")
    answer = LegReport("in-progress", T0, member_id=cast.bob.id)
    async with _calls(database, cast) as rows:
        first, again = await rows.report_leg("CA1", "CA2", answer), await rows.report_leg("CA1", "CA2", answer)
        assert first is not None
        assert again is not None
        assert (first.assigned, again.assigned) == (cast.bob.id, None)


async def test_what_was_read_before_the_lock_is_read_again(database: Database, cast: Cast) -> None:
    await _open(database, cast, "CA1")
    async with _calls(database, cast) as rows:
        assert await rows.get("CA1") is not None
        await _tell(database, cast, CallReport("completed", T0))  # in a transaction of its own
        change = await rows.report("CA1", CallReport("in-progress", T0))
        assert change is not None
        assert (change.before.status, change.after.status) == ("completed", "completed")
    assert (await _get(database, cast, "CA1")).outcome == "missed"


async def test_reports_on_an_unknown_call_are_nothing(database: Database, cast: Cast) -> None:
    async with _calls(database, cast) as rows:
        assert await rows.report("CA9", CallReport("completed", T0)) is None
        assert await rows.report_leg("CA9", "CA8", LegReport("completed", T0)) is None
        assert await rows.get("CA9") is None


async def test_the_database_refuses_another_organisations_agent(database: Database, cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        await _open(database, cast, "CA1", cast.charlie)


async def test_a_busy_agent_is_not_rung(database: Database, cast: Cast) -> None:
    await available(database, cast.dana, cast.bob)
    await _open(database, cast, "CA1", cast.dana)
    async with database.begin() as session:
        assert [each.id for each in await Members(session, cast.a.id).to_ring(10)] == [cast.bob.id]
    await _tell(database, cast, CallReport("completed", T0))
    async with database.begin() as session:
        assert [each.id for each in await Members(session, cast.a.id).to_ring(10)] == [cast.dana.id, cast.bob.id]
        assert [each.id for each in await Members(session, cast.a.id).to_ring(1)] == [cast.dana.id]


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["transcribing", "silent", "transcribing"], "transcribing"),
        (["transcribing", "failed", "ended"], "failed"),
        (["transcribing", "ended", "silent"], "ended"),
        (["transcribing", "ended", "transcribing"], "transcribing"),  # a second stream of the same call
        (["transcribing", "ended", "failed"], "failed"),
    ],
)
async def test_transcription_states(database: Database, cast: Cast, states: list[str], kept: str) -> None:
    await _open(database, cast, "CA1")
    async with _calls(database, cast) as rows:
        for state in states:
            await rows.set_transcription("CA1", state)  # type: ignore[arg-type]
    assert (await _get(database, cast, "CA1")).transcription == kept


async def test_a_call_that_is_over_is_not_transcribed_again(database: Database, cast: Cast) -> None:
    await _open(database, cast, "CA1")
    await _tell(database, cast, CallReport("completed", T0))
    async with _calls(database, cast) as rows:
        await rows.set_transcription("CA1", "transcribing")
    assert (await _get(database, cast, "CA1")).transcription is None


async def test_a_call_nobody_speaks_of_is_closed(database: Database, cast: Cast) -> None:
    await _open(database, cast, "CA1")
    await _open(database, cast, "CA2")
    async with database.begin() as session:
        await session.execute(update(Call).where(Call.call_sid == "CA1").values(heard_at=T0))
        assert await calls.close_silent(session, datetime.now(UTC) - timedelta(hours=5)) == 1
    lost, going_on = await _get(database, cast, "CA1"), await _get(database, cast, "CA2")
    assert (lost.status, lost.outcome, lost.ended_at) == ("lost", "missed", T0)
    assert going_on.outcome is None


async def test_an_older_report_of_a_hold_changes_nothing(database: Database, cast: Cast) -> None:
    await _open(database, cast, "CA1")
    reports = [(T0, True), (T0 + timedelta(seconds=9), False), (T0 + timedelta(seconds=5), True)]
    async with _calls(database, cast) as rows:
        noted = [await rows.set_hold("CA1", on_hold=on_hold, at=at) for at, on_hold in (*reports, reports[1])]
    assert noted == [True, True, False, False]
    call = await _get(database, cast, "CA1")
    assert (call.on_hold, call.hold_changed_at) == (False, T0 + timedelta(seconds=9))


async def test_nobody_holds_another_organisations_call(database: Database, cast: Cast) -> None:
    await _open(database, cast, "CA1")
    async with database.begin() as session:
        assert not await Calls(session, uuid4()).set_hold("CA1", on_hold=True, at=T0)
    assert not (await _get(database, cast, "CA1")).on_hold


async def test_a_call_that_is_being_rung_can_be_reported_on(cast: Cast, database: Database) -> None:
    """Rows that refer to a call hold its key; a report waits for none of them, or both would wait for each other."""
    call = await _open(database, cast, "CA1")
    async with database.begin() as session:
        until = datetime.now(UTC) + timedelta(minutes=1)
        session.add(Offer(organisation_id=cast.a.id, call_id=call.id, member_id=cast.bob.id, until=until))
        await session.flush()
        async with _calls(database, cast) as rows:
            assert await rows.report("CA1", CallReport("completed", T0)) is not None
