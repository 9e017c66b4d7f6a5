"""Provisioning's worker alone, that takes over a dead one's job after a second instead of half a minute."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from provisioning import config
from provisioning.config import Settings
from provisioning.schedule import open_handlers
from provisioning.worker import Timing, work
from runtime import garbage


def main() -> None:
    """Run it until it is killed."""
    asyncio.run(_work(config.read()))


async def _work(settings: Settings) -> None:
    timing = Timing(heartbeat=timedelta(seconds=1), poll=timedelta(milliseconds=200))
    database = settings.database("bilby provisioning", pool_size=8)
    async with open_handlers(settings, database) as handlers:
        garbage.tune()
        await work(settings.database_url.get_secret_value(), database, handlers, asyncio.Event(), timing)
