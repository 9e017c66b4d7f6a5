"""What callers of a number get, stored and read again."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.engine import Database
from db.opening_hours import OwnDay, Schedule, Week
from db.queries.answering_plans import Alternative, AnsweringPlans, OwnDays, Plan
from tests.kit.web.cast import Cast

WEEK: Week = (((540, 720), (780, 1020)), ((540, 1020),), (), (), ((0, 1440),), (), ())
PLAN = Plan(
    WEEK,
    "Australia/Perth",
    "WA",
    (OwnDays(date(2026, 12, 24), date(2026, 12, 26), "Shutdown"), OwnDays(date(2027, 2, 1), date(2027, 2, 1), "x")),
    Alternative("We are closed.", "+61399990000"),
    Alternative(None, "+61399990001"),
)


async def test_a_plan_is_read_as_it_was_stored(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        assert await AnsweringPlans(session, cast.a.id).of(cast.number.id) == Plan()
        await AnsweringPlans(session, cast.a.id).set(cast.number.id, PLAN)
    async with database.begin() as session:
        plans = AnsweringPlans(session, cast.a.id)
        assert await plans.of(cast.number.id) == PLAN
        await plans.set(cast.number.id, Plan())
    async with database.begin() as session:
        assert await AnsweringPlans(session, cast.a.id).all() == {cast.number.id: Plan()}
        assert await AnsweringPlans(session, cast.b.id).all() == {}


async def test_a_plan_is_of_a_number_of_the_organisation(database: Database, cast: Cast) -> None:
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await AnsweringPlans(session, cast.b.id).set(cast.number.id, PLAN)


async def test_overflow_numbers_are_encrypted(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await AnsweringPlans(session, cast.a.id).set(cast.number.id, PLAN)
        stored = await session.scalar(text("SELECT answering_plans::text FROM answering_plans"))
    assert "9999" not in stored


def test_periods_become_days_in_the_numbers_zone_or_the_organisations() -> None:
    schedule = PLAN.schedule("Australia/Sydney")
    assert isinstance(schedule, Schedule)
    assert schedule.zone == ZoneInfo("Australia/Perth")
    assert [day for day, own in schedule.own_days.items() if own == OwnDay("Shutdown")] == [
        date(2026, 12, number) for number in (24, 25, 26)
    ]
    usual = Plan(WEEK).schedule("Australia/Sydney")
    assert usual is not None
    assert usual.zone == ZoneInfo("Australia/Sydney")
    assert Plan().schedule("Australia/Sydney") is None
