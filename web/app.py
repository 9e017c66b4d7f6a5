"""The application of one web process: routes, middlewares, and resources that live as long as the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from db.engine import Database
from provisioning.mail import Mailer
from provisioning.stripe import api as stripe_api
from provisioning.twilio import numbers_api
from provisioning.twilio.client import client_of
from web.billing import checkout, page as billing_page, webhook as billing_webhook
from web.bus import Facts
from web.calls import (
    availability,
    console,
    dial_check,
    living,
    log as calls_log,
    status_callbacks,
    stop_words,
    tokens,
    voice,
)
from web.calls.stream_recovery import StreamRecovery
from web.check import page as check_page
from web.config import Settings
from web.numbers import page as numbers_page
from web.organisation import audit as organisation_audit, onboarding, settings as organisation_settings
from web.organisation.onboarding_events import Progress
from web.people import account, public_pages, sign_in, sign_up, signed_in, team
from web.request import health, keys, render as request_render, static_files
from web.request.background import background_tasks
from web.request.connections import Connections, attend
from web.request.middlewares import answer_errors, guard, know, note
from web.request.static_files import StaticFiles

_LARGEST_BODY = 256 * 1024  # bytes


def create_app(settings: Settings, connections: Connections | None = None) -> web.Application:
    """Return the application, its sockets limited by ``connections``.

    It starts without a database or NATS, and uses them once they are reachable.
    """
    app = web.Application(middlewares=[attend, note, answer_errors], client_max_size=_LARGEST_BODY)
    app[keys.settings] = settings
    app[keys.connections] = connections or Connections()
    app[keys.draining] = asyncio.Event()
    app[keys.static_files] = StaticFiles(request_render.STATIC)
    app[keys.templates] = request_render.environment(app[keys.static_files])
    app[keys.mailer] = Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)
    guard(app, settings)
    for module in (
        public_pages,
        console,
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
        console,
        dial_check,
        living,
        calls_log,
        voice,
        status_callbacks,
        numbers_page,
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
    app[keys.progress] = Progress()
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.extend([_database, _twilio, _phone_numbers, _stripe, _facts, _background])
    return app


async def _database(app: web.Application) -> AsyncIterator[None]:
    database: Database = app[keys.settings].database("bilby web")
    app[keys.database] = database
    yield
    await database.close()


async def _twilio(app: web.Application) -> AsyncIterator[None]:
    async with client_of(app[keys.settings]) as client:
        app[keys.twilio] = client
        yield


async def _phone_numbers(app: web.Application) -> AsyncIterator[None]:
    async with numbers_api.opened(app[keys.settings]) as api:
        app[keys.phone_numbers] = api
        yield


async def _stripe(app: web.Application) -> AsyncIterator[None]:
    settings = app[keys.settings]
    key = settings.stripe_secret_key.get_secret_value()
    async with stripe_api.opened(key, settings.stripe_price_id, settings.stripe_api_base) as api:
        app[keys.stripe] = api
        yield


async def _end_streams(app: web.Application) -> None:
    app[keys.progress].close()


async def _facts(app: web.Application) -> AsyncIterator[None]:
    app[keys.stream_recovery] = recovery = StreamRecovery(app)
    app[keys.stream_stops] = stops = stop_words.StreamStops(app)
    url = app[keys.settings].nats_url.get_secret_value()
    app[keys.bus] = facts = Facts(url, partial(status_callbacks.take_fact, app), recovery.alive, recovery.note)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part) for part in (facts.run(), recovery.run(), stops.run())]
        yield
        for task in running:
            task.cancel()


async def _background(app: web.Application) -> AsyncIterator[None]:
    async with background_tasks() as background:
        app[keys.background] = background
        yield
