"""A backup is one only if it can be restored: the shipped scripts against a real PostgreSQL, with its own tools."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, select

from db.engine import Database, asyncpg_dsn
from db.models import Backup, Member, Organisation
from sandbox.engines.postgres import EmbeddedPostgres, binaries
from tests.kit.web.cast import Cast

_SCRIPTS = Path(__file__).parents[2] / "deploy" / "backup"


@dataclass
class Keeper:
    """Runs the scripts on one database."""

    environment: dict[str, str]
    folder: Path
    database: str
    said: str = field(default="", init=False)

    async def run(self, script: str, *arguments: str, **changed: str) -> int:
        """Run ``deploy/backup/script``; its exit status. What it said is kept in `said`."""
        process = await asyncio.create_subprocess_exec(
            _SCRIPTS / script,
            *arguments,
            env=self.environment | changed,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        self.said = out.decode()
        assert process.returncode is not None
        return process.returncode

    @property
    def kept(self) -> list[str]:
        """The names of what lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def keeper(database_url: str, postgres: EmbeddedPostgres, tmp_path: Path) -> Keeper:
    name = asyncpg_dsn(database_url).partition("?")[0].rpartition("/")[2]
    sockets = postgres.dsn.rpartition("host=")[2]
    environment = {
        "PATH": f"{binaries()}:{os.environ['PATH']}",  # noqa: TID251 (the shell needs its own tools, too)
        "PGHOST": sockets,
        "PGUSER": "postgres",
        "PGDATABASE": name,
        "BACKUP_FOLDER": str(tmp_path / "backups"),
    }
    return Keeper(environment, tmp_path / "backups", name)


async def _databases(postgres: EmbeddedPostgres) -> set[str]:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


async def _backups(database: Database) -> int:
    async with database.begin() as session:
        return await session.scalar(select(func.count()).select_from(Backup)) or 0


async def test_a_backup_is_made_proved_noted_and_restored(
    keeper: Keeper, cast: Cast, database: Database, postgres: EmbeddedPostgres, encryption_key: str
) -> None:
    before = await _databases(postgres)
    assert await keeper.run("backup.sh", "once") == 0, keeper.said
    assert len(keeper.kept) == 1
    made = keeper.folder / keeper.kept[0]
    assert made.stat().st_mode & 0o077 == 0, "others may not read it"
    assert await _backups(database) == 1
    assert await _databases(postgres) == before, "the scratch database is gone"

    fresh = f"{keeper.database}_restored"
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f'CREATE DATABASE "{fresh}"')
    try:
        assert await keeper.run("restore.sh", str(made), PGDATABASE=fresh) == 0, keeper.said
        restored = Database(postgres.sqlalchemy_url.replace("@/postgres", f"@/{fresh}"), [encryption_key])
        async with restored.begin() as session:
            names = set(await session.scalars(select(Organisation.name)))
            assert names == {cast.a.name, cast.b.name}, "with the keys, every row can be read"
            assert await session.scalar(select(func.count()).select_from(Member)) == 5
        await restored.close()
        assert await keeper.run("restore.sh", str(made), PGDATABASE=fresh) == 1, "never over what is there"
    finally:
        await connection.execute(f'DROP DATABASE "{fresh}" WITH (FORCE)')
        await connection.close()


async def test_only_the_newest_are_kept(keeper: Keeper, cast: Cast) -> None:
    keeper.folder.mkdir()
    for day in range(10, 15):
        (keeper.folder / f"bilby-202601{day}T000000Z.dump").write_text("old")
    (keeper.folder / "notes.txt").write_text("not ours")
    assert await keeper.run("backup.sh", "once", BACKUP_KEEP="3") == 0, keeper.said
    dumps = [name for name in keeper.kept if name.endswith(".dump")]
    assert len(dumps) == 3
    assert dumps[:2] == ["bilby-20260113T000000Z.dump", "bilby-20260114T000000Z.dump"]
    assert "notes.txt" in keeper.kept


@pytest.mark.parametrize(
    "broken", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nwhile [ $1 != --file ]; do shift; done\necho half > $2\n"]
)
async def test_a_backup_that_cannot_be_restored_counts_for_nothing(
    keeper: Keeper, cast: Cast, database: Database, tmp_path: Path, broken: str, postgres: EmbeddedPostgres
) -> None:
    """pg_dump fails, or writes half a file and says that all is well."""
    before = await _databases(postgres)
    assert await keeper.run("backup.sh", "once") == 0, keeper.said
    first = keeper.kept
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pg_dump").write_text(broken)
    (tools / "pg_dump").chmod(0o755)
    assert await keeper.run("backup.sh", "once", PATH=f"{tools}:{keeper.environment['PATH']}") == 1
    assert [name for name in keeper.kept if name.endswith(".dump")] == first
    assert await _backups(database) == 1
    assert await _databases(postgres) == before


async def test_a_database_that_is_away_is_one_line_and_status_1(keeper: Keeper, tmp_path: Path) -> None:
    assert await keeper.run("backup.sh", "once", PGHOST=str(tmp_path)) == 1
    assert "backup failed:" in keeper.said.splitlines()[-1]


async def test_without_a_verb_it_says_how(keeper: Keeper) -> None:
    assert await keeper.run("backup.sh") == 2
