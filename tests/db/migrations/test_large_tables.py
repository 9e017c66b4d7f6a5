"""Migrations keep nobody from writing calls: what reads all of them does so concurrently, and can be interrupted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event

from db import migrate
from db.engine import Database, DatabaseUnavailableError, asyncpg_dsn
from tests.kit.web.cast import Cast

LARGE = frozenset({"calls", "legs", "call_tags", "call_moments", "offers"})
"""Tables that every call makes longer."""
BEFORE = "0016"
"""What led up to it made these tables, or ran while they were short."""
BUILT_CONCURRENTLY = "0029"
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?P<how>CONCURRENTLY )?.*?\bON (?P<table>\w+)", re.DOTALL)
_CONSTRAINT = re.compile(r"ALTER TABLE (?P<table>\w+) ADD CONSTRAINT .*?(?P<how>NOT VALID)?$", re.DOTALL)
_VALIDATED = re.compile(r"ALTER TABLE (?P<table>\w+) (?P<how>VALIDATE) CONSTRAINT")
_ROWS = re.compile(r"(?P<how>UPDATE|DELETE FROM) (?P<table>\w+)")
_MADE = re.compile(r"CREATE TABLE (\w+)")
_HARMLESS = re.compile(r"SELECT|SHOW|SET |(?:INSERT INTO|UPDATE|DELETE FROM) alembic_version")
_INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
_UNCHECKED = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
_BUILDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'
"""
_WAITS = """
SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'second %' AND query ~ 'advisory_lock|COMMIT'
"""
_CALL = """
INSERT INTO calls (id, organisation_id, call_sid, direction, from_number, to_number, status)
VALUES ($1, $2, $3, 'inbound', '', '', 'ringing')
"""


@dataclass
class Sent:
    """The statements of one migration: in a transaction, and in none."""

    together: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)


def _faults(sent: Sent) -> list[str]:
    """What of a migration would keep calls from being written, or could not run again."""
    new = {table for each in sent.together for table in _MADE.findall(each)}
    found = [each for each in sent.together if _reads_all(each, LARGE - new)]
    found += [each for each in sent.alone if (index := _INDEX.match(each)) and not index["how"]]
    if any(not _HARMLESS.match(each) for each in sent.alone):
        found += [each for each in sent.together if not _HARMLESS.match(each)]
    return found


def _reads_all(statement: str, tables: frozenset[str]) -> bool:
    """Whether the statement reads or writes all of one of ``tables``, inside a transaction."""
    constraint = _CONSTRAINT.match(statement)
    if constraint:
        return constraint["table"] in tables and not constraint["how"]
    return any(
        found["table"] in tables
        for kind in (_INDEX, _VALIDATED, _ROWS)
        if (found := kind.match(statement)) is not None
    )


@contextmanager
def _recorded() -> Iterator[Sent]:
    sent = Sent()

    def note(connection: Connection, _: object, statement: str, *__: object) -> None:
        is_alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        (sent.alone if is_alone else sent.together).append(statement.strip())

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_no_migration_reads_calls_while_nobody_can_write_them(owners_database: Database) -> None:
    await migrate.downgrade(owners_database, BEFORE)
    script = ScriptDirectory.from_config(migrate.configuration())
    steps = [each.revision for each in reversed(list(script.walk_revisions())) if each.revision > BEFORE]
    assert BUILT_CONCURRENTLY in steps
    for revision in steps:
        with _recorded() as sent:
            await migrate.upgrade(owners_database, revision)
        assert _faults(sent) == [], revision
        assert (len(sent.alone) > 1) == (revision == BUILT_CONCURRENTLY) or revision > BUILT_CONCURRENTLY


