"""``python -m web``: serve until SIGTERM or SIGINT, then finish what is under way."""

from __future__ import annotations

import asyncio
import signal

import structlog
import uvloop
from aiohttp import web

from runtime import logs
from runtime.settings import stop
from web import config
from web.app import create_app
from web.config import Settings

_FINISH_SECONDS = 10.0  # for requests under way; Twilio waits no longer than 15 for any

_log = structlog.get_logger(__name__)


def main() -> None:
    """The process."""
    settings = config.read()
    logs.configure(settings.log_level)
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    runner = web.AppRunner(create_app(settings), access_log=None, shutdown_timeout=_FINISH_SECONDS)
    await runner.setup()
    try:
        await _listen(runner, settings)
        await stopped.wait()
        _log.info("stopping")
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    site = web.TCPSite(runner, settings.web_host, settings.web_port)
    try:
        await site.start()
    except OSError as error:
        stop(
            "web", f"WEB_HOST, WEB_PORT: can not listen on {settings.web_host}:{settings.web_port}: {error.strerror}"
        )
    _log.info("listening", addresses=[f"{address[0]}:{address[1]}" for address in runner.addresses])


if __name__ == "__main__":
    main()
