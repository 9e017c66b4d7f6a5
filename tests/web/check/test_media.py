"""The preflight's look at media: nodes that live, doors that lead to them, and what they say of Transcribe."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable

import nats
import pytest
import pytest_asyncio
from aiohttp import web

from tests.kit.media.media_node import Node
from web.check import media as check_media
from web.config import Settings


@pytest_asyncio.fixture
async def well(node: Node, settings: Settings) -> Settings:
    """Settings of a web process beside one media node."""
    await node.connected()
    values = settings.model_dump() | {"nats_url": node.nats.url("web"), "media_public_url": node.url}
    return Settings.model_validate(values)


@pytest_asyncio.fixture
async def stranger(free_port: Callable[[], int]) -> AsyncIterator[int]:
    """Something else that listens where media should, and answers everything."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<h1>It works!</h1>")

    app = web.Application()
    app.router.add_get("/{anything:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield port
    await runner.cleanup()


async def test_all_is_well(well: Settings) -> None:
    finding = await check_media.media(well)
    assert (re.findall(r"\d+", finding.said), finding.fix) == (["1"], "")
    finding = await check_media.transcribe(well)
    assert (re.findall(r"\d+", finding.said), finding.fix) == (["1"], "")


async def test_doors_that_lead_elsewhere(well: Settings, stranger: int, free_port: Callable[[], int]) -> None:
    for port, status in ((stranger, ["200"]), (free_port(), [])):
        astray = well.model_copy(update={"media_public_url": f"ws://127.0.0.1:{port}"})
        finding = await check_media.media(astray)
        assert (re.findall(r"HTTP (\d+)", finding.said), "MEDIA_PUBLIC_URL" in finding.fix) == (status, True)


async def test_no_node_and_no_nats(settings: Settings) -> None:
    assert "NATS_URL" in (await check_media.media(settings)).fix
    assert not (await check_media.transcribe(settings)).good


@pytest.mark.parametrize(
    ("beats", "facts"),
    [
        ({"b": {"transcribe": "AccessDeniedException"}}, ["1", "2", "AccessDeniedException"]),
        ({"b": {"transcribe": "Timeout", "gone": True}}, ["1"]),
        ({"b": {"calls": 3}}, ["2"]),
        ({"b": "what?"}, ["1"]),
    ],
)
async def test_what_nodes_say(well: Settings, node: Node, beats: dict[str, object], facts: list[str]) -> None:
    media = await nats.connect(node.nats.url("media"))
    looking = asyncio.get_running_loop().create_task(check_media.transcribe(well))
    while not looking.done():
        for name, beat in beats.items():
            await media.publish(f"node.{name}.alive", json.dumps(beat).encode())
        await asyncio.wait({looking}, timeout=0.1)
    await media.close()
    assert re.findall(r"\d+|[A-Z]\w+Exception", (await looking).said) == facts
