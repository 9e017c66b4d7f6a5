"""Two media nodes: consoles see the calls of both, and an outage of NATS disturbs neither."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest_asyncio
from nats.aio.msg import Msg

from protocol.tickets import sign_console, sign_stream
from sandbox.engines.nats import NatsServer
from sandbox.twilio.phone.media_stream import CONNECTED
from tests.kit.media.media_node import SECRET, Node, media_node, scripted_vendor
from tests.kit.media.nats import settled


@dataclass
class Pair:
    """Two nodes on one NATS."""

    a: Node
    b: Node
    nats: NatsServer


@pytest_asyncio.fixture
async def pair(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Pair]:
    async with (
        NatsServer(tmp_path, port=free_port()) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port()) as a,
        media_node(nats, vendor, port=free_port()) as b,
    ):
        await a.connected()
        await b.connected()
        yield Pair(a, b, nats)


async def test_words_cross_from_node_to_node(pair: Pair) -> None:
    near, far = await pair.a.screen(), await pair.b.screen()
    line = await pair.a.call()
    await line.say("heard on both nodes")
    for screen in (near, far):
        await screen.until(lambda screen=screen: screen.words(line.call) == "heard on both nodes")  # type: ignore[misc]
    await line.hang_up()
    await far.ended(line.call)


async def test_who_joins_late_on_another_node_sees_the_words_so_far(pair: Pair) -> None:
    near = await pair.a.screen()
    line = await pair.a.call(agent="bob")
    await line.say("said before")
    await near.until(lambda: near.words(line.call) == "said before")
    far, bob, dana = [
        await pair.b.screen(*who) for who in (("sam", "supervisor"), ("bob", "agent"), ("dana", "agent"))
    ]
    for screen in (far, bob):
        await screen.until(lambda screen=screen: screen.words(line.call) == "said before")  # type: ignore[misc]
    await line.say("and after")
    await bob.until(lambda: bob.words(line.call) == "said before and after")
    await far.until(lambda: far.words(line.call) == "said before and after")
    assert dana.calls() == {}


async def test_nothing_is_relayed_while_nobody_watches_elsewhere(pair: Pair) -> None:
    client = await nats.connect(pair.nats.url("media"))
    received: list[str] = []
    try:

        async def take(message: Msg) -> None:
            received.append(message.subject)

        await client.subscribe("transcript.>", cb=take)
        await settled(client)
        near = await pair.a.screen()
        line = await pair.a.call()
        await line.say("only here")
        await near.until(lambda: near.words(line.call) == "only here")
        await settled(client)
    finally:
        await client.close()
    assert received == []


async def test_a_ticket_used_on_one_node_opens_nothing_on_the_other(pair: Pair) -> None:
    watcher = await pair.b.screen()
    token = sign_stream(SECRET, org="a", call="CA1", direction="inbound")
    first = await pair.a.dial("CA1", {"ticket": token})
    await first.send(CONNECTED, first.writer.start())
    await watcher.until(lambda: "CA1" in watcher.calls())
    second = await pair.b.dial("CA1", {"ticket": token})
    await second.send(CONNECTED, second.writer.start())
    assert await second.closed_with() == 4401


async def test_consoles_and_calls_go_on_without_nats(pair: Pair) -> None:
    near = await pair.a.screen()
    line = await pair.a.call()
    assert pair.nats.child is not None
    pair.nats.child.process.kill()
    await pair.nats.child.process.wait()
    await line.say("nobody misses the bus")
    await near.until(lambda: near.words(line.call) == "nobody misses the bus")
    late = await pair.a.open_screen()
    await late.socket.send(json.dumps({"ticket": sign_console(SECRET, org="a", sub="alice", role="owner")}))
    await late.until(lambda: late.words(line.call) == "nobody misses the bus")
    await line.hang_up()
    await near.ended(line.call)
