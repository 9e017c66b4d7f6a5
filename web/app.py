"""The application of one web process: routes, middlewares, and resources that live as long as the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from web.billing import checkout, page as billing_page, webhook as billing_webhook
from web.billing.webhook import AT_ONCE, TURNS
from web.bus import BUS, Facts
from web.calls import dial_ends, log as calls_log, status_callbacks, voice
from web.calls.stream_recovery import STREAM_RECOVERY, StreamRecovery
from web.calls.stream_stops import STREAM_STOPS, StreamStops
from web.check import page as check_page
from web.config import SETTINGS, Settings
from web.console import (
    availability,
    dial_check,
    living,
    page as console_page,
    recent,
    stop_words,
    test_call,
    tokens,
)
from web.numbers import hours, page as numbers_page
from web.organisation import audit as organisation_audit, onboarding, settings as organisation_settings
from web.organisation.onboarding_events import PROGRESS, Progress
from web.people import account, public_pages, sign_in, sign_up, signed_in, team
from web.request import render as request_render, static_files
from web.request.render import JINJA
from web.request.static_files import STATIC_FILES, StaticFiles
from web.resources import add_resources
from web.serving import health
from web.serving.connections import CONNECTIONS, Connections, attend
from web.serving.health import DRAINING
from web.serving.middlewares import answer_errors, guard, know, note

_LARGEST_BODY = 256 * 1024  # bytes


def create_app(settings: Settings, connections: Connections | None = None) -> web.Application:
    """Return the application, its sockets limited by ``connections``.

    It starts without a database or NATS, and uses them once they are reachable.
    """
    app = web.Application(middlewares=[attend, note, answer_errors], client_max_size=_LARGEST_BODY)
    app[SETTINGS] = settings
    app[CONNECTIONS] = connections or Connections()
    app[DRAINING] = asyncio.Event()
    app[STATIC_FILES] = StaticFiles(request_render.STATIC)
    app[JINJA] = request_render.environment(app[STATIC_FILES])
    guard(app, settings)
    for module in (
        public_pages,
        console_page,
        test_call,
        sign_in,
        sign_up,
        signed_in,
        account,
        onboarding,
        checkout,
        billing_page,
        availability,
        stop_words,
        tokens,
        dial_check,
        living,
        recent,
        calls_log,
        voice,
        dial_ends,
        status_callbacks,
        numbers_page,
        hours,
        team,
        organisation_settings,
        organisation_audit,
        check_page,
        billing_webhook,
        static_files,
        health,
    ):
        app.add_routes(module.routes)
    know(app)
    app[TURNS] = asyncio.Semaphore(AT_ONCE)
    app[PROGRESS] = Progress()
    app.on_shutdown.append(_end_streams)
    add_resources(app)
    app.cleanup_ctx.append(_facts)
    return app


async def _end_streams(app: web.Application) -> None:
    app[PROGRESS].close()


async def _facts(app: web.Application) -> AsyncIterator[None]:
    app[STREAM_RECOVERY] = recovery = StreamRecovery(app)
    app[STREAM_STOPS] = stops = StreamStops(app)
    url = app[SETTINGS].nats_url.get_secret_value()
    app[BUS] = facts = Facts(url, partial(status_callbacks.take_fact, app), recovery.alive, recovery.note)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part) for part in (facts.run(), recovery.run(), stops.run())]
        yield
        for task in running:
            task.cancel()
