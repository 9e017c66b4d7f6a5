"""The dashboard's counts are exactly those of the calls themselves, whatever happened to the calls meanwhile."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from db import recount
from db.call_progress import CallReport, Outcome, Reason
from db.engine import Database
from db.models import Call, CallCount, Organisation, Recount
from db.queries import calls as call_queries
from db.queries.calls import Calls
from db.queries.log.call_times import BANDS, band
from db.queries.numbers import Numbers
from db.queries.reports import recounts
from db.queries.reports.counts import Counts, Reports
from db.queries.retention import delete_calls
from tests.kit.web.cast import Cast

SYDNEY = ZoneInfo("Australia/Sydney")
T0 = datetime(2026, 4, 6, tzinfo=UTC)  # the day after clocks went back in Sydney
FIRST, LAST = date(2026, 3, 1), date(2026, 4, 30)
CALLS = 200


async def _fill(database: Database, cast: Cast, seed: int = 3) -> None:
    """Calls of A over five days, of every kind, and one of B."""
    dice = random.Random(seed)
    async with database.begin() as session:
        other = await Numbers(session, cast.a.id).add(e164="+61255505678", twilio_sid=None)
        for n in range(CALLS):
            outcome = dice.choice([*get_args(Outcome), "answered", "missed", None])
            wait, length = dice.choice([0, 9, 10, 59, 400]), dice.choice([5, 30, 299, 300, 4000])
            over = outcome is not None
            session.add(
                Call(
                    organisation_id=cast.a.id,
                    call_sid=f"CA{n:032x}",
                    direction=dice.choice(["inbound", "outbound"]),
                    from_number="",
                    to_number="",
                    agent_id=dice.choice([cast.bob.id, cast.dana.id, None]),
                    number_id=dice.choice([cast.number.id, other.id, None]),
                    status="completed" if over else "ringing",
                    outcome=outcome,
                    reason=dice.choice([*get_args(Reason), None]),
                    started_at=T0 - timedelta(minutes=dice.randrange(5 * 24 * 60)),
                    wait_s=wait if over else None,
                    wait_band=band(wait) if over else None,
                    length_s=length if over else None,
                    length_band=band(length) if over else None,
                    talk_s=length - 2 if outcome == "answered" else None,
                    held_s=dice.choice([0, 7]),
                )
            )
        session.add(
            Call(
                organisation_id=cast.b.id,
                call_sid="CB",
                direction="inbound",
                from_number="",
                to_number="",
                status="ringing",
                started_at=T0,
            )
        )


def _of(calls: Iterable[Call]) -> Counts:
    """Count the plain way."""
    counts = Counts()
    for call in calls:
        inbound, answered = call.direction == "inbound", call.outcome == "answered"
        missed = inbound and call.outcome == "missed"
        out = None if inbound else call.outcome
        counts += Counts(
            inbound=inbound and call.outcome != "blocked",  # a blocked call never came in
            answered=inbound and answered,
            overflowed=inbound and answered and call.agent_id is None,
            missed=missed,
            **{reason: missed and call.reason == reason for reason in get_args(Reason)},
            outbound=not inbound,
            reached=out == "answered",
            **{outcome: out == outcome for outcome in ("unanswered", "busy", "failed")},
            answer_wait_s=(call.wait_s or 0) if inbound and answered else 0,
            missed_wait_s=(call.wait_s or 0) if missed else 0,
            length_s=(call.length_s or 0) if answered else 0,
            talk_s=(call.talk_s or 0) if answered else 0,
            held_s=call.held_s if answered else 0,
            longest_wait_s=(call.wait_s or 0) if inbound else 0,
            longest_s=(call.length_s or 0) if answered else 0,
            wait_bands=_bands(call.wait_band if inbound and answered else None),
            length_bands=_bands(call.length_band if answered else None),
        )
    return counts


def _bands(number: int | None) -> tuple[int, ...]:
    return tuple(int(each == number) for each in range(len(BANDS) + 1))


def _grouped(calls: Iterable[Call], key: Callable[[Call], Any]) -> dict[Any, Counts]:
    groups = defaultdict[Any, list[Call]](list)
    for call in calls:
        groups[key(call)].append(call)
    return {name: _of(each) for name, each in groups.items()}


async def _check(database: Database, organisation_id: UUID, zone: ZoneInfo = SYDNEY) -> None:
    """What is read equals what the calls say, in every split."""
    await recount.settle(database)
    async with database.begin() as session:
        calls = (await session.scalars(select(Call).where(Call.organisation_id == organisation_id))).all()
        reports = Reports(session, organisation_id)
        assert await reports.counted_until() is None
        assert await reports.total(FIRST, LAST) == _of(calls)
        assert await reports.by_day(FIRST, LAST) == _grouped(calls, lambda call: _local(call, zone).date())
        assert await reports.by_hour(FIRST, LAST) == _grouped(calls, lambda call: _local(call, zone).hour)
        assert await reports.by_line(FIRST, LAST) == _grouped(calls, lambda call: call.number_id)
        agents = _grouped((call for call in calls if call.agent_id), lambda call: call.agent_id)
        assert await reports.by_agent(FIRST, LAST) == agents


def _local(call: Call, zone: ZoneInfo) -> datetime:
    return call.started_at.astimezone(zone)


async def test_counts_are_those_of_the_calls(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    await _check(database, cast.a.id)
    async with database.begin() as session:
        days = await Reports(session, cast.a.id).by_day(FIRST, LAST)
        mine = (await session.scalars(select(Call).where(Call.organisation_id == cast.a.id))).all()
        blocked = [call for call in mine if (call.direction, call.outcome) == ("inbound", "blocked")]
        assert blocked
        assert sum((each for each in days.values()), Counts()).calls == CALLS - len(blocked)
        middle = sorted(days)[2]
        assert await Reports(session, cast.a.id).total(middle, middle) == days[middle]
        assert await Reports(session, cast.b.id).total(FIRST, LAST) == Counts(inbound=1)


async def test_a_late_end_an_outcome_and_an_agent_that_come_later_are_counted(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await Calls(session, cast.a.id).open("CA1", direction="inbound", from_number="", to_number="")
        await session.execute(update(Call).values(started_at=T0, heard_at=T0))
    await _check(database, cast.a.id)
    async with database.begin() as session:
        await session.execute(update(Call).values(agent_id=cast.bob.id, answered_at=T0 + timedelta(seconds=12)))
    await _check(database, cast.a.id)
    async with database.begin() as session:
        ended = CallReport("completed", T0 + timedelta(hours=1), 3600)
        await Calls(session, cast.a.id).report("CA1", ended)
    await _check(database, cast.a.id)
    async with database.begin() as session:
        counts = (await Reports(session, cast.a.id).by_agent(FIRST, LAST))[cast.bob.id]
    assert (counts.answered, counts.answer_wait_s, counts.longest_s) == (1, 12, 3600)


async def test_calls_that_are_closed_because_they_are_silent_are_counted(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    await _check(database, cast.a.id)
    async with database.begin() as session:
        assert await call_queries.close_silent(session, datetime.now(UTC) + timedelta(hours=1)) > 0
    await _check(database, cast.a.id)


async def test_calls_that_retention_deletes_are_no_longer_counted(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    await _check(database, cast.a.id)
    async with database.begin() as session:
        assert 0 < await delete_calls(session, cast.a.id, T0 - timedelta(days=2), CALLS) < CALLS
    await _check(database, cast.a.id)
    async with database.begin() as session:
        await session.execute(delete(Call).where(Call.organisation_id == cast.a.id))
    await _check(database, cast.a.id)
    async with database.begin() as session:
        rows = select(CallCount.id).where(CallCount.organisation_id == cast.a.id)
        assert (await session.scalars(rows)).all() == []


async def test_another_time_zone_moves_calls_to_other_days(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    await _check(database, cast.a.id)
    for name in ("Australia/Lord_Howe", "Australia/Adelaide", "Australia/Eucla", "Australia/Perth"):
        async with database.begin() as session:
            await session.execute(update(Organisation).where(Organisation.id == cast.a.id).values(time_zone=name))
        await _check(database, cast.a.id, ZoneInfo(name))


async def test_a_rebuild_repairs_what_is_wrong(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    await _check(database, cast.a.id)
    async with database.begin() as session:
        await session.execute(update(CallCount).values(missed=CallCount.missed + 1))
        lost = select(CallCount.id).where(CallCount.organisation_id == cast.a.id, CallCount.split == "agent")
        await session.execute(delete(CallCount).where(CallCount.id.in_(lost)))
        orphan = update(CallCount).where(CallCount.organisation_id == cast.b.id)
        await session.execute(orphan.values(day=FIRST))
    await recount.rebuild(database, pause_seconds=0.01)
    await _check(database, cast.a.id)
    async with database.begin() as session:
        assert await Reports(session, cast.b.id).total(FIRST, FIRST) == Counts()


@pytest.mark.parametrize("days", [1, 2, 100])
async def test_however_few_days_a_transaction_takes(database: Database, cast: Cast, days: int) -> None:
    await _fill(database, cast)
    while True:
        async with database.begin() as session:
            if not await recounts.recount(session, cast.a.id, days=days):
                break
    await _check(database, cast.a.id)


async def test_a_change_while_its_day_is_counted_is_counted_the_next_time(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    async with database.begin() as changing:
        await changing.execute(update(Call).where(Call.call_sid == "CB").values(outcome="missed", wait_s=4))
        await recount.settle(database)
        async with database.begin() as session:
            assert (await Reports(session, cast.b.id).total(FIRST, LAST)).missed == 0
    await _check(database, cast.b.id)
    async with database.begin() as session:
        assert (await Reports(session, cast.b.id).total(FIRST, LAST)).missed == 1


async def test_a_change_of_what_is_not_counted_notes_nothing(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    await recount.settle(database)
    async with database.begin() as session:
        await session.execute(update(Call).values(heard_at=T0, transcription="ended", follow_up=True))
        assert (await session.scalars(select(Recount.id))).all() == []


async def test_two_processes_do_not_count_one_organisation_at_once(database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    async with database.begin() as first, database.begin() as second:
        assert await recounts.recount(first, cast.a.id) > 0
        assert await recounts.recount(second, cast.a.id) == 0
    await _check(database, cast.a.id)
