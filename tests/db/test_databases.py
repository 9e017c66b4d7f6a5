"""The databases that tests are given: empty, with the schema of the migrations, whatever the test before has done."""

from __future__ import annotations

import asyncpg
import pytest

from db.engine import asyncpg_dsn
from tests.kit.databases import Databases

COUNT = "SELECT count(*) FROM organisations"
INSERT = "INSERT INTO organisations (id, name, status, time_zone) VALUES (gen_random_uuid(), 'A', 'active', 'UTC')"


async def use(databases: Databases, *statements: str) -> tuple[str, int]:
    """Run ``statements`` in a database, hold a transaction open at the end; its name, and its rows at first."""
    async with databases.lend() as url:
        connection = await asyncpg.connect(asyncpg_dsn(url))
        name, rows = await connection.fetchval("SELECT current_database()"), await connection.fetchval(COUNT)
        for statement in statements:
            await connection.execute(statement)
        await connection.execute(f"BEGIN; LOCK organisations; {COUNT}")
    return name, rows


async def test_rows_and_open_transactions_are_gone(databases: Databases) -> None:
    name, rows = await use(databases, INSERT)
    assert rows == 0
    assert await use(databases) == (name, 0)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE organisations ADD COLUMN more text",
        "ALTER TABLE organisations ADD COLUMN more text; ALTER TABLE organisations DROP COLUMN more",
        "CREATE TABLE more (id int)",
        "REVOKE DELETE ON calls FROM bilby_app",
        "UPDATE alembic_version SET version_num = '0000'",
        "DROP TABLE alembic_version",
        "ALTER TABLE organisations DISABLE TRIGGER ALL",
    ],
)
async def test_a_changed_schema_is_not_used_again(databases: Databases, change: str) -> None:
    name, _ = await use(databases, change)
    assert (await use(databases))[0] != name
