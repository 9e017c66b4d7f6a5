"""Web is away while a caller waits: who is thrown out of the conference comes back into the same room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from db.engine import Database
from provisioning.twilio import webhook_url
from sandbox.twilio.emulator import Number
from sandbox.twilio.webhooks.request import Failure
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown, emulated, present, web_process
from web.calls import twiml
from web.calls.voice import WAIT
from web.config import Settings


@asynccontextmanager
async def document_that_outlives_web(settings: Settings, port: int) -> AsyncIterator[str]:
    """Serve a number's fallback, as a proxy or a TwiML Bin does; its URL."""
    text = twiml.wait_and_try_again(WAIT, twiml.Callbacks(settings.web_public_url))

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/xml")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


async def test_who_is_thrown_out_of_the_conference_comes_back_into_the_room(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int]
) -> None:
    async with document_that_outlives_web(settings, free_port()) as fallback:
        voice = settings.web_public_url + webhook_url.VOICE
        number = Number(cast.number.e164, voice_url=voice, voice_fallback_url=fallback)
        async with emulated(settings, cast, numbers=(number,)) as emulator:
            settings = settings.model_copy(update={"twilio_api_base": emulator.url, "call_routing": "rooms"})
            async with web_process(settings) as site:
                await present(database, cast)
                town = RoomTown(emulator, site, database, cast)
                customer = await town.caller()
                call = await town.call_of(customer.sid)
                waits = town.participant(customer)
                assert waits is not None
            waits.refused = Failure(11200, "HTTP retrieval failure", "")  # what they hear was asked for in vain
            waits.left.set()
            await town.until(lambda: not town.is_in(customer))
            assert not customer.over.is_set(), "they are told to stay on the line"
            async with web_process(settings):
                await town.until(lambda: town.is_in(customer))
                room = await town.until_room(call, lambda room: room.customer.state == "joined")
            assert (room.phase, customer.over.is_set()) == ("waiting", False)
