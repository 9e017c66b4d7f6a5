"""The release before can work on today's tables: while an update runs, and after a way back.

Which tables it knows is what its own migrations make of an empty database. So they are the contract, and nothing has
to be recorded beside them: every statement its code can send names only tables and columns of these.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio
from alembic.script import ScriptDirectory

from db import migrate
from db.engine import Database, asyncpg_dsn
from sandbox.engines.postgres import EmbeddedPostgres
from tests.kit.databases import url_of

_COLUMNS = """
SELECT table_name, column_name, udt_name, is_nullable = 'YES' AS nullable,
       column_default IS NOT NULL OR is_identity = 'YES' OR is_generated <> 'NEVER' AS filled
FROM information_schema.columns WHERE table_schema = 'public'
"""
_CHECKS = """
SELECT conrelid::regclass::text AS table_name, conname, pg_get_constraintdef(oid) AS rule
FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""


@dataclass(frozen=True)
class Column:
    """What a statement may rely on: a type, whether NULL goes in, and whether it may be left out."""

    kind: str
    nullable: bool = True
    filled: bool = False


@dataclass(frozen=True)
class Schema:
    """All columns, and of all checks the words that they list, by table and name."""

    columns: dict[tuple[str, str], Column]
    words: dict[tuple[str, str], set[str]]


def _releases() -> list[tuple[str, str]]:
    """Each revision with the one before it, but for the first."""
    script = ScriptDirectory.from_config(migrate.configuration())
    return [(str(one.down_revision), one.revision) for one in script.walk_revisions() if one.down_revision]


@pytest_asyncio.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database without any tables."""
    admin = await asyncpg.connect(postgres.dsn)
    await admin.execute("CREATE DATABASE empty_one")
    yield url_of(postgres, "empty_one")
    await admin.execute("DROP DATABASE empty_one WITH (FORCE)")
    await admin.close()


async def _at(url: str, key: str, revision: str) -> Schema:
    database = Database(url, [key])
    await migrate.upgrade(database, revision)
    await database.close()
    connection = await asyncpg.connect(asyncpg_dsn(url))
    try:
        columns, checks = await connection.fetch(_COLUMNS), await connection.fetch(_CHECKS)
    finally:
        await connection.close()
    return Schema(
        {(row[0], row[1]): Column(row[2], nullable=row["nullable"], filled=row["filled"]) for row in columns},
        {(row[0], row[1]): set(re.findall(r"'([^']*)'", row["rule"])) for row in checks},
    )


@pytest.mark.parametrize(("before", "after"), _releases())
async def test_the_code_of_the_release_before_runs_on_the_new_tables(
    empty: str, encryption_key: str, before: str, after: str
) -> None:
    old = await _at(empty, encryption_key, before)
    new = await _at(empty, encryption_key, after)
    assert _breaks(old, new) == []


def _breaks(old: Schema, new: Schema) -> list[str]:
    """What code that knows ``old`` could no longer do."""
    return [*_lost_columns(old, new), *_unknown_columns(old, new), *_narrower_checks(old, new)]


def _lost_columns(old: Schema, new: Schema) -> list[str]:
    found = []
    for place, column in old.columns.items():
        now = new.columns.get(place)
        if now is None or now.kind != column.kind:
            found.append(f"{place} is gone, or of another type")
        elif (column.nullable and not now.nullable) or (column.filled and not now.filled):
            found.append(f"{place} takes no NULL, or must be given")
    return found


def _unknown_columns(old: Schema, new: Schema) -> list[str]:
    tables = {table for table, _ in old.columns}
    unknown = {place: column for place, column in new.columns.items() if place not in old.columns}
    return [
        f"{place} is not known and must be given"
        for place, column in unknown.items()
        if place[0] in tables and not (column.nullable or column.filled)
    ]


def _narrower_checks(old: Schema, new: Schema) -> list[str]:
    gone = [place for place, words in old.words.items() if not words <= new.words.get(place, words)]
    added = [
        (table, name)
        for table, name in new.words.keys() - old.words.keys()
        if (table, name.removeprefix(f"ck_{table}_")) in old.columns
    ]
    return [f"{place} takes less" for place in [*gone, *added]]


_PLAIN = Schema({("t", "a"): Column("text"), ("t", "b"): Column("text")}, {("t", "ck_t_b"): {"x", "y"}})


@pytest.mark.parametrize(
    "new",
    [
        Schema({("t", "b"): Column("text")}, _PLAIN.words),
        Schema(_PLAIN.columns | {("t", "a"): Column("int4")}, _PLAIN.words),
        Schema(_PLAIN.columns | {("t", "a"): Column("text", nullable=False)}, _PLAIN.words),
        Schema(_PLAIN.columns | {("t", "new"): Column("text", nullable=False)}, _PLAIN.words),
        Schema(_PLAIN.columns, {("t", "ck_t_b"): {"x"}}),
        Schema(_PLAIN.columns, _PLAIN.words | {("t", "ck_t_a"): {"x"}}),
    ],
)
def test_a_change_that_would_break_it_is_found(new: Schema) -> None:
    assert len(_breaks(_PLAIN, new)) == 1


def test_what_is_only_added_breaks_nothing() -> None:
    added = {("t", "new"): Column("text"), ("u", "a"): Column("text", nullable=False)}
    assert _breaks(_PLAIN, Schema(_PLAIN.columns | added, _PLAIN.words | {("t", "ck_t_new"): {"z"}})) == []