@pytest.mark.parametrize(
    "sent",
    [
        Sent(["CREATE INDEX ix ON calls (a)"]),
        Sent(["CREATE UNIQUE INDEX ix ON legs (a) WHERE b"]),
        Sent([], ["CREATE INDEX ix ON calls (a)"]),
        Sent(["ALTER TABLE calls ADD CONSTRAINT ck CHECK (a IN ('b'))"]),
        Sent(["ALTER TABLE calls VALIDATE CONSTRAINT ck"]),
        Sent(["UPDATE call_tags SET a = b"]),
        Sent(["ALTER TABLE calls ADD COLUMN a text"], ["CREATE INDEX CONCURRENTLY ix ON calls (a)"]),
    ],
)
def test_a_migration_that_would_is_found(sent: Sent) -> None:
    assert len(_faults(sent)) == 1


@pytest.mark.parametrize(
    "sent",
    [
        Sent(["CREATE TABLE offers (a text)", "CREATE INDEX ix ON offers (a)"]),
        Sent(["CREATE INDEX ix ON contacts (a)", "UPDATE contacts SET a = b", "ALTER TABLE calls ADD COLUMN a text"]),
        Sent(["ALTER TABLE calls ADD CONSTRAINT ck CHECK (a IN ('b')) NOT VALID"]),
        Sent(
            ["UPDATE alembic_version SET version_num = '1'"],
            ["SHOW x", "CREATE INDEX CONCURRENTLY ix ON calls (a)", "ALTER TABLE calls VALIDATE CONSTRAINT ck"],
        ),
    ],
)
def test_one_that_would_not_is_none(sent: Sent) -> None:
    assert _faults(sent) == []


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(asyncpg_dsn(url))
    try:
        yield connection
    finally:
        await connection.close()


async def _until(connection: asyncpg.Connection, found: str) -> int:
    """Wait until the query ``found`` finds a process; return which."""
    async with asyncio.timeout(60):
        while (pid := await connection.fetchval(found)) is None:  # noqa: ASYNC110 (Postgres tells nobody)
            await asyncio.sleep(0.02)
    return int(pid)


@asynccontextmanager
async def _snapshot(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """See calls as they are now, all the while: an index that is built concurrently waits for that to end."""
    reading = connection.transaction(isolation="repeatable_read")
    await reading.start()
    await connection.fetchval("SELECT count(*) FROM calls")
    yield
    await reading.rollback()


async def _call(connection: asyncpg.Connection, organisation_id: UUID) -> None:
    await connection.execute(_CALL, uuid4(), organisation_id, f"CA{uuid4().hex}")


async def _interrupted(database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await migrate.upgrade(database)


async def test_calls_are_written_meanwhile_and_what_was_interrupted_is_built_again(
    owners_database: Database, owner_url: str, cast: Cast
) -> None:
    await migrate.downgrade(owners_database, "0028")
    async with _connected(owner_url) as reader, _connected(owner_url) as writer:
        await writer.execute("SET lock_timeout = '2s'")
        await _call(writer, cast.a.id)
        async with _snapshot(reader), asyncio.TaskGroup() as tasks:
            tasks.create_task(_interrupted(owners_database))
            builder = await _until(writer, _BUILDS)
            await _call(writer, cast.a.id)
            await writer.execute("SELECT pg_terminate_backend($1)", builder)
        assert await writer.fetchval(_INVALID) == 1
        await migrate.upgrade(owners_database)
        assert (await writer.fetchval(_INVALID), await writer.fetchval(_UNCHECKED)) == (0, 0)
        assert await writer.fetchval("SELECT count(*) FROM calls") == 2
    async with owners_database.begin() as session:
        assert await migrate.current(session) == migrate.head()


async def test_who_waits_for_a_turn_keeps_no_index_from_being_built(
    owners_database: Database, owner_url: str, encryption_key: str
) -> None:
    await migrate.downgrade(owners_database, "0028")
    second = Database(owner_url, [encryption_key], application="second")
    async with (
        _connected(owner_url) as reader,
        _connected(owner_url) as looking,
        asyncio.TaskGroup() as tasks,
        _snapshot(reader),
    ):
        tasks.create_task(migrate.upgrade(owners_database))
        await _until(looking, _BUILDS)
        tasks.create_task(migrate.upgrade(second))
        await _until(looking, _WAITS)
    await second.close()
