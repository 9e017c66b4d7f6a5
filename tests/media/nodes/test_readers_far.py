"""Agent, call and supervisor at different nodes: who reads along is shown, and lines arrive, wherever each is."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from protocol.tickets import sign_reading
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import SECRET, Node, media_node, media_process, scripted_vendor


@dataclass
class Pair:
    """Two nodes on one NATS."""

    nats: NatsServer
    vendor: Vendor
    nodes: tuple[Node, Node]


@pytest_asyncio.fixture
async def pair(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Pair]:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port()) as first,
        media_node(nats, vendor, port=free_port()) as second,
    ):
        for node in (first, second):
            await node.connected()
        yield Pair(nats, vendor, (first, second))


async def says(screen: Screen, **said: Any) -> None:
    await screen.socket.send(json.dumps(said))


async def reads(screen: Screen, call: str, *, shown: bool = True) -> None:
    await says(
        screen, type="read", ticket=sign_reading(SECRET, org="a", sub="sam", name="Sam", call=call, shown=shown)
    )


@pytest.mark.parametrize(
    ("at_call", "at_agent", "at_reader"), [(0, 0, 1), (0, 1, 0), (0, 1, 1)], ids=["reader", "agent", "call"]
)
async def test_each_may_be_at_another_node(pair: Pair, at_call: int, at_agent: int, at_reader: int) -> None:
    line = await pair.nodes[at_call].call(agent="bob")
    bob, sam = await pair.nodes[at_agent].screen("bob", "agent"), await pair.nodes[at_reader].screen()
    for screen in (bob, sam):
        await screen.until(lambda screen=screen: line.call in screen.calls())  # type: ignore[misc]
    await reads(sam, line.call)
    await bob.until(lambda: bob.readers(line.call) == ["Sam"])
    await says(sam, type="write", call=line.call, text="offer the discount")
    for screen in (bob, sam):
        await screen.until(lambda screen=screen: screen.lines(line.call) == ["offer the discount"])  # type: ignore[misc]
    await says(sam, type="leave", call=line.call)
    await bob.until(lambda: not bob.readers(line.call))


async def test_who_is_not_to_be_shown_is_not_shown_at_the_other_node(pair: Pair) -> None:
    first, second = pair.nodes
    line = await first.call(agent="bob")
    bob, sam = await first.screen("bob", "agent"), await second.screen()
    await sam.until(lambda: line.call in sam.calls())
    await reads(sam, line.call, shown=False)
    await says(sam, type="write", call=line.call, text="hello")
    await bob.until(lambda: bob.lines(line.call) == ["hello"])
    assert not bob.readers(line.call)


async def test_a_line_moves_with_its_call_to_a_node_that_nobody_watched_at(pair: Pair) -> None:
    first, second = pair.nodes
    began = round(time.time() * 1000)
    line = await first.call(agent="bob")
    bob, sam = await first.screen("bob", "agent"), await first.screen()
    await reads(sam, line.call)
    await says(sam, type="write", call=line.call, text="offer the discount")
    await bob.until(lambda: bob.lines(line.call) == ["offer the discount"])
    await second.call(sid=line.call, agent="bob", began=began)
    await line.closed_with()
    again = await second.screen("bob", "agent")
    await again.until(lambda: again.lines(line.call) == ["offer the discount"])
    await again.until(lambda: again.readers(line.call) == ["Sam"])


@pytest.mark.slow
async def test_whoever_read_at_a_node_that_died_is_shown_no_longer(pair: Pair, free_port: Callable[[], int]) -> None:
    [first, _] = pair.nodes
    line = await first.call(agent="bob")
    bob = await first.screen("bob", "agent")
    async with media_process(pair.nats, pair.vendor, free_port()) as distant:
        sam = await distant.screen()
        await sam.until(lambda: line.call in sam.calls())
        await reads(sam, line.call)
        await bob.until(lambda: bob.readers(line.call) == ["Sam"])
        await distant.crash()
    await bob.until(lambda: not bob.readers(line.call))
