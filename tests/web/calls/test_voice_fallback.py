"""Web does not answer a call at first: the number's fallback keeps the caller until they are connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from db.engine import Database
from provisioning.twilio import webhook_url
from sandbox.twilio.emulator import Behaviour, Number, TwilioSettings, twilio
from sandbox.twilio.phone.leg import Leg
from tests.kit.vendors.twilio_caller import available, calls
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings

SECONDS = 60


async def test_who_stays_on_the_line_is_connected_once_web_answers(
    site: Site, settings: Settings, cast: Cast, database: Database, free_port: Callable[[], int]
) -> None:
    await available(database, cast.bob)
    away = f"http://127.0.0.1:{free_port()}"
    number = Number(
        cast.number.e164,
        voice_url=away + webhook_url.VOICE,
        voice_fallback_url=site.url + webhook_url.FALLBACK,
    )
    account = TwilioSettings(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_tokens[0].get_secret_value(),
        api_key_sid=settings.twilio_api_key_sid,
        api_key_secret=settings.twilio_api_key_secret.get_secret_value(),
        twiml_app_sid=settings.twilio_twiml_app_sid,
        numbers=(number,),
        port=0,
        speed=20.0,
        agent=Behaviour(after=0.1),
    )
    async with twilio(account) as emulator:
        answered = asyncio.Event()

        def watch(leg: Leg) -> None:
            if leg.parent is not None:
                leg.watchers.append(lambda _, event: answered.set() if event == "answered" else None)

        emulator.exchange.arrivals.append(watch)
        caller = emulator.place_call()
        await asyncio.wait_for(answered.wait(), SECONDS)
    (call,) = await calls(database)
    assert call.call_sid == caller.sid
    assert call.direction == "inbound"
