"""Who is removed, signs out or is given another role loses the consoles open at that moment: over a real NATS."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import nats
import pytest
import pytest_asyncio

from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import settled
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.bus import BUS
from web.config import Settings

Browsers = Callable[[], Browser]
WAIT = 60  # seconds


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, server: NatsServer) -> Settings:
    ours = Settings.model_validate(settings.model_dump() | {"nats_url": server.url("web")})
    return settings.model_copy(update={"nats_url": ours.nats_url})


async def test_consoles_close(site: Site, server: NatsServer, cast: Cast, browser: Browsers) -> None:
    await asyncio.wait_for(site.app[BUS].ready.wait(), WAIT)
    client = await nats.connect(server.url("media"))
    heard = await client.subscribe("member.*.*.removed")
    await settled(client)
    alice, before = await browser().sign_in(cast.alice), round(time.time() * 1000)
    await alice.post(f"/team/{cast.bob.id}/role", data={"role": "agent"})  # what he is
    await alice.post(f"/team/{cast.charlie.id}/remove")  # not hers
    await alice.post(f"/team/{cast.bob.id}/role", data={"role": "supervisor"})
    await alice.post(f"/team/{cast.dana.id}/remove")
    await alice.post("/sign-out")
    closed = [await heard.next_msg(WAIT) for _ in range(3)]
    members = (cast.bob, cast.dana, cast.alice)
    assert [message.subject for message in closed] == [f"member.{cast.a.id}.{each.id}.removed" for each in members]
    times = [json.loads(message.data)["at"] for message in closed]
    assert before <= times[0] <= times[1] <= times[2] <= time.time() * 1000
    await client.close()
