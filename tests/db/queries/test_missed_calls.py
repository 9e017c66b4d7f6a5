"""Who called in vain, and who has called back: on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from sqlalchemy import update

from db.call_progress import CallReport, Direction, LegReport
from db.engine import Database
from db.models import Call, Member
from db.queries.calls import Calls
from db.queries.missed_calls import CLAIM, Missed, MissedCalls
from tests.kit.web.cast import Cast

NOW = datetime.now(UTC)
KIM, LEE = "+61400000001", "+61400000002"
_numbers = count(1)


async def _call(
    database: Database,
    cast: Cast,
    customer: str | None,
    minutes_ago: float,
    *,
    direction: Direction = "inbound",
    agent: Member | None = None,
    ended: bool = True,
) -> Call:
    """A call with ``customer`` (None: withheld); answered if it is inbound and has an agent."""
    sid, other = f"CA{next(_numbers)}", customer or "anonymous"
    ours = cast.number.e164
    at = NOW - timedelta(minutes=minutes_ago)
    async with database.begin() as session:
        rows = Calls(session, cast.a.id)
        call = await rows.open(
            sid,
            direction=direction,
            from_number=other if direction == "inbound" else ours,
            to_number=ours if direction == "inbound" else other,
            number_id=cast.number.id,
            agent_id=agent.id if agent is not None and direction == "outbound" else None,
            customer=customer,
        )
        if agent is not None and direction == "inbound":
            await rows.report_leg(sid, f"{sid}-leg", LegReport("in-progress", at, None, agent.id))
        if ended:
            await rows.report(sid, CallReport("completed", at))
        await session.execute(update(Call).where(Call.id == call.id).values(started_at=at))
    return call


async def _missed(database: Database, cast: Cast, since: timedelta = timedelta(days=1)) -> list[Missed]:
    async with database.begin() as session:
        return await MissedCalls(session, cast.a.id).since(NOW - since)


async def test_the_calls_of_one_customer_are_one_entry(database: Database, cast: Cast) -> None:
    await _call(database, cast, KIM, 30)
    await _call(database, cast, LEE, 20)
    last = await _call(database, cast, KIM, 10)
    found = await _missed(database, cast)
    assert [(each.call.from_number, each.count, each.contact) for each in found] == [(KIM, 2, None), (LEE, 1, None)]
    assert found[0].call.id == last.id
    assert found[0].call.number is not None


async def test_withheld_numbers_are_not_one_customer(database: Database, cast: Cast) -> None:
    await _call(database, cast, None, 20)
    await _call(database, cast, None, 10)
    assert [each.count for each in await _missed(database, cast)] == [1, 1]


async def test_answered_and_old_calls_and_those_of_others_are_not_missed(database: Database, cast: Cast) -> None:
    await _call(database, cast, KIM, 10, agent=cast.bob)
    await _call(database, cast, LEE, 25 * 60)
    assert await _missed(database, cast) == []
    await _call(database, cast, KIM, 5)
    async with database.begin() as session:
        assert await MissedCalls(session, cast.b.id).since(NOW - timedelta(days=1)) == []


async def test_a_call_back_is_the_contact_until_they_call_in_vain_again(database: Database, cast: Cast) -> None:
    await _call(database, cast, KIM, 30, direction="outbound", agent=cast.dana)
    await _call(database, cast, KIM, 20)
    assert [each.contact for each in await _missed(database, cast)] == [None]
    back = await _call(database, cast, KIM, 10, direction="outbound", agent=cast.bob)
    (entry,) = await _missed(database, cast)
    assert entry.contact is not None
    assert (entry.contact.id, entry.contact.agent and entry.contact.agent.name) == (back.id, "Bob Brown")
    await _call(database, cast, KIM, 5)
    (entry,) = await _missed(database, cast)
    assert (entry.count, entry.contact) == (2, None)


async def test_who_called_again_and_was_answered_was_reached(database: Database, cast: Cast) -> None:
    await _call(database, cast, KIM, 20)
    again = await _call(database, cast, KIM, 10, agent=cast.bob, ended=False)
    (entry,) = await _missed(database, cast)
    assert entry.contact is not None
    assert (entry.contact.id, entry.contact.outcome) == (again.id, None)


async def test_an_entry_is_found_by_any_of_its_calls(database: Database, cast: Cast) -> None:
    first, last = await _call(database, cast, KIM, 20), await _call(database, cast, KIM, 10)
    async with database.begin() as session:
        for call in (first, last):
            entry = await MissedCalls(session, cast.a.id).get(call.id)
            assert entry is not None
            assert (entry.call.id, entry.count) == (last.id, 2)
        assert await MissedCalls(session, cast.a.id).get(uuid4()) is None
        assert await MissedCalls(session, cast.b.id).get(last.id) is None


async def test_a_claim_runs_out_or_becomes_a_call(database: Database, cast: Cast) -> None:
    call = await _call(database, cast, KIM, 20)
    async with database.begin() as session:
        await session.execute(update(Call).where(Call.id == call.id).values(callback_by=cast.bob.id, callback_at=NOW))
    (entry,) = await _missed(database, cast)
    assert entry.claimed_by(NOW + CLAIM / 2) == cast.bob.id
    assert entry.claimed_by(NOW + CLAIM) is None
    await _call(database, cast, KIM, 10, direction="outbound", agent=cast.bob)
    (entry,) = await _missed(database, cast)
    assert entry.claimed_by(NOW + CLAIM / 2) is None
