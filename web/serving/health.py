"""Health endpoints: liveness, readiness, metrics."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from db import migrate
from db.engine import DatabaseUnavailableError
from web.bus import BUS
from web.config import SETTINGS
from web.request.errors import NotFoundError
from web.resources import DATABASE

DRAINING: web.AppKey[asyncio.Event] = web.AppKey("draining")
"""Set when the process starts to drain; until it ends, requests are still answered."""
READY_SECONDS = 3.0
_nats = Gauge("bilby_web_nats_connected", "1 while this process is connected to NATS.")

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    """Answer 200 while the event loop runs."""
    return web.json_response({"ok": True})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """Answer 200 if this process should get requests, 503 if not: while it drains, or without its dependencies.

    Losing NATS later is reported but does not make it unready: calls work without NATS.
    """
    bus = request.app[BUS]
    if request.app[DRAINING].is_set():
        return web.json_response({"draining": True}, status=503)
    checks = {"database": await _migrated(request.app), "nats": bus.ready.is_set()}
    answer = {**checks, "nats_connected": bus.connected}
    return web.json_response(answer, status=200 if all(checks.values()) else 503)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Serve metrics to Prometheus, which connects directly: requests through our proxy come from outside."""
    if request.app[SETTINGS].web_proxy_hops and "X-Forwarded-For" in request.headers:
        raise NotFoundError
    _nats.set(request.app[BUS].connected)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _migrated(app: web.Application) -> bool:
    """Return whether the database answers with the expected schema, or a newer one during an update."""
    try:
        async with asyncio.timeout(READY_SECONDS), app[DATABASE].begin() as session:
            return await migrate.is_ready(session)
    except (DatabaseUnavailableError, TimeoutError):
        return False
