"""The application of one web process: routes, middlewares, and resources that live as long as the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from web.api import reference as api_reference, table as api_table
from web.billing import checkout, page as billing_page, webhook as billing_webhook
from web.billing.webhook import AT_ONCE, RECORDING
from web.bus import BUS, Bus
from web.calls import dial_ends, status_callbacks, voice
from web.calls.log import call_page, customer as call_customer, listing as call_log
from web.calls.routing import ROUTING
from web.calls.streams.recovery import STREAM_RECOVERY, StreamRecovery, Timing as RecoveryTiming
from web.calls.streams.stops import STREAM_STOPS, StreamStops
from web.check import page as check_page
from web.conferences import calling_out, commands as conference_commands, webhooks as conference_webhooks
from web.conferences.machine.due import LEASE
from web.conferences.performing import PERFORMER, Performer
from web.conferences.routing import RoomRouting
from web.config import SETTINGS, Settings
from web.console import (
    availability,
    dial_check,
    live_calls,
    page as console_page,
    recent,
    stop_words,
    test_call,
    tokens,
)
from web.contacts import (
    blocked,
    contact_page,
    exports as contacts_exports,
    merging,
    notes as contact_notes,
    page as contacts_page,
)
from web.facts import take_fact
from web.helping import (
    alerts,
    commands as helping_commands,
    notice,
    reading,
    settings as helping_settings,
    switch_off,
)
from web.integrations import endpoint as webhook_endpoint, keys as api_keys, webhooks
from web.numbers import hearing, hours, page as numbers_page, ringing, source as numbers_source
from web.numbers.vocabularies import VOCABULARIES, Vocabularies
from web.numbers.vocabulary_watch import VocabularyWatch
from web.operators import (
    account as operators_account,
    preflight as operators_preflight,
    second_factor as operators_second_factor,
    sign_in as operators_sign_in,
    tenants as operators_tenants,
)
from web.organisation import (
    audit as organisation_audit,
    closing,
    data,
    onboarding,
    phone_settings,
    settings as organisation_settings,
)
from web.organisation.onboarding_events import PROGRESS, Progress
from web.people import account, groups, public_pages, sign_in, sign_up, signed_in, team
from web.people.factor import asking, enrolment, resetting
from web.people.sso import routes as sso_routes, settings as sso_settings
from web.phone import claims, consoles, events as phone_events, wrap_up
from web.phone.boards import BOARDS, Boards
from web.phone.dispatcher import DISPATCHER, Dispatcher
from web.phone.nudges import Nudges
from web.phrases import page as phrases_page
from web.reports import page as reports_page
from web.request import render as request_render
from web.request.render import JINJA
from web.request.static_files import files as static_files
from web.request.static_files.files import STATIC_FILES, files_in
from web.resources import DATABASE, add_resources
from web.serving import health, status
from web.serving.connections import CONNECTIONS, Connections, attend
from web.serving.health import DRAINING
from web.serving.middlewares import answer_errors, guard, know, note, show_again
from web.serving.status import STATUS, Status

_LARGEST_BODY = 256 * 1024  # bytes
_WITH_ROUTES = (
    public_pages,
    console_page,
    test_call,
    sign_in,
    sign_up,
    signed_in,
    account,
    asking,
    enrolment,
    resetting,
    sso_routes,
    sso_settings,
    onboarding,
    checkout,
    billing_page,
    availability,
    stop_words,
    tokens,
    dial_check,
    live_calls,
    recent,
    consoles,
    phone_events,
    claims,
    wrap_up,
    call_log,
    call_page,
    call_customer,
    reports_page,
    voice,
    dial_ends,
    status_callbacks,
    conference_webhooks,
    conference_commands,
    calling_out,
    helping_commands,
    switch_off,
    reading,
    notice,
    helping_settings,
    alerts,
    numbers_page,
    hours,
    ringing,
    hearing,
    numbers_source,
    team,
    groups,
    organisation_settings,
    phone_settings,
    contacts_page,
    contacts_exports,
    merging,
    contact_page,
    contact_notes,
    blocked,
    data,
    closing,
    api_keys,
    webhooks,
    webhook_endpoint,
    organisation_audit,
    phrases_page,
    check_page,
    billing_webhook,
    api_reference,
    api_table,
    static_files,
    operators_sign_in,
    operators_second_factor,
    operators_account,
    operators_tenants,
    operators_preflight,
    status,
    health,
)


def create_app(
    settings: Settings,
    connections: Connections | None = None,
    *,
    lease: int = LEASE,
    recovery: RecoveryTiming = RecoveryTiming(),  # noqa: B008  (frozen)
) -> web.Application:
    """Return the application, its sockets limited by ``connections``.

    ``lease`` is that of its `Performer`, ``recovery`` the timing of its `StreamRecovery`.

    It starts without a database or NATS, and uses them once they are reachable.
    """
    app = web.Application(middlewares=[attend, note, answer_errors, show_again], client_max_size=_LARGEST_BODY)
    app[SETTINGS] = settings
    app[CONNECTIONS] = connections or Connections()
    app[DRAINING] = asyncio.Event()
    app[STATIC_FILES] = files_in(request_render.STATIC)
    app[JINJA] = request_render.environment(app[STATIC_FILES])
    guard(app, settings)
    for module in _WITH_ROUTES:
        app.add_routes(module.routes)
    if settings.call_routing == "rooms":
        app[ROUTING] = RoomRouting()
    know(app)
    app[RECORDING] = asyncio.Semaphore(AT_ONCE)
    app[PROGRESS] = Progress()
    app[STATUS] = Status()
    app[DISPATCHER] = Dispatcher(app)
    app[BOARDS] = Boards(app[DISPATCHER].nudge)
    app.on_shutdown.append(_end_streams)
    add_resources(app)
    app.cleanup_ctx.append(partial(_facts, lease=lease, timing=recovery))
    return app


async def _end_streams(app: web.Application) -> None:
    app[PROGRESS].close()
    app[BOARDS].close()


async def _facts(app: web.Application, lease: int, timing: RecoveryTiming) -> AsyncIterator[None]:
    app[STREAM_RECOVERY] = recovery = StreamRecovery(app, timing)
    app[STREAM_STOPS] = stops = StreamStops(app)
    app[PERFORMER] = performer = Performer(app, lease)
    boards, dispatcher = app[BOARDS], app[DISPATCHER]
    nudges = Nudges(app[DATABASE], dispatcher.nudge, dispatcher.nudge_all, me=dispatcher.name)
    url = app[SETTINGS].nats_url.get_secret_value()

    def alive(node: str) -> None:
        app[STATUS].alive()
        recovery.alive(node)
        watch.alive(node)

    app[BUS] = facts = Bus(url, partial(take_fact, app), alive, recovery.note)
    app[VOCABULARIES] = vocabularies = Vocabularies(facts.connection)
    watch = VocabularyWatch(app[DATABASE], vocabularies)
    phone = (performer.run(), boards.run(), dispatcher.run(), nudges.run())
    media = (facts.run(), recovery.run(), stops.run(), watch.run())
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part) for part in (*media, *phone)]
        yield
        for task in running:
            task.cancel()
