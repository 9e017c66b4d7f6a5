"""The process itself, as it is started in production, tells a program on loopback what happens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from db.engine import Database
from db.queries.integrations.webhooks import Webhooks
from db.queries.numbers import Numbers
from tests.kit.integrations.receiver import receiver
from tests.kit.web.cast import Cast

ROOT = Path(__file__).parents[3]


async def test_a_running_worker_delivers(
    database: Database, database_url: str, encryption_key: str, cast: Cast, free_port: Callable[[], int]
) -> None:
    environment = {
        "DATABASE_URL": database_url,
        "ENCRYPTION_KEYS": encryption_key,
        "WEB_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
    }
    async with receiver(free_port) as program:
        async with database.begin() as session:
            endpoint = await Webhooks(session, cast.a.id).add(
                url=program.url, types=["number.changed"], created_by=cast.alice.id
            )
            program.secrets = [endpoint.secret]
            await Numbers(session, cast.a.id).rename(cast.number.id, "Bookings")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "provisioning"), cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            (told,) = await program.until(1)
        finally:
            process.terminate()
            await process.wait()
    assert (told["type"], told["data"]["number"]["label"]) == ("number.changed", "Bookings")
    assert process.returncode == 0
