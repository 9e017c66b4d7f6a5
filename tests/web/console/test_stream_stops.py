"""Ending a stream at Twilio: repeated for as long as a repetition may help, as the start of one is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from pydantic import SecretStr

from provisioning.twilio.client import client_of
from sandbox.twilio.emulator import RestFault, Twilio
from tests.kit.vendors.twilio_customer import settings as account_of, town
from web.calls.streams.stops import StreamStops
from web.config import Settings
from web.resources import TWILIO

STREAM = r"/Streams/[^/]+\.json$"
WAIT = 60  # seconds that any one wait may take
PASSING = [(401, 20003), (403, 20003), (408, 20408), (429, 20429), (500, 20500), (502, 0), (503, 20503)]
FINAL = [(404, 20404), (400, 21220), (400, 20001)]


@pytest_asyncio.fixture
async def place(settings: Settings) -> AsyncIterator[tuple[Twilio, StreamStops]]:
    """Twilio, and the queue of stops that asks it."""
    async with town() as (emulator, customer):
        account = account_of(customer)
        reached = settings.model_copy(
            update={
                "twilio_account_sid": account.account_sid,
                "twilio_api_key_sid": account.api_key_sid,
                "twilio_api_key_secret": SecretStr(account.api_key_secret),
                "twilio_api_base": emulator.url,
            }
        )
        app = web.Application()
        stops = StreamStops(app, delays=(0.01, 0.01))
        async with client_of(reached) as app[TWILIO], asyncio.TaskGroup() as tasks:
            running = tasks.create_task(stops.run())
            yield emulator, stops
            running.cancel()


async def asked(emulator: Twilio, times: int) -> None:
    async with asyncio.timeout(WAIT):
        while emulator.registry.count("POST", STREAM) < times:  # noqa: ASYNC110 (the emulator has no event for it)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("status", "code"), PASSING)
async def test_a_stop_is_repeated_while_that_may_help(
    place: tuple[Twilio, StreamStops], status: int, code: int
) -> None:
    emulator, stops = place
    leg = emulator.place_call()
    emulator.registry.faults.append(RestFault("POST", STREAM, status=status, code=code))
    stops.order(leg.sid, "bilby")
    await asked(emulator, 2)


@pytest.mark.parametrize(("status", "code"), FINAL)
async def test_a_stop_that_can_not_succeed_is_not_repeated(
    place: tuple[Twilio, StreamStops], status: int, code: int
) -> None:
    emulator, stops = place
    leg = emulator.place_call()
    emulator.registry.faults.append(RestFault("POST", STREAM, status=status, code=code))
    stops.order(leg.sid, "bilby")
    await asked(emulator, 1)
    await asyncio.sleep(0.3)
    assert emulator.registry.count("POST", STREAM) == 1
