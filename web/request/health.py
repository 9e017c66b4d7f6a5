"""How the process does: alive, ready for requests, and in figures."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from db import migrate
from db.engine import DatabaseUnavailableError
from web.request import keys
from web.request.errors import NotFoundError

READY_SECONDS = 3.0
_nats = Gauge("bilby_web_nats_connected", "1 while this process is connected to NATS.")

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    """The process is up and its loop turns."""
    return web.json_response({"ok": True})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """Whether requests are to be sent here: not after we were told to end.

    NATS lost later is shown, but does not take us out: calls need no NATS.
    """
    bus = request.app[keys.bus]
    if request.app[keys.draining].is_set():
        return web.json_response({"draining": True}, status=503)
    checks = {"database": await _migrated(request.app), "nats": bus.ready.is_set()}
    answer = {**checks, "nats_connected": bus.connected}
    return web.json_response(answer, status=200 if all(checks.values()) else 503)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """For Prometheus, which asks us directly: what came through a proxy of ours came from outside."""
    if request.app[keys.settings].web_proxy_hops and "X-Forwarded-For" in request.headers:
        raise NotFoundError
    _nats.set(request.app[keys.bus].connected)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _migrated(app: web.Application) -> bool:
    """Whether the database answers, and is where this code expects it (or further: an update is under way)."""
    try:
        async with asyncio.timeout(READY_SECONDS), app[keys.database].begin() as session:
            return await migrate.is_ready(session)
    except (DatabaseUnavailableError, TimeoutError):
        return False
