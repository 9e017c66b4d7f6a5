"""Who may open a console, and what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nats
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from media.sockets.console import ConsoleLimits
from protocol.tickets import sign_console, sign_stream
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_node import ORIGIN, SECRET, Node, media_node, scripted_vendor


async def test_who_joins_late_sees_the_words_so_far_and_who_may_not_sees_nothing(node: Node) -> None:
    early = await node.screen()
    line = await node.call(agent="bob")
    await line.say("said before anybody looked")
    await early.until(lambda: early.words(line.call) != "")
    late = await node.screen("alice", "owner")
    bob = await node.screen("bob", "agent")
    dana = await node.screen("dana", "agent")
    charlie = await node.screen("charlie", "owner", org="b")
    await line.say("and after")
    for screen in (late, bob):
        await screen.until(lambda screen=screen: "and after" in screen.words(line.call))  # type: ignore[misc]
        assert screen.words(line.call) == "said before anybody looked and after"
    await line.hang_up()
    await early.ended(line.call)
    assert dana.calls() == {}
    assert charlie.calls() == {}
    snapshot = (await node.screen("carol", "admin")).events[0]
    assert snapshot == {"type": "snapshot", "calls": []}


async def test_an_assignment_from_web_shows_the_agent_the_call(node: Node) -> None:
    bob = await node.screen("bob", "agent")
    line = await node.call()
    await line.say("who will answer me")
    web = await nats.connect(node.nats.url("web"))
    try:
        await web.publish(f"call.a.{line.call}.assigned", b'{"agent":"bob"}')
        await bob.until(lambda: "who will answer me" in bob.words(line.call))
    finally:
        await web.close()
    assert bob.types()[:2] == ["snapshot", "call.started"]


async def test_a_console_from_another_page_is_403(node: Node) -> None:
    for origin in ("http://evil.example", ORIGIN + ".evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            await node.open_screen(origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        await connect(f"{node.url}/console", proxy=None)


@pytest.mark.parametrize("hello", ["", "{}", "nonsense", '{"ticket":5}', '{"ticket":"x"}', b"binary", "stream"])
async def test_a_console_without_a_good_ticket_is_4401(node: Node, hello: str | bytes) -> None:
    screen = await node.open_screen()
    await screen.socket.send(
        json.dumps({"ticket": sign_stream(SECRET, org="a", call="CA1", direction="inbound")})
        if hello == "stream"
        else hello
    )
    assert await screen.closed_with() == 4401


async def test_a_console_ticket_works_once(node: Node) -> None:
    hello = json.dumps({"ticket": sign_console(SECRET, org="a", sub="m", role="owner")})
    first, second = await node.open_screen(), await node.open_screen()
    await first.socket.send(hello)
    await first.until(lambda: first.types() == ["snapshot"])
    await second.socket.send(hello)
    assert await second.closed_with() == 4401


async def test_a_console_that_brings_no_ticket_is_4401(tmp_path: Path, free_port: Callable[[], int]) -> None:
    limits = ConsoleLimits(ticket=0.2)
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), console_limits=limits) as node,
    ):
        screen = await node.open_screen()
        assert await screen.closed_with() == 4401
