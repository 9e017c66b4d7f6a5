"""What Twilio is asked for when a live call needs another stream."""

from __future__ import annotations

from uuid import uuid4

from aiohttp import web

from provisioning.twilio.client import client_of
from sandbox.twilio.rest.registry import Passed
from tests.kit.vendors.twilio_customer import settings as account_of, town
from web.calls.stream_recovery import StreamRecovery
from web.calls.stream_start import stream_start
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
            start = stream_start(
                app[SETTINGS], org=uuid4(), call=call, direction="inbound", agent=None, name="after-MZ1"
            )
            await StreamRecovery(app)._order(call, start)
    (asked,) = passed
    assert (asked.form["Name"], asked.form["Track"]) == ("after-MZ1", "both_tracks")
    assert asked.form["Url"] == f"{settings.media_public_url}/twilio/stream"
    assert asked.form["StatusCallback"] == f"{public}/twilio/stream/status#e=sydney&rc=3&rp=5xx,ct,rt"
