"""Who is removed, or given another role, loses the consoles that are open at that moment: over a real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import nats
import pytest
import pytest_asyncio

from sandbox.nats import NatsServer
from tests.bus import settled
from tests.cast import Cast
from tests.site import Browser, Site
from web import keys
from web.config import Settings

Browsers = Callable[[], Browser]
WAIT = 10  # seconds


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, server: NatsServer) -> Settings:
    ours = Settings.model_validate(settings.model_dump() | {"nats_url": server.url("web")})
    return settings.model_copy(update={"nats_url": ours.nats_url})


async def test_consoles_close(site: Site, server: NatsServer, cast: Cast, browser: Browsers) -> None:
    await asyncio.wait_for(site.app[keys.bus].ready.wait(), WAIT)
    client = await nats.connect(server.url("media"))
    heard = await client.subscribe("member.*.*.removed")
    await settled(client)
    alice = await browser().sign_in(cast.alice)
    await alice.post(f"/team/{cast.bob.id}/role", data={"role": "agent"})  # what he is
    await alice.post(f"/team/{cast.charlie.id}/remove")  # not hers
    await alice.post(f"/team/{cast.bob.id}/role", data={"role": "supervisor"})
    await alice.post(f"/team/{cast.dana.id}/remove")
    subjects = [(await heard.next_msg(WAIT)).subject for _ in range(2)]
    assert subjects == [f"member.{cast.a.id}.{member.id}.removed" for member in (cast.bob, cast.dana)]
    await client.close()
