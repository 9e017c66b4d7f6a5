"""What the worker says of itself, for health checks: ``/healthz`` and ``/readyz`` on ``PROVISIONING_PORT``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from db import migrate
from db.engine import Database, DatabaseUnavailableError
from provisioning.config import Settings
from runtime.settings import stop

READY_SECONDS = 3.0

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def status(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Answer health checks as long as this is open; nothing listens where the setting is 0."""
    if not settings.provisioning_port:
        yield
        return

    async def ready(_: web.Request) -> web.Response:
        is_ready = await _is_ready(database)
        return web.json_response({"database": is_ready}, status=200 if is_ready else 503)

    app = web.Application()
    app.add_routes([web.get("/healthz", _alive), web.get("/readyz", ready)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, port=settings.provisioning_port).start()
        except OSError as error:
            stop(
                "provisioning", f"PROVISIONING_PORT: can not listen on {settings.provisioning_port}: {error.strerror}"
            )
        _log.info("listening", port=settings.provisioning_port)
        yield
    finally:
        await runner.cleanup()


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _is_ready(database: Database) -> bool:
    """Whether jobs can be done: the database answers, and has the tables that this code expects."""
    try:
        async with asyncio.timeout(READY_SECONDS), database.begin() as session:
            return await migrate.is_ready(session)
    except (DatabaseUnavailableError, TimeoutError):
        return False
