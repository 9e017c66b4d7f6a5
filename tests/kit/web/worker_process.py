"""A worker in a process of its own, for tests that kill it with SIGKILL and let another go on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.kit.vendors.twilio_account import Account
from tests.kit.web.number_orders import WEB

ROOT = Path(__file__).parents[3]

# One that takes over a dead one's job after a second instead of half a minute.
WORKER = """
from runtime import garbage

garbage.rest()

import asyncio
from datetime import timedelta
from provisioning import config
from provisioning.schedule import open_handlers
from provisioning.worker import Timing, work

async def main(settings):
    timing = Timing(heartbeat=timedelta(seconds=1), poll=timedelta(milliseconds=200))
    database = settings.database("bilby provisioning", pool_size=8)
    async with open_handlers(settings, database) as handlers:
        url = settings.database_url.get_secret_value()
        garbage.tune()
        await work(url, database, handlers, asyncio.Event(), timing)

asyncio.run(main(config.read()))
"""


@asynccontextmanager
async def worker_process(
    place: Account, url: str, key: str, more: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """A worker on the database at ``url`` that buys at ``place``; ``more``: other settings. Killed on the way out."""
    settings = place.settings
    environment = {
        "DATABASE_URL": url,
        "ENCRYPTION_KEYS": key,
        "WEB_PUBLIC_URL": WEB,
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_API_KEY_SID": settings.twilio_api_key_sid,
        "TWILIO_API_KEY_SECRET": settings.twilio_api_key_secret.get_secret_value(),
        "TWILIO_API_BASE": settings.twilio_api_base,
        "TWILIO_BUNDLE_SID": settings.twilio_bundle_sid,
        "TWILIO_ADDRESS_SID": settings.twilio_address_sid,
        **(more or {}),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, cwd=ROOT, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield
        assert process.returncode is None
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
