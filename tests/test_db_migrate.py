"""Migrations go up, down and up again, and end where the models say."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncSession

from db import migrate
from db.engine import Database, asyncpg_dsn
from db.models import Base


def _differences(connection: Connection) -> Any:
    ours = MigrationContext.configure(
        connection, opts={"include_name": lambda name, kind, _: not str(name).startswith("pgqueuer")}
    )
    return compare_metadata(ours, Base.metadata)


async def _tables(session: AsyncSession) -> set[str]:
    rows = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    return set(rows.all())


async def test_what_is_migrated_is_what_the_models_say(owners_database: Database) -> None:
    async with owners_database.begin() as session:
        assert await (await session.connection()).run_sync(_differences) == []
        assert await migrate.current(session) == migrate.head()


async def test_down_to_nothing_and_up_again(owners_database: Database) -> None:
    await migrate.downgrade(owners_database, "base")
    async with owners_database.begin() as session:
        assert await _tables(session) == {"alembic_version"}
        assert await migrate.current(session) is None
    await migrate.upgrade(owners_database)
    async with owners_database.begin() as session:
        assert await (await session.connection()).run_sync(_differences) == []


async def test_every_step_goes_back(owners_database: Database) -> None:
    await migrate.downgrade(owners_database, "-1")
    async with owners_database.begin() as session:
        assert await migrate.current(session) != migrate.head()
    await migrate.upgrade(owners_database)


async def test_several_may_migrate_at_once(owners_database: Database) -> None:
    await migrate.downgrade(owners_database, "base")
    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(migrate.upgrade(owners_database))
    async with owners_database.begin() as session:
        assert await migrate.current(session) == migrate.head()


async def test_the_job_engine_finds_the_tables_it_expects(database_url: str) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        plan = await Queries(AsyncpgDriver(connection)).plan_upgrade()
        assert list(plan.statements) == []
    finally:
        await connection.close()
