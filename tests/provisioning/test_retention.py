"""Calls leave the call log after the period that their organisation or the platform has set; the audit log counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from db.engine import Database
from db.models import Call, Leg, Organisation, StripeEvent
from db.queries.audit import AuditFilter, AuditLog, details_of
from db.queries.billing import stripe_events
from db.queries.calls import Calls
from provisioning import schedule
from provisioning.schedule import purge_calls
from tests.kit.web.cast import Cast


async def _call(database: Database, cast: Cast, sid: str, *, days: float, of_b: bool = False) -> None:
    """A call with one leg that began so many days ago."""
    organisation, number = (cast.b, cast.number_b) if of_b else (cast.a, cast.number)
    async with database.begin() as session:
        calls = Calls(session, organisation.id)
        call = await calls.open(sid, direction="inbound", from_number="+61400000001", to_number=number.e164)
        session.add(Leg(leg_sid=f"{sid}-leg", organisation_id=organisation.id, call_id=call.id, status="ringing"))
        began = datetime.now(UTC) - timedelta(days=days)
        await session.execute(update(Call).where(Call.call_sid == sid).values(started_at=began))


async def _left(database: Database) -> set[str]:
    async with database.begin() as session:
        legs = await session.scalar(select(func.count()).select_from(Leg))
        calls = set((await session.scalars(select(Call.call_sid))).all())
    assert legs == len(calls)
    return calls


async def test_each_organisation_has_its_own_period(database: Database, cast: Cast) -> None:
    await _call(database, cast, "CA1", days=31)
    await _call(database, cast, "CA2", days=29)
    await _call(database, cast, "CA3", days=399, of_b=True)
    await _call(database, cast, "CA4", days=401, of_b=True)
    async with database.begin() as session:
        await session.execute(update(Organisation).where(Organisation.id == cast.a.id).values(call_log_days=30))
    assert await purge_calls(database, 400) == 2
    assert await _left(database) == {"CA2", "CA3"}
    assert await purge_calls(database, 400) == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_it_goes_by_batches_and_counts_every_call(database: Database, cast: Cast, batch: int) -> None:
    for number in range(5):
        await _call(database, cast, f"CA{number}", days=500 + number)
    assert await purge_calls(database, 400, batch) == 5
    assert await _left(database) == set()
    async with database.begin() as session:
        entries = await AuditLog(session, cast.a.id).page(AuditFilter(action="calls.purged"))
    counts = [details_of(entry)["calls"] for entry in entries]
    assert sum(count for count in counts if isinstance(count, int)) == 5
    assert len(counts) == -(-5 // batch)


async def test_nothing_of_a_deleted_call_can_be_read_any_more(database: Database, cast: Cast) -> None:
    await _call(database, cast, "CAfindme", days=500)
    await purge_calls(database, 400)
    async with database.begin() as session:
        tables = (await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).all()
        for table in tables:
            held = text(f"SELECT count(*) FROM {table} AS row WHERE row::text LIKE '%CAfindme%'")
            assert await session.scalar(held) == 0, table


async def test_settled_events_are_forgotten_and_failed_ones_kept(database: Database) -> None:
    async with database.begin() as session:
        for name, state in (("old", "done"), ("failing", "failed"), ("new", "ignored")):
            await stripe_events.receive(session, name, "invoice.paid", None)
            await stripe_events.settle(session, name, state)  # type: ignore[arg-type]  # all of them are states
        old = datetime.now(UTC) - schedule.EVENT_LOG - timedelta(hours=1)
        await session.execute(update(StripeEvent).where(StripeEvent.id != "new").values(received_at=old))
    await schedule.forget_events(database)
    async with database.begin() as session:
        assert set((await session.scalars(select(StripeEvent.id))).all()) == {"failing", "new"}
