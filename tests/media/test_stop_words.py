"""Stopping a call's transcription removes its words on every node and console, and nothing brings them back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats

from protocol.tickets import sign_stream
from sandbox.engines.nats import NatsServer
from sandbox.twilio.phone.media_stream import CONNECTED
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import SECRET, media_node, scripted_vendor
from tests.kit.media.nats import settled
from tests.kit.media.two_nodes import TwoNodes


async def stop(nodes: TwoNodes, call: str, **facts: Any) -> None:
    """Tell media what web tells it of a call whose transcription somebody has stopped."""
    await nodes.web.publish(f"call.a.{call}.stopped", json.dumps(facts).encode())


async def spoken(nodes: TwoNodes) -> tuple[Line, Screen, Screen]:
    """A call at the first node, its words on a screen of each."""
    near, far = await nodes.a.screen(), await nodes.b.screen()
    line = await nodes.a.call()
    await line.say("my number is four two")
    for screen in (near, far):
        await screen.until(lambda screen=screen: screen.words(line.call) == "my number is four two")  # type: ignore[misc]
    return line, near, far


def stopped(screen: Screen, call: str) -> bool:
    return {"type": "call.stopped", "call": call} in screen.events


async def test_the_words_are_gone_on_every_node_and_console(nodes: TwoNodes) -> None:
    line, near, far = await spoken(nodes)
    await stop(nodes, line.call)
    await near.until(lambda: stopped(near, line.call))
    await far.until(lambda: stopped(far, line.call))
    for node in (nodes.a, nodes.b):
        live = node.server.hub.find("a", line.call)
        assert live is not None
        assert (live.state, live.utterances, live.gaps) == ("stopped", {}, [])
        late = await node.screen()
        (view,) = late.events[0]["calls"]
        assert (view["state"], view["utterances"], view["gaps"]) == ("stopped", [], [])
    assert [event for event in near.events if event == {"type": "call.stopped", "call": line.call}] != []


async def test_no_word_comes_after_it_and_transcribe_is_let_go(nodes: TwoNodes) -> None:
    line, near, _ = await spoken(nodes)
    await line.say("half a", pause=False)
    await stop(nodes, line.call)
    await near.until(lambda: stopped(near, line.call))
    before = len([event for event in near.events if event["type"] in ("utterance", "gap")])
    await nodes.a.vendor.until(lambda: nodes.a.vendor.open == 0)
    await line.say("and this is a private matter")
    await line.closed_with()  # Twilio did not end the stream: media does
    after = [event for event in near.events if event["type"] in ("utterance", "gap")][before:]
    assert after == []
    assert nodes.a.vendor.opened == 1
    assert near.calls()[line.call]["state"] != "ended"
    assert not [event for event in near.events if event["type"] == "call.ended"]
    assert not nodes.a.server.admission.slots.held


async def test_web_is_told_that_transcription_is_over_and_why(nodes: TwoNodes) -> None:
    line, near, _ = await spoken(nodes)
    await stop(nodes, line.call)
    await near.until(lambda: stopped(near, line.call))
    await settled(nodes.web)
    async with asyncio.timeout(60):
        while not nodes.told(line.call, "ended"):  # noqa: ASYNC110  (it comes over a socket)
            await asyncio.sleep(0.01)
    assert [fact["reason"] for fact in nodes.told(line.call, "ended")] == ["stopped"]


async def test_it_stays_on_the_page_until_people_have_hung_up(nodes: TwoNodes) -> None:
    line, near, far = await spoken(nodes)
    await stop(nodes, line.call)
    await near.until(lambda: stopped(near, line.call))
    await line.hang_up()  # Twilio ended the stream, as it was asked to
    late = await nodes.a.screen()
    assert [view["state"] for view in late.events[0]["calls"]] == ["stopped"]
    await stop(nodes, line.call, over=True)
    await near.ended(line.call)
    await far.ended(line.call)
    assert near.events[-1]["reason"] == "stopped"
    assert nodes.a.server.hub.find("a", line.call) is None
    assert nodes.b.server.hub.find("a", line.call) is None


async def test_no_stream_of_it_opens_any_more_on_any_node(nodes: TwoNodes) -> None:
    """A reconnect, a ticket from before, a stream that web or another started: all the same."""
    line, near, _ = await spoken(nodes)
    began = round(time.time() * 1000)
    early = sign_stream(SECRET, org="a", call=line.call, direction="inbound", began=began)
    await stop(nodes, line.call)
    await near.until(lambda: stopped(near, line.call))
    for node in (nodes.a, nodes.b):
        again = await node.dial(line.call, {"ticket": early})
        await again.send(CONNECTED, again.writer.start())
        assert await again.closed_with() == 4401
        fresh = await node.call(sid=line.call, began=began)
        assert await fresh.closed_with() == 4401


async def test_a_call_that_moves_after_it_takes_no_words_along(nodes: TwoNodes) -> None:
    """One node missed the message: it keeps its words to itself, and learns of it by the first answer."""
    line, near, far = await spoken(nodes)
    nodes.b.server.hub.stop_words("a", line.call)
    await line.say("the first node still hears")
    await near.until(lambda: "still hears" in near.words(line.call))
    assert "still hears" not in far.words(line.call)
    live = nodes.b.server.hub.find("a", line.call)
    assert live is not None
    assert live.utterances == {}


async def test_a_call_that_waits_for_a_slot_leaves_the_line(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        media_node(server, vendor, port=free_port(), transcribe_max_streams=1) as node,
    ):
        await node.connected()
        first, second = await node.call(), await node.call()
        await vendor.until(lambda: vendor.opened == 1)
        screen = await node.screen()
        web = await nats.connect(server.url("web"))
        await web.publish(f"call.a.{second.call}.stopped", b"{}")
        await web.flush()
        await screen.until(lambda: stopped(screen, second.call))
        await first.hang_up()
        await screen.ended(first.call)
        third = await node.call()
        await third.say("next")
        await screen.until(lambda: screen.words(third.call) == "next")
        await web.close()
        assert vendor.opened == 2


async def test_draining_does_not_wait_for_it(nodes: TwoNodes) -> None:
    line, near, _ = await spoken(nodes)
    await stop(nodes, line.call)
    await near.until(lambda: stopped(near, line.call))
    async with asyncio.timeout(30):
        await nodes.a.server.drain(60)
