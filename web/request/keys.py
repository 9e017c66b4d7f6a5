"""Typed keys of what is stored on the application and on a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from jinja2 import Environment
    from twilio.rest import Client

    from db.engine import Database
    from provisioning.mail import Mailer
    from provisioning.stripe.api import StripeApi
    from provisioning.twilio.numbers_api import TwilioApi
    from web.bus import Facts
    from web.calls.stop_words import StreamStops
    from web.calls.stream_recovery import StreamRecovery
    from web.config import Settings
    from web.organisation.onboarding_events import Progress
    from web.request.access import Viewer
    from web.request.background import BackgroundTasks
    from web.request.connections import Connections
    from web.request.session import SignIn
    from web.request.static_files import StaticFiles

settings: web.AppKey[Settings] = web.AppKey("settings")
connections: web.AppKey[Connections] = web.AppKey("connections")
draining: web.AppKey[asyncio.Event] = web.AppKey("draining")
"""Set when the process starts to drain; until it ends, requests are still answered."""
database: web.AppKey[Database] = web.AppKey("database")
bus: web.AppKey[Facts] = web.AppKey("bus")
progress: web.AppKey[Progress] = web.AppKey("progress")
stream_stops: web.AppKey[StreamStops] = web.AppKey("stream_stops")
stream_recovery: web.AppKey[StreamRecovery] = web.AppKey("stream_recovery")
mailer: web.AppKey[Mailer] = web.AppKey("mailer")
background: web.AppKey[BackgroundTasks] = web.AppKey("background")
twilio: web.AppKey[Client] = web.AppKey("twilio")
phone_numbers: web.AppKey[TwilioApi] = web.AppKey("phone_numbers")
stripe: web.AppKey[StripeApi] = web.AppKey("stripe")
templates: web.AppKey[Environment] = web.AppKey("templates")
static_files: web.AppKey[StaticFiles] = web.AppKey("static_files")

sign_in: web.RequestKey[SignIn | None] = web.RequestKey("sign_in")
"""The sign-in of the request's cookie, None without a valid one; absent until `session.read` ran."""
form: web.RequestKey[dict[str, str]] = web.RequestKey("form")
"""The fields that were sent; absent until `forms.field` has run."""
viewer: web.RequestKey[Viewer | None] = web.RequestKey("viewer")
"""The viewer, None if not signed in; absent until `access.current` has run."""
signed_by_twilio: web.RequestKey[bool] = web.RequestKey("signed_by_twilio")
"""True once `web.calls.twilio_request` has verified it; `access.by_number`, `by_member` and `by_call` need it."""
