"""A card number that is said on a call is readable nowhere: on no console, in no snapshot, and not between nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nats
from nats.aio.msg import Msg

from sandbox.engines.nats import NatsServer
from tests.kit.media.media_node import Node, media_node, scripted_vendor
from tests.kit.media.nats import settled
from tests.kit.media.two_nodes import TwoNodes

_PIECES = re.compile(rb"4111.?1111|1111.?1111|five.one.oh.five.one.zero")


async def test_a_card_number_never_leaves_the_node_that_hears_it(nodes: TwoNodes) -> None:
    passed: list[bytes] = []

    async def take(message: Msg) -> None:
        passed.append(message.data)

    spy = await nats.connect(nodes.nats.url("media"))
    for subject in ("transcript.>", "_INBOX.>"):
        await spy.subscribe(subject, cb=take)
    await settled(spy)
    seen = await _say_it(nodes.a, nodes.b)
    await settled(spy)
    await spy.close()
    assert any(b"please" in message for message in passed), "the search works"
    assert [message for message in [*passed, *seen] if _PIECES.search(message)] == []


async def _say_it(first: Node, second: Node) -> list[bytes]:
    """Say two numbers, one with a pause in it, on a call that two nodes watch; return what consoles were sent."""
    near, far = await first.screen(), await second.screen()
    line = await first.call()
    await line.say("hello")
    await near.until(lambda: near.words(line.call) == "hello")
    await line.say("my card is 4111 1111")
    await line.say("1111 1111 please")
    await line.say("or five one oh five one zero five one oh five one zero five one oh zero", "outbound")
    await line.say("thank you", "outbound")
    for screen in (near, far):
        await screen.until(lambda screen=screen: "thank you" in screen.words(line.call, "agent"))  # type: ignore[misc]
        await screen.until(lambda screen=screen: "please" in screen.words(line.call, "caller"))  # type: ignore[misc]
        assert screen.words(line.call, "caller") == "hello my card is •••• •••• •••• •••• please"
        assert screen.words(line.call, "agent") == f"or {' '.join('•' * 16)} thank you"
    late = await second.screen()
    assert late.words(line.call) == far.words(line.call)
    await line.hang_up()
    await near.ended(line.call)
    return [str(event).encode() for screen in (near, far, late) for event in screen.events]


async def test_digits_at_the_end_of_a_call_are_shown_when_it_ends(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        media_node(server, vendor, port=free_port()) as node,
    ):
        await node.connected()
        screen = await node.screen()
        line = await node.call()
        await line.say("reference 58291736")
        await screen.until(lambda: any("••••••••" in str(event) for event in screen.events))
        await line.hang_up()
        await screen.ended(line.call)
        assert screen.words(line.call) == "reference 58291736"
