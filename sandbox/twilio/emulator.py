"""The emulated Twilio: REST, signed webhooks, a telephone network, Media Streams, and the browser SDK's other end.

::

    place_call ─► calling ─► phone (obeys TwiML) ─┬─► dial ─► softphones (browsers) or simulated parties
    REST ───────► calls, participants ───────────►│         bridge joins two legs' voices
    browser ────► signalling ────────────────────►├─► conference: rooms, and a mixer for each
                                                  └─► streams ─► media_stream (one WebSocket to the product)
                                     webhook, callbacks: every request to the product, signed

    REST ───────► numbers, addresses, regulatory, routes (rest) ─► registry

What rings is in one `Exchange`, what was registered in one `Registry`. Another of Twilio's APIs is one more file with
``routes``, added to `ROUTES`.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from sandbox.audio.voice import frames
from sandbox.twilio.browser import signalling
from sandbox.twilio.faults import Faults
from sandbox.twilio.pages import (
    network as pages_network,
    numbers as pages_numbers,
    phone as pages_phone,
    telephone as pages_telephone,
)
from sandbox.twilio.phone import bridge, place_call
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import Leg, SpeakOn
from sandbox.twilio.rest import (
    account as rest_account,
    addresses,
    calls as rest_calls,
    conferences as rest_conferences,
    framework as rest_framework,
    numbers as rest_numbers,
    participants as rest_participants,
    regulatory,
    routes as rest_routes,
)
from sandbox.twilio.rest.call_rate import CALL_RATE, CallRate
from sandbox.twilio.rest.framework import US1_PORTS
from sandbox.twilio.rest.registry import REGISTRY, Registry, RestFault, keep_registry
from sandbox.twilio.settings import Behaviour, Number, TwilioSettings

__all__ = ["Behaviour", "Faults", "Leg", "Number", "Registry", "RestFault", "Twilio", "TwilioSettings", "twilio"]

ROUTES = (
    rest_account.routes,
    addresses.routes,
    rest_calls.routes,
    rest_conferences.routes,
    rest_participants.routes,
    rest_numbers.routes,
    regulatory.routes,
    rest_routes.routes,
    signalling.routes,
    pages_phone.routes,
    pages_telephone.routes,
    pages_numbers.routes,
    pages_network.routes,
)
MAX_UPLOAD = 256 * 1024 * 1024  # bytes: half an hour of the fattest WAV


class Twilio:
    """A running emulator, for tests and for whoever wires the sandbox."""

    def __init__(self, exchange: Exchange, registry: Registry, url: str, us1_url: str) -> None:
        self.exchange = exchange
        self.registry = registry
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
        return place_call.place_call(
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
async def twilio(settings: TwilioSettings, registry: Registry | None = None) -> AsyncIterator[Twilio]:
    """Run an emulator on ``settings.host``:``port``. Raise `OSError` when the port is taken."""
    registry = registry or Registry()
    failure: BaseException | None = None
    # A connection that is kept breaks when web ends; between Twilio and web stands a proxy that hides it.
    each_its_own = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(auto_decompress=True, connector=each_its_own) as http,
        asyncio.TaskGroup() as tasks,
    ):
        exchange = Exchange(settings, http, tasks)
        exchange.arrivals.append(functools.partial(bridge.attend, exchange))
        registry.load(exchange.numbers)
        regulatory.take_up(exchange, registry)
        runner = web.AppRunner(_app(exchange, registry), access_log=None, shutdown_timeout=1)
        try:
            await runner.setup()
            yield Twilio(exchange, registry, *await _listen(runner, settings))
        except BaseException as error:  # kept, so that the group does not wrap it
            failure = error
        await exchange.close()
        await runner.cleanup()
        exchange.stop()
    if failure is not None:
        raise failure


async def _listen(runner: web.AppRunner, settings: TwilioSettings) -> tuple[str, str]:
    """Return the URLs of au1's host and of us1's. Raise `OSError` when a port is taken."""
    ports = (settings.port, settings.us1_port)
    urls = []
    for port in ports:
        if port is None:
            continue
        await web.TCPSite(runner, settings.host, port).start()
        urls.append(f"http://{settings.host}:{runner.addresses[-1][1]}")
    runner.app[US1_PORTS].update(address[1] for address in runner.addresses[1:])
    return urls[0], urls[1] if len(urls) > 1 else ""


def _app(exchange: Exchange, registry: Registry) -> web.Application:
    app = web.Application(middlewares=[rest_framework.twilio_shape, keep_registry], client_max_size=MAX_UPLOAD)
    app[EXCHANGE], app[REGISTRY], app[US1_PORTS] = exchange, registry, set()
    app[CALL_RATE] = CallRate(exchange.clock, exchange.settings.calls_per_second)
    for routes in ROUTES:
        app.add_routes(routes)
    return app
