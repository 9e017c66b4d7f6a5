"""The worker's health checks and metrics: ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from db import migrate
from db.engine import Database, DatabaseUnavailableError
from provisioning import metrics
from provisioning.config import Settings
from runtime.settings import stop

READY_SECONDS = 3.0

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def status(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Answer health checks while the context is open; if the port is 0, listen nowhere."""
    if not settings.provisioning_port:
        yield
        return

    async def ready(_: web.Request) -> web.Response:
        is_ready = await _is_ready(database)
        return web.json_response({"database": is_ready}, status=200 if is_ready else 503)

    app = web.Application()
    app.add_routes([web.get("/healthz", _alive), web.get("/readyz", ready), web.get("/metrics", _figures)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, port=settings.provisioning_port).start()
        except OSError as error:
            stop(
                "provisioning", f"PROVISIONING_PORT: cannot listen on {settings.provisioning_port}: {error.strerror}"
            )
        _log.info("listening", port=settings.provisioning_port)
        yield
    finally:
        await runner.cleanup()


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _figures(_: web.Request) -> web.Response:
    return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _is_ready(database: Database) -> bool:
    """Return whether jobs can run: the database answers and has the schema that this code expects."""
    try:
        async with asyncio.timeout(READY_SECONDS), database.begin() as session:
            return await migrate.is_ready(session)
    except (DatabaseUnavailableError, TimeoutError):
        return False
