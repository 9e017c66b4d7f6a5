"""What media hears of a room, on a real NATS server: who speaks to the customer, and when they are on hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest_asyncio
from nats.aio.client import Client
from pydantic import SecretStr

from db.engine import Database
from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import settled
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import SECONDS, RoomTown, commanded
from tests.kit.web.site import Browser
from web.bus import BUS
from web.config import Settings


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def settings(settings: Settings, server: NatsServer) -> Settings:
    return settings.model_copy(update={"nats_url": SecretStr(server.url("web"))})


@pytest_asyncio.fixture
async def media(server: NatsServer) -> AsyncIterator[Client]:
    client = await nats.connect(server.url("media"))
    yield client
    await client.close()


async def test_media_hears_who_speaks_and_of_holds(
    town: RoomTown, bob: Browser, media: Client, cast: Cast, database: Database
) -> None:
    heard = {fact: await media.subscribe(f"call.*.*.{fact}") for fact in ("assigned", "held", "resumed")}
    await settled(media)
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
