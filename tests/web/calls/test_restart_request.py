"""What Twilio is asked for when a live call needs another stream."""

from __future__ import annotations

from aiohttp import web

from provisioning.twilio.client import client_of
from sandbox.twilio.rest.registry import Passed
from tests.kit.vendors.twilio_customer import settings as account_of, town
from web.calls.stream_recovery import StreamRecovery
from web.config import SETTINGS, Settings
from web.resources import TWILIO


async def test_a_stream_started_by_rest_is_reported_from_sydney_and_repeated(settings: Settings) -> None:
    public = "https://app.bilby.example"
    async with town() as (emulator, customer):
        account = account_of(customer)
        values = settings.model_dump() | {
            "twilio_account_sid": account.account_sid,
            "twilio_api_key_sid": account.api_key_sid,
            "twilio_api_key_secret": account.api_key_secret,
            "twilio_api_base": emulator.url,
            "web_public_url": public,
        }
        app, passed = web.Application(), list[Passed]()
        app[SETTINGS] = Settings.model_validate(values)
        customer.says("/voice", "<Pause length='600'/>")
        call = emulator.place_call().sid
        emulator.registry.watchers.append(passed.append)
        async with client_of(app[SETTINGS]) as app[TWILIO]:
            await StreamRecovery(app)._order(call, "MZ1", "ticket")
    (asked,) = passed
    assert asked.form["StatusCallback"] == f"{public}/twilio/stream/status#e=sydney&rc=3&rp=5xx,ct,rt"
