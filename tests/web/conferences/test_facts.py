"""What media hears of a room, on a real NATS server: who speaks to the customer, and when they are on hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr

from db.engine import Database
from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import as_media, settled
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import SECONDS, RoomTown, commanded
from tests.kit.web.site import Browser
from web.bus import BUS
from web.config import Settings


@pytest_asyncio.fixture
async def settings(settings: Settings, nats_server: NatsServer) -> Settings:
    return settings.model_copy(update={"nats_url": SecretStr(nats_server.url("web"))})


@pytest_asyncio.fixture
async def media_bus(nats_server: NatsServer) -> AsyncIterator[Client]:
    """The bus as media sees it."""
    async with as_media(nats_server) as client:
        yield client


async def test_media_hears_who_speaks_and_of_holds(
    town: RoomTown, bob: Browser, media_bus: Client, cast: Cast, database: Database
) -> None:
    heard = {fact: await media_bus.subscribe(f"call.*.*.{fact}") for fact in ("assigned", "held", "resumed")}
    await settled(media_bus)
    async with asyncio.timeout(SECONDS):
        await town.site.app[BUS].ready.wait()

    async def next_of(fact: str) -> tuple[str, dict[str, object]]:
        message = await heard[fact].next_msg(SECONDS)
        return message.subject, json.loads(message.data)

    call, customer, _ = await town.talking(cast.bob)
    subject = f"call.{cast.a.id}.{customer.sid}"
    assert await next_of("assigned") == (f"{subject}.assigned", {"agent": str(cast.bob.id)})

    assert (await commanded(bob, call, "hold"))[0] == 200
    told, since = await next_of("held")
    assert (told, set(since)) == (f"{subject}.held", {"at"})
    assert (await commanded(bob, call, "resume"))[0] == 200
    told, until = await next_of("resumed")
    assert told == f"{subject}.resumed"
    assert int(str(since["at"])) <= int(str(until["at"]))

    to = {"member": str(cast.dana.id)}
    assert (await commanded(bob, call, "transfer", {"kind": "blind", "to": to}))[0] == 200
    await town.claim(call, cast.dana)
    town.joins(call, cast.dana)
    assert await next_of("assigned") == (f"{subject}.assigned", {"agent": str(cast.dana.id)})
