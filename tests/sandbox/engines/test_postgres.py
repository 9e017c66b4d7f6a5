"""The embedded PostgreSQL comes up, keeps its rows, and comes back after anything, as root or not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from sandbox.engines.postgres import EmbeddedPostgres
from sandbox.engines.processes import StartError, command_line
from tests.kit.machines.ended import gone

# An owner that holds the server until it is killed, after telling where it is.
_OWNER = """
import asyncio, sys
from sandbox.engines.postgres import EmbeddedPostgres

async def hold():
    async with EmbeddedPostgres(sys.argv[1]) as postgres:
        print(postgres.dsn, flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "postgres"


@contextlib.asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def _write(dsn: str) -> None:
    async with _connected(dsn) as connection:
        await connection.execute("create table kept (line text)")
        await connection.execute("insert into kept values ('still here')")


async def _read(dsn: str) -> object:
    async with _connected(dsn) as connection:
        return await connection.fetchval("select line from kept")


def _server_pid(folder: Path) -> int:
    return int((folder / "cluster/postmaster.pid").read_text().split()[0])


def _mode_of_sockets(dsn: str) -> str | None:
    """The folder's mode as ls writes it; None if it is gone."""
    with contextlib.suppress(FileNotFoundError):
        return stat.filemode(Path(dsn.partition("host=")[2]).stat().st_mode)
    return None


async def test_keeps_its_rows_over_a_restart(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as postgres:
        await _write(postgres.dsn)
    async with EmbeddedPostgres(folder) as postgres:
        assert await _read(postgres.dsn) == "still here"


async def test_is_durable_speaks_utf8_and_hears_no_network(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as postgres, _connected(postgres.dsn) as connection:
        assert await connection.fetchval("show fsync") == "on"
        assert await connection.fetchval("show server_encoding") == "UTF8"
        assert await connection.fetchval("show listen_addresses") == ""


async def test_leaves_neither_process_nor_socket_behind(folder: Path) -> None:
    async with EmbeddedPostgres(folder) as postgres:
        dsn, pid = postgres.dsn, _server_pid(folder)
        assert _mode_of_sockets(dsn) == "drwx------"
    assert _mode_of_sockets(dsn) is None
    assert command_line(pid) == ""


async def test_two_servers_live_side_by_side(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "one") as one, EmbeddedPostgres(tmp_path / "two") as two:
        await _write(one.dsn)
        with pytest.raises(asyncpg.UndefinedTableError):
            await _read(two.dsn)


async def test_one_folder_has_one_owner(folder: Path) -> None:
    async with EmbeddedPostgres(folder):
        with pytest.raises(StartError, match=re.escape(str(folder))):
            async with EmbeddedPostgres(folder):
                pass


async def test_another_major_version_is_refused_in_a_sentence(folder: Path) -> None:
    (folder / "cluster").mkdir(parents=True)
    (folder / "cluster/PG_VERSION").write_text("15\n")
    with pytest.raises(StartError, match=r"\b15\b.*\b\d\d\b"):
        async with EmbeddedPostgres(folder):
            pass


async def test_an_interrupted_initdb_is_started_afresh(folder: Path) -> None:
    (folder / "cluster.new").mkdir(parents=True)
    (folder / "cluster.new/PG_VERSION").write_text("half")
    async with EmbeddedPostgres(folder) as postgres:
        await _write(postgres.dsn)


async def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    async with EmbeddedPostgres(folder):
        pass
    with (folder / "cluster/postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = nonsense\n")
    with pytest.raises(StartError, match="shared_buffers"):
        async with EmbeddedPostgres(folder):
            pass


@pytest.mark.parametrize("pid", ["1", str(os.getpid()), "999999999", "half a line", ""], ids=range(5))
async def test_a_stale_pid_file_is_not_believed(folder: Path, pid: str) -> None:
    """After a reboot the recorded pid may be anybody's, or nobody's."""
    async with EmbeddedPostgres(folder) as postgres:
        await _write(postgres.dsn)
        lines = (folder / "cluster/postmaster.pid").read_text().splitlines()
    (folder / "cluster/postmaster.pid").write_text("\n".join([pid, *lines[1:]]) + "\n")
    async with EmbeddedPostgres(folder) as postgres:
        assert await _read(postgres.dsn) == "still here"


async def _owner(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", _OWNER, folder, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    return owner, (await asyncio.wait_for(owner.stdout.readline(), 30)).decode().strip()


async def test_the_server_ends_with_a_killed_owner_and_comes_back(folder: Path) -> None:
    owner, dsn = await _owner(folder)
    pid = _server_pid(folder)
    await _write(dsn)
    owner.kill()
    await owner.wait()
    assert gone(pid) or sys.platform != "linux"
    async with EmbeddedPostgres(folder) as postgres:
        assert await _read(postgres.dsn) == "still here"
    assert _mode_of_sockets(dsn) is None


async def test_restarts_at_once_though_the_old_server_still_runs(folder: Path) -> None:
    owner, dsn = await _owner(folder)
    await _write(dsn)
    owner.kill()
    async with EmbeddedPostgres(folder) as postgres:
        assert await _read(postgres.dsn) == "still here"
    await owner.wait()


async def test_comes_back_after_the_server_itself_was_killed(folder: Path) -> None:
    owner, dsn = await _owner(folder)
    await _write(dsn)
    os.kill(_server_pid(folder), signal.SIGKILL)
    owner.kill()
    async with EmbeddedPostgres(folder) as postgres:
        assert await _read(postgres.dsn) == "still here"
    await owner.wait()
