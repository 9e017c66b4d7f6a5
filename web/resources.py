"""What the application borrows from the other packages: the database, and the clients of Twilio and Stripe.

Each is opened when the application starts and closed when it ends. Their classes do not know of an application, so
their keys stand here; every key of a class of web's own stands beside its class.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web
from twilio.rest import Client

from db.engine import Database
from provisioning.stripe import api as stripe_api
from provisioning.stripe.api import StripeApi
from provisioning.twilio import numbers_api
from provisioning.twilio.client import client_of
from provisioning.twilio.numbers_api import TwilioApi
from web.config import SETTINGS

DATABASE: web.AppKey[Database] = web.AppKey("database")
TWILIO: web.AppKey[Client] = web.AppKey("twilio")
PHONE_NUMBERS: web.AppKey[TwilioApi] = web.AppKey("phone_numbers")
STRIPE: web.AppKey[StripeApi] = web.AppKey("stripe")


def add_resources(app: web.Application) -> None:
    """Open all of them with ``app``, whose settings are there already."""
    app.cleanup_ctx.extend([_database, _twilio, _phone_numbers, _stripe])


async def _database(app: web.Application) -> AsyncIterator[None]:
    app[DATABASE] = database = app[SETTINGS].database("bilby web")
    yield
    await database.close()


async def _twilio(app: web.Application) -> AsyncIterator[None]:
    async with client_of(app[SETTINGS]) as client:
        app[TWILIO] = client
        yield


async def _phone_numbers(app: web.Application) -> AsyncIterator[None]:
    async with numbers_api.opened(app[SETTINGS]) as api:
        app[PHONE_NUMBERS] = api
        yield


async def _stripe(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    key = settings.stripe_secret_key.get_secret_value()
    async with stripe_api.opened(key, settings.stripe_price_id, settings.stripe_api_base) as api:
        app[STRIPE] = api
        yield
