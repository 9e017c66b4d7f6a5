"""The emulated Twilio: REST, signed webhooks, a telephone network, Media Streams, and the browser SDK's other end.

::

    place_call ─► calling ─► phone (obeys TwiML) ─┬─► dial ─► softphones (browsers) or simulated parties
    REST ───────► twilio_calls ──────────────────►│         conversation joins two legs' voices
    browser ────► signalling ────────────────────►└─► streams ─► media_stream (one WebSocket to the product)
                                     webhook, callbacks: every request to the product, signed

    REST ───────► twilio_numbers, twilio_addresses, twilio_regulatory, twilio_routes ─► twilio_book

What rings is in one `Exchange`, what was registered in one `Book`. Another of Twilio's APIs is one more file with
``routes``, added to `ROUTES`.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from sandbox import (
    calling,
    conversation,
    phone_page,
    signalling,
    twilio_account,
    twilio_addresses,
    twilio_calls,
    twilio_control,
    twilio_numbers,
    twilio_regulatory,
    twilio_rest,
    twilio_routes,
)
from sandbox.exchange import Exchange
from sandbox.faults import Faults
from sandbox.keys import EXCHANGE
from sandbox.leg import Leg, SpeakOn
from sandbox.sound import frames
from sandbox.twilio_book import BOOK, Book, RestFault, keep_book
from sandbox.twilio_rest import US1_PORTS
from sandbox.twilio_settings import Manner, Number, TwilioSettings

__all__ = ["Book", "Faults", "Leg", "Manner", "Number", "RestFault", "Twilio", "TwilioSettings", "twilio"]

ROUTES = (
    twilio_account.routes,
    twilio_addresses.routes,
    twilio_calls.routes,
    twilio_numbers.routes,
    twilio_regulatory.routes,
    twilio_routes.routes,
    signalling.routes,
    phone_page.routes,
    twilio_control.routes,
)
MAX_UPLOAD = 256 * 1024 * 1024  # bytes: half an hour of the fattest WAV


class Twilio:
    """A running emulator, for tests and for whoever wires the sandbox."""

    def __init__(self, exchange: Exchange, book: Book, url: str, us1_url: str) -> None:
        self.exchange = exchange
        self.book = book
        self.url = url  # TWILIO_API_BASE
        self.us1_url = us1_url  # TWILIO_PURCHASE_BASE and its like; empty: there is no such host

    def place_call(
        self,
        *,
        to: str = "",
        from_: str = "",
        caller_audio: bytes | None = None,
        agent_audio: bytes | None = None,
        speak_on: SpeakOn = "bridge",
        hang_up_after: float | None = None,
        faults: Faults | None = None,
    ) -> Leg:
        """Call one of the account's numbers; see `calling.place_call`. Audio is raw 8 kHz mu-law."""
        return calling.place_call(
            self.exchange,
            to=to,
            from_=from_,
            caller=None if caller_audio is None else frames(caller_audio),
            agent=None if agent_audio is None else frames(agent_audio),
            speak_on=speak_on,
            hang_up_after=hang_up_after,
            faults=faults,
        )


@asynccontextmanager
async def twilio(settings: TwilioSettings, book: Book | None = None) -> AsyncIterator[Twilio]:
    """Run an emulator on ``settings.host``:``port``. Raises `OSError` when the port is taken."""
    book = book or Book()
    failure: BaseException | None = None
    async with aiohttp.ClientSession(auto_decompress=True) as http, asyncio.TaskGroup() as tasks:
        exchange = Exchange(settings, http, tasks)
        exchange.arrivals.append(functools.partial(conversation.attend, exchange))
        book.load(exchange.numbers)
        twilio_regulatory.take_up(exchange, book)
        runner = web.AppRunner(_app(exchange, book), access_log=None, shutdown_timeout=1)
        try:
            await runner.setup()
            yield Twilio(exchange, book, *await _listen(runner, settings))
        except BaseException as error:  # kept, so that the group does not wrap it
            failure = error
        await exchange.close()
        await runner.cleanup()
        exchange.stop()
    if failure is not None:
        raise failure


async def _listen(runner: web.AppRunner, settings: TwilioSettings) -> tuple[str, str]:
    """The URLs of au1's host and of us1's. Raises `OSError` when a port is taken."""
    ports = (settings.port, settings.us1_port)
    urls = []
    for port in ports:
        if port is None:
            continue
        await web.TCPSite(runner, settings.host, port).start()
        urls.append(f"http://{settings.host}:{runner.addresses[-1][1]}")
    runner.app[US1_PORTS].update(address[1] for address in runner.addresses[1:])
    return urls[0], urls[1] if len(urls) > 1 else ""


def _app(exchange: Exchange, book: Book) -> web.Application:
    app = web.Application(middlewares=[twilio_rest.twilio_shape, keep_book], client_max_size=MAX_UPLOAD)
    app[EXCHANGE], app[BOOK], app[US1_PORTS] = exchange, book, set()
    for routes in ROUTES:
        app.add_routes(routes)
    return app
