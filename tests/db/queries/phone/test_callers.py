"""Who calls is told by the person: their calls from all numbers count, and a ring reads a few rows by indexes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import asyncpg
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from db.encryption import keyring_of
from db.engine import Database, asyncpg_dsn
from db.models import Call, Number
from db.queries.calls import Calls
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import MOST_NUMBERS, People
from db.queries.phone.callers import Callers, Earlier, Known
from sandbox.load.log.rows import fill, person
from tests.kit.plans import plans
from tests.kit.web.cast import Cast

T0 = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
HOME, MOBILE, WORK, STRANGER = "+61298765432", "+61412345678", "+61355501234", "+61412999678"
ROWS = 20_000
_OTHERS = """
INSERT INTO contacts (id, organisation_id, name, number, number_hash)
SELECT gen_random_uuid(), organisation_id, name, number, sha256(n::text::bytea)
FROM (SELECT * FROM contacts LIMIT 1) AS one, generate_series(1, 5000) AS n
"""


async def _call(
    database: Database, line: Number, customer: str, hours: int, outcome: str | None = "answered"
) -> UUID:
    """A call to ``line`` that began ``hours`` after `T0`."""
    async with database.begin() as session:
        facts = {"from_number": customer, "to_number": line.e164, "number_id": line.id, "customer": customer}
        opened = await Calls(session, line.organisation_id).open(f"CA{uuid4().hex}", direction="inbound", **facts)  # type: ignore[arg-type]
        at = T0 + timedelta(hours=hours)
        await session.execute(update(Call).where(Call.id == opened.id).values(started_at=at, outcome=outcome))
    return opened.id


async def _known(database: Database, organisation_id: UUID, *calls: UUID) -> dict[UUID, Known]:
    async with database.begin() as session:
        return {each.call.id: each for each in await Callers(session, organisation_id).of(calls)}


async def _merged(database: Database, organisation_id: UUID, *numbers: str) -> list[UUID]:
    """One person with these numbers; return the contacts."""
    async with database.begin() as session:
        contacts, people = Contacts(session, organisation_id), People(session, organisation_id)
        first, *others = [await contacts.add("Casey", number) for number in numbers]
        for other in others:
            await people.merge(first, other, "Casey")
        return [each.id for each in (first, *others)]


async def test_all_numbers_of_a_person_count(cast: Cast, database: Database) -> None:
    await _merged(database, cast.a.id, HOME, MOBILE, WORK)
    for customer, hours, outcome in ((HOME, 1, "answered"), (HOME, 3, "missed"), (MOBILE, 2, "answered")):
        await _call(database, cast.number, customer, hours, outcome)
    await _call(database, cast.number, STRANGER, 4)
    await _call(database, cast.number_b, HOME, 5)
    rings = [await _call(database, cast.number, customer, 9, None) for customer in (HOME, WORK, STRANGER)]
    known = await _known(database, cast.a.id, *rings)
    last = Earlier(3, T0 + timedelta(hours=3), "missed")
    assert [known[each].earlier for each in rings] == [last, last, Earlier(1, T0 + timedelta(hours=4), "answered")]
    assert [known[each].name for each in rings] == ["Casey", "Casey", None]


async def test_a_number_that_was_split_off_counts_alone(cast: Cast, database: Database) -> None:
    _, mobile = await _merged(database, cast.a.id, HOME, MOBILE)
    await _call(database, cast.number, HOME, 1)
    ring = await _call(database, cast.number, MOBILE, 9, None)
    assert (await _known(database, cast.a.id, ring))[ring].earlier.count == 1
    async with database.begin() as session:
        await People(session, cast.a.id).split(mobile)
    assert (await _known(database, cast.a.id, ring))[ring].earlier == Earlier()


async def test_calls_from_before_a_new_key_count(
    cast: Cast, database: Database, database_url: str, encryption_key: str
) -> None:
    """While a key is rotated, a customer's calls and contacts are found by either."""
    await _merged(database, cast.a.id, HOME, MOBILE)
    await _call(database, cast.number, HOME, 1)
    newer = Database(database_url, [Fernet.generate_key().decode(), encryption_key])
    try:
        await _call(newer, cast.number, HOME, 2)
        ring = await _call(newer, cast.number, MOBILE, 9, None)
        earlier = (await _known(newer, cast.a.id, ring))[ring].earlier
    finally:
        await newer.close()
    assert earlier == Earlier(2, T0 + timedelta(hours=2), "answered")


async def test_more_than_the_most_are_not_counted(cast: Cast, database: Database) -> None:
    for hours in range(9):
        await _call(database, cast.number, HOME, hours)
    rings = [await _call(database, cast.number, HOME, 10, None) for _ in range(2)]
    async with database.begin() as session:
        known = await Callers(session, cast.a.id, most_earlier=3).of(rings)
    assert [each.earlier for each in known] == [Earlier(4, T0 + timedelta(hours=8), "answered")] * 2


async def test_a_ring_reads_by_indexes_alone(database: Database, owner_url: str) -> None:
    owner = await asyncpg.connect(asyncpg_dsn(owner_url))
    try:
        filled = await fill(database, owner, ROWS)
        await person(database, filled, MOST_NUMBERS)
        await owner.execute(_OTHERS)
        await owner.execute("VACUUM (ANALYZE) calls, contacts")
    finally:
        await owner.close()
    async with database.begin() as session:
        hashed = keyring_of(session).hash("number", filled.customers[0])
        newest = select(Call.id).where(Call.customer_hash == hashed).order_by(Call.started_at.desc()).limit(1)
        calls = (await session.scalars(newest)).all()
        sent = await plans(session, partial(Callers(session, filled.organisation_id).of, calls))
    assert len(sent) == 4  # the call, its contact, earlier calls, notes
    nodes = [node for _, plan in sent for node in plan]
    assert "Seq Scan" not in {
        each["Node Type"] for each in nodes if each.get("Relation Name") in ("calls", "contacts")
    }
    earlier = [each for each in nodes if each.get("Index Name") == "ix_calls_customer"]
    assert {each["Node Type"] for each in earlier} == {"Index Only Scan", "Index Scan"}  # to count, and the last one
