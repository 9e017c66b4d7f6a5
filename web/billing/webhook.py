"""Stripe's webhooks: proved to be Stripe's, read, recorded, put into the worker's queue, and answered.

Nothing is asked of Stripe here: it would wait for us while we wait for it. Stripe acts on the status: after 2xx it is
done with the event; after any other it sends the event again, for days. So a forged, stale or unreadable one is 400,
and one that could not be recorded is 503. What fails later is repeated by the worker, and admins see it.

Stripe may send hundreds at once. It can wait; callers cannot. So only `AT_ONCE` are recorded at a time, and most
connections to the database stay free for calls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web
from stripe import SignatureVerificationError, WebhookSignature

from provisioning.billing.events import Event, EventError, read, receive
from web.config import SETTINGS, Settings
from web.request.errors import InvalidError, UnavailableError
from web.request.forms import read_body
from web.resources import DATABASE

READ_SECONDS = 5.0
WAIT_SECONDS = 10.0  # to wait until earlier ones are recorded
AT_ONCE = 2
TOLERANCE_SECONDS = 300  # by which a signature may be old, as Stripe's own packages have it
_SIGNATURE = "Stripe-Signature"

RECORDING: web.AppKey[asyncio.Semaphore] = web.AppKey("webhooks_recording")
"""Lets `AT_ONCE` webhooks be recorded at a time."""

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@routes.post("/stripe/webhook")
async def take(request: web.Request) -> web.Response:
    """Record one event of Stripe's.

    Answer 200 once it is recorded, 400 for what Stripe did not send, and 503 if it cannot be recorded now: without
    the database or the webhook's secret, or while too many wait.
    """
    body = await read_body(request, seconds=READ_SECONDS)  # some kB; of an invoice with many lines some tens of them
    async with _recording(request.app[RECORDING]):
        event = _event(body, request.headers.get(_SIGNATURE, ""), request.app[SETTINGS])
        async with request.app[DATABASE].begin() as session:
            state = await receive(session, event)
    _log.info("stripe event", id=event.id, type=event.kind, state=state)
    return web.json_response({"state": state})


@asynccontextmanager
async def _recording(semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
    """Wait until one more webhook may be recorded, and have it count while the block runs.

    Raise `UnavailableError` after `WAIT_SECONDS`: Stripe sends the event again.
    """
    try:
        await asyncio.wait_for(semaphore.acquire(), WAIT_SECONDS)
    except TimeoutError:
        raise UnavailableError("Too many events at once.") from None
    try:
        yield
    finally:
        semaphore.release()


def _event(body: bytes, signature: str, settings: Settings) -> Event:
    """Return the event. Raise `InvalidError` unless Stripe signed it lately, `UnavailableError` without a secret."""
    secret = settings.stripe_webhook_secret.get_secret_value()
    if not secret:
        raise UnavailableError("STRIPE_WEBHOOK_SECRET is not set.")
    try:
        signature.encode("ascii")  # `verify_header` compares it in a way that raises for anything else
        text = body.decode()
        # Not `construct_event`: what it makes of the JSON is bound to one version of Stripe's API.
        WebhookSignature.verify_header(text, signature, secret, TOLERANCE_SECONDS)
        return read(json.loads(text))
    except SignatureVerificationError as error:
        _log.warning("stripe event refused", error=type(error).__name__)
        raise InvalidError("Not signed by Stripe, or signed too long ago.") from None
    except (ValueError, RecursionError, EventError):  # no UTF-8, no JSON, no event
        raise InvalidError("Not a Stripe event.") from None
