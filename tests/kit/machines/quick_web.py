"""Web, whose requests to Twilio another process takes over three seconds after its death instead of fifteen."""

from __future__ import annotations

import asyncio

import uvloop
from aiohttp import web

from runtime import garbage
from web import config
from web.app import create_app
from web.config import Settings

_LEASE = 3_000


def main() -> None:
    """Run it until it is killed."""
    uvloop.run(_serve(config.read()))


async def _serve(settings: Settings) -> None:
    runner = web.AppRunner(create_app(settings, lease=_LEASE), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, settings.web_host, settings.web_port).start()
    garbage.tune()
    await asyncio.Event().wait()
