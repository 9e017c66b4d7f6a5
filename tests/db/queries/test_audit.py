"""The audit log only grows: for whoever owns the table, and for the role that migrations give the product."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from db import rotate
from db.engine import Database, asyncpg_dsn
from db.models import AuditEntry, Organisation
from db.paging import Cursor
from db.queries import organisations
from db.queries.audit import Actor, AuditFilter, AuditLog, details_of, record
from provisioning.jobs import Payload, enqueue
from provisioning.schedule import forget
from provisioning.worker import Handlers, work
from tests.kit.web.cast import Cast

CHANGES = [
    "UPDATE audit_entries SET action = 'nothing.happened'",
    "UPDATE audit_entries SET at = now() - interval '1 year'",
    "UPDATE audit_entries SET details = NULL",
    "DELETE FROM audit_entries",
    "TRUNCATE audit_entries",
    "TRUNCATE organisations CASCADE",
]
IN_DISGUISE = ["SET LOCAL bilby.rotating = 'on'; UPDATE audit_entries SET action = 'nothing.happened'"]
AS_OWNER = [
    "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "DROP TABLE audit_entries",
    "DROP TRIGGER audit_entries_change ON audit_entries",
    "SET session_replication_role = 'replica'",
    "SET LOCAL bilby.rotating = 'on'; UPDATE audit_entries SET details = NULL",
    "CREATE TABLE mine (id int)",
    "ALTER TABLE organisations ADD COLUMN mine int",
    "UPDATE alembic_version SET version_num = '9999'",
    "CREATE ROLE mine",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "COPY organisations TO PROGRAM 'true'",
]


async def _record(database: Database, cast: Cast, action: str = "number.released", **details: str) -> None:
    async with database.begin() as session:
        await record(session, cast.a.id, action, details, Actor("Alice", cast.alice.id, "203.0.113.0/24"))


async def _entries(database: Database) -> list[AuditEntry]:
    async with database.begin() as session:
        return list((await session.scalars(select(AuditEntry))).all())


async def _tried(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(statements)
    finally:
        await connection.close()


@pytest.mark.parametrize("statement", CHANGES + IN_DISGUISE)
async def test_not_even_the_owner_changes_what_was_written(
    database: Database, owner_url: str, cast: Cast, statement: str
) -> None:
    await _record(database, cast, number="(02) 5550 1234")
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        await _tried(asyncpg_dsn(owner_url), statement)
    assert "audit_entries_append_only" in (refused.value.context or "")  # the trigger refuses, not a missing right
    (entry,) = await _entries(database)
    assert (entry.action, details_of(entry)) == ("number.released", {"number": "(02) 5550 1234"})


@pytest.mark.parametrize("statement", CHANGES + IN_DISGUISE + AS_OWNER)
async def test_the_applications_role_may_not_even_try(
    database: Database, cast: Cast, database_url: str, statement: str
) -> None:
    await _record(database, cast)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _tried(asyncpg_dsn(database_url), statement)
    assert len(await _entries(database)) == 1


async def test_the_applications_role_can_do_its_work(cast: Cast, database: Database, database_url: str) -> None:
    stop, done = asyncio.Event(), list[str]()

    async def do(_: Database, payload: Payload) -> None:
        done.append(payload["n"])
        stop.set()

    await _record(database, cast)
    async with database.begin() as session:
        organisation = await session.get(Organisation, cast.a.id)
        assert organisation is not None
        organisation.name = "Acacia Clinics"
        await enqueue(session, "count", {"n": "1"}, "1")
        await session.execute(text("SELECT version_num FROM alembic_version"))
    async with asyncio.timeout(60):
        await work(database_url, database, Handlers({"count": do}, {"forget": ("*/10 * * * *", forget)}), stop)
    assert (len(await _entries(database)), done) == (1, ["1"])
    async with database.begin() as session:  # as the runbook has it done at once
        now = "UPDATE pgqueuer_schedules SET next_run = now() WHERE entrypoint = 'forget' RETURNING id"
        assert (await session.scalars(text(now))).one()


async def test_keys_are_rotated_and_nothing_else_moves(
    database: Database, owners_database: Database, cast: Cast
) -> None:
    await _record(database, cast, number="(02) 5550 1234")
    (before,) = await _entries(database)
    await rotate.rotate(owners_database)
    (after,) = await _entries(database)
    assert (after.at, after.actor, details_of(after)) == (before.at, before.actor, details_of(before))


async def test_an_entry_is_there_with_what_it_tells_about_or_not_at_all(database: Database, cast: Cast) -> None:
    with pytest.raises(DBAPIError):  # noqa: PT012 (the whole transaction is what fails)
        async with database.begin() as session:
            await record(session, cast.a.id, "number.released")
            await session.execute(text("SELECT 1 / 0"))
    assert await _entries(database) == []


async def test_who_where_and_what_are_not_readable_in_the_table(
    database: Database, database_url: str, cast: Cast
) -> None:
    await _record(database, cast, number="+61255501234")
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        row = str(dict(await connection.fetchrow("SELECT * FROM audit_entries")))
    finally:
        await connection.close()
    for plain in ("+61255501234", "Alice", "203.0.113"):
        assert plain not in row


async def test_an_actor_of_another_organisation_is_refused(database: Database, cast: Cast) -> None:
    with pytest.raises(DBAPIError):
        async with database.begin() as session:
            await record(session, cast.b.id, "number.released", None, Actor("Alice", cast.alice.id))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["number.ready", "numbers.given_up", "number", "team.invited"]), max_size=7))
async def test_pages_hold_every_entry_once_the_newest_first(database: Database, actions: list[str]) -> None:
    async with database.begin() as session:
        founded = await organisations.create(session, name="Wattle")  # this example's own: no log is ever emptied
        log = AuditLog(session, founded.id)
        for action in actions:
            await log.record(action)
        seen, after = list[AuditEntry](), None
        while page := await log.page(AuditFilter(), after=after, limit=2):
            seen += page
            after = Cursor(page[-1].at, page[-1].id)
        assert [entry.action for entry in seen] == actions[::-1]
        nouns = [entry.action for entry in await log.page(AuditFilter(action="number"))]
        assert nouns == [action for action in actions[::-1] if action.split(".")[0] == "number"]
