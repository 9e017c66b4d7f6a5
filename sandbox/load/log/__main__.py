"""The call log and the dashboard with millions of calls: how long each page takes through web.

    python -m sandbox.load.log [--rows 10000000] [--folder DIR] [--pages 40]

Postgres is the sandbox's, with its own settings but for memory to build indexes. Ten million calls take about ten
minutes to make, and 20 GB of disk while it runs; ``--folder`` keeps them for the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import msgspec

from db import migrate, recount
from db.engine import Database
from sandbox.engines.postgres import EmbeddedPostgres
from sandbox.load.child import child, cpu_seconds, free_port
from sandbox.load.log.measure import PAGES, Measured, measure, recounting, table
from sandbox.load.log.rows import Filled, fill, person
from sandbox.load.phone.site import environment, signed_in
from web.config import Settings

ROWS = 10_000_000
_KEPT = "filled.json"
_NUMBERS_OF_CONTACT = 5
_SETTINGS = {
    "synchronous_commit": "off",
    "autovacuum": "off",  # its processor time would be counted
    "max_wal_size": "'8GB'",
    "maintenance_work_mem": "'1GB'",
}
_SIZES = """
SELECT pg_size_pretty(pg_table_size('calls')), pg_size_pretty(pg_indexes_size('calls')),
       (SELECT count(*) FROM pg_indexes WHERE tablename = 'calls')
"""


async def run(rows: int, folder: Path, pages: int = PAGES) -> list[Measured]:
    """Make and count the calls unless ``folder`` has them already, and measure. Print what was made."""
    port = free_port()
    async with EmbeddedPostgres(folder) as postgres:
        variables = environment(postgres.sqlalchemy_url, "http://127.0.0.1:1", port)
        variables["ENCRYPTION_KEYS"] = key = _key(folder, variables["ENCRYPTION_KEYS"])
        owner = await asyncpg.connect(postgres.dsn)
        for name, value in _SETTINGS.items():
            await owner.execute(f"ALTER SYSTEM SET {name} = {value}")
        await owner.execute("SELECT pg_reload_conf()")
        database = Database(postgres.sqlalchemy_url, [key], pool_size=2)
        filled = await _filled(database, owner, rows, folder)
        contact = await person(database, filled, _NUMBERS_OF_CONTACT)
        began = time.monotonic()
        await recount.settle(database)
        print(f"counted for the dashboard in {time.monotonic() - began:.0f} s", flush=True)
        await owner.execute("VACUUM (ANALYZE) call_counts, recounts", timeout=None)
        await owner.execute("DELETE FROM rate_limits")  # what the run before has used up
        heap, indexes, count = await owner.fetchrow(_SIZES)
        print(f"{rows:,} calls of one organisation: {heap}, and {indexes} in {count} indexes\n", flush=True)
        settings = Settings.model_validate({name.lower(): value for name, value in variables.items()})
        assert postgres.child is not None
        server = postgres.child.process.pid
        async with child([sys.executable, "-m", "web"], variables, port, signal.SIGTERM) as pid:
            http, _ = signed_in(settings, filled.owner)
            async with http:
                measured = await measure(http, filled, contact, lambda: _cpu(pid, server), pages=pages)
        print(f"{await recounting(database, filled, random.Random(1))}\n", flush=True)
        await owner.close()
        await database.close()
    return measured


def _cpu(web: int, postgres: int) -> float:
    """Return the processor time of web and of Postgres' processes, in seconds."""
    backends = Path(f"/proc/{postgres}/task/{postgres}/children").read_text().split()
    return cpu_seconds(web) + sum(map(cpu_seconds, map(int, backends)))


async def _filled(database: Database, owner: asyncpg.Connection, rows: int, folder: Path) -> Filled:
    await migrate.upgrade(database)
    kept = folder / _KEPT
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=Filled)
    began = time.monotonic()
    filled = await fill(database, owner, rows)
    print(f"made in {time.monotonic() - began:.0f} s", flush=True)
    kept.write_bytes(msgspec.json.encode(filled))
    return filled


def _key(folder: Path, new: str) -> str:
    """Return the key of the calls in ``folder``."""
    kept = folder / "key"
    if not kept.exists():
        kept.write_text(new)
    return kept.read_text()


def show(rows: int, folder: Path | None = None, pages: int = PAGES) -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as temporary:
        print(table(asyncio.run(run(rows, folder or Path(temporary), pages))))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the call log and the dashboard with many calls.")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--folder", type=Path, help="where the calls are kept for the next time")
    parser.add_argument("--pages", type=int, default=PAGES, help="how many of each filter")
    wanted = parser.parse_args()
    show(wanted.rows, wanted.folder, wanted.pages)


if __name__ == "__main__":
    main()
