"""PgBouncer, the real one, between us and PostgreSQL: its session mode will do, any other is refused in one line."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from db.engine import Database, asyncpg_dsn
from db.pooling import TransactionModeError, refuse_transaction_mode
from provisioning.jobs import Payload, enqueue
from provisioning.worker import Handlers, work
from sandbox.engines.postgres import APPLICATION

ROOT = Path(__file__).parents[2]
SECONDS = 60
# As Debian has it, but for what a test needs: nobody's password is asked for, one port, no files.
_SETTINGS = """
[databases]
* = host={sockets} user={role}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 20
"""

pytestmark = pytest.mark.slow


@asynccontextmanager
async def _bouncer(folder: Path, url: str, port: int, mode: str) -> AsyncIterator[str]:
    """PgBouncer in front of the server of ``url``; the URL that leads through it."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    assert program, "PgBouncer is not installed: apt-get install pgbouncer"
    sockets, name = url.partition("?host=")[2], re.findall(r"@/(\w+)\?", url)[0]
    settings = folder / f"{mode}.ini"
    settings.write_text(_SETTINGS.format(sockets=sockets, role=APPLICATION, port=port, mode=mode))
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []  # as root it refuses, as PostgreSQL does
    process = await asyncio.create_subprocess_exec(program, "-q", *as_nobody, settings)
    through = f"postgresql+asyncpg://{APPLICATION}@127.0.0.1:{port}/{name}"
    try:
        await _answers(through)
        yield through
    finally:
        process.terminate()
        await process.wait()


async def _answers(url: str) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await (await asyncpg.connect(asyncpg_dsn(url))).close()
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_session_mode_will_do(
    tmp_path: Path, database_url: str, encryption_key: str, free_port: Callable[[], int]
) -> None:
    stop, done = asyncio.Event(), list[str]()

    async def do(_: Database, payload: Payload) -> None:
        done.append(payload["n"])
        stop.set()

    async with _bouncer(tmp_path, database_url, free_port(), "session") as url:
        await refuse_transaction_mode(url)
        database = Database(url, [encryption_key], statement_seconds=7)
        async with database.begin() as session:
            assert await session.scalar(text("SHOW statement_timeout")) == "7s"
            assert await session.scalar(text("SHOW lock_timeout")) == "4s"
        async with database.try_lock("one") as first, database.try_lock("one") as second:
            assert (first, second) == (True, False)
        async with database.begin() as session:
            await enqueue(session, "count", {"n": "1"}, "1")
        async with asyncio.timeout(SECONDS):
            await work(url, database, Handlers({"count": do}, {}), stop)
        assert done == ["1"]
        await database.close()


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_any_other_mode_is_refused(
    tmp_path: Path, database_url: str, free_port: Callable[[], int], mode: str
) -> None:
    async with _bouncer(tmp_path, database_url, free_port(), mode) as url:
        with pytest.raises(TransactionModeError):
            await refuse_transaction_mode(url)


async def test_a_process_says_so_in_one_line(
    tmp_path: Path, database_url: str, encryption_key: str, free_port: Callable[[], int]
) -> None:
    async with _bouncer(tmp_path, database_url, free_port(), "transaction") as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "provisioning",
            cwd=ROOT,
            env={"DATABASE_URL": url, "ENCRYPTION_KEYS": encryption_key},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await asyncio.wait_for(process.communicate(), SECONDS)
    assert (process.returncode, said.count(b"\n")) == (2, 1)
    assert said.startswith(b"provisioning: DATABASE_URL: ")


async def test_without_a_pooler_nothing_is_refused(database_url: str) -> None:
    await refuse_transaction_mode(database_url)


async def test_a_database_that_is_away_is_no_reason() -> None:
    await refuse_transaction_mode("postgresql://postgres@127.0.0.1:1/postgres")
