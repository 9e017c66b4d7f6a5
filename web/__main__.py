"""``python -m web``: serve until SIGTERM or SIGINT, drain, finish open requests. A second signal skips the drain."""

from __future__ import annotations

from runtime import garbage

garbage.pause()  # before the imports below

import asyncio

import structlog
import uvloop
from aiohttp import web

from db import pooling
from runtime.listening import raise_descriptor_limit, server_arguments
from runtime.process import observed
from runtime.settings import stop
from runtime.signals import watched
from runtime.tls import server_context
from web import config
from web.app import create_app
from web.config import Settings
from web.serving.connections import CONNECTIONS, Connections, Limits, listen
from web.serving.health import DRAINING
from web.serving.unparsable import server_log

_FINISH_SECONDS = 10.0  # for open requests; Twilio waits at most 15 s for an answer
_OTHER_DESCRIPTORS = 256  # reserved for the database, NATS, vendors and files

_log = structlog.get_logger(__name__)


def main() -> None:
    """Run the process."""
    settings = config.read()
    with observed("web", settings):
        pooling.check("web", settings.database_url.get_secret_value())
        uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    signals = watched()
    most = min(Limits().most, raise_descriptor_limit() - _OTHER_DESCRIPTORS)
    app = create_app(settings, Connections(Limits(most=most)))
    runner = web.AppRunner(app, access_log=None, logger=server_log(), shutdown_timeout=_FINISH_SECONDS)
    await runner.setup()
    try:
        server = await _listen(runner, settings)
        garbage.tune()
        async with app[CONNECTIONS].watched():
            await signals.first.wait()
            await signals.drain(_drain(app, settings.web_drain_seconds))
            _log.info("stopping")
            server.close()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> asyncio.Server:
    try:
        where = server_arguments(settings.web_host, settings.web_port)
        if settings.tls_folder:
            where["ssl"] = server_context(settings.tls_folder)
        server = await listen(runner, runner.app[CONNECTIONS], where)
    except OSError as error:
        at = f"{settings.web_host}:{settings.web_port}"
        stop("web", f"WEB_HOST, WEB_PORT: cannot listen on {at}: {error.strerror}")
    addresses = [each.getsockname() for each in server.sockets]
    _log.info("listening", addresses=[f"{address[0]}:{address[1]}" for address in addresses])
    return server


async def _drain(app: web.Application, seconds: float) -> None:
    """Answer requests for ``seconds`` more, while load balancers learn from /readyz to stop sending them."""
    app[DRAINING].set()
    _log.info("draining", seconds=seconds)
    await asyncio.sleep(seconds)


if __name__ == "__main__":
    main()
