"""Migrations go up, down and up again, and end where the models say."""

from __future__ import annotations

import asyncio
import base64
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncSession

from db import migrate
from db.engine import Database, asyncpg_dsn
from db.models import Base
from db.roles import verifier
from db.settings import OwnerSettings

ROOT = Path(__file__).parents[2]


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


def test_the_last_file_is_the_head() -> None:
    assert migrate.head() == ScriptDirectory.from_config(migrate.configuration()).get_current_head()


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


async def _migrate(url: str, key: str, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "db.migrate",
        cwd=ROOT,
        env={"DATABASE_URL": url, "ENCRYPTION_KEYS": key} | more,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_database_that_a_newer_release_has_migrated_is_left_as_it_is(
    owners_database: Database, owner_url: str, encryption_key: str
) -> None:
    async with owners_database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert await migrate.is_ready(session)
    process = await _migrate(owner_url, encryption_key)
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, complained) == (0, b"")
    assert b"9999" in said
    async with owners_database.begin() as session:
        assert await migrate.current(session) == "9999"


async def test_the_password_of_the_applications_role_is_changed_also_on_tables_of_a_newer_release(
    owners_database: Database, owner_url: str, encryption_key: str
) -> None:
    """After an update that was rolled back, keys are rotated by the release before."""
    stored = text("SELECT rolpassword FROM pg_authid WHERE rolname = 'rotated'")
    async with owners_database.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    url = owner_url.replace("//postgres@", "//rotated:{}@")
    try:
        seen = []
        for password in ("first", "second"):
            process = await _migrate(url.format(password), encryption_key, MIGRATE_DATABASE_URL=owner_url)
            await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 0
            async with owners_database.begin() as session:
                seen.append(str(await session.scalar(stored)))
                assert await migrate.current(session) == "9999"
        for password, verified in zip(("first", "second"), seen, strict=True):
            assert verified == verifier(password, base64.b64decode(verified.partition(":")[2].partition("$")[0]))
    finally:
        async with owners_database.begin() as session:
            await session.execute(text("DROP OWNED BY rotated"))
            await session.execute(text("DROP ROLE rotated"))


async def test_a_migrator_may_take_longer_than_anybody_else(owner_url: str, encryption_key: str) -> None:
    settings = OwnerSettings.model_validate({"database_url": owner_url, "encryption_keys": encryption_key})
    database = settings.owners_database("bilby migrate", statement_seconds=60)
    async with database.begin() as session:
        assert await session.scalar(text("SHOW statement_timeout")) == "1min"
    await database.close()


@pytest.mark.slow
async def test_a_second_migrator_waits_for_the_first(
    owners_database: Database, owner_url: str, encryption_key: str
) -> None:
    asked_at = text("SELECT max(query_start) FROM pg_stat_activity WHERE application_name LIKE 'bilby migrate%'")
    times = set[datetime | None]()
    async with owners_database.begin() as session:
        await session.execute(text(f"SELECT pg_advisory_xact_lock({migrate.ONE_AT_A_TIME})"))
        process = await _migrate(owner_url, encryption_key)
        async with asyncio.timeout(60):
            while len(times) < 10:  # it asks ten times a second whether it is its turn
                assert process.returncode is None
                async with owners_database.begin() as looking:
                    times.add(await looking.scalar(asked_at))
                await asyncio.sleep(0.05)
    assert await asyncio.wait_for(process.wait(), 60) == 0
