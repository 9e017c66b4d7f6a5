"""A call on hold: no music and no aside becomes words, later words keep their times, and it holds on every node."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from media.speech.call import CallTiming
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import Distant, Node, media_node, media_process, scripted_vendor
from tests.kit.media.nats import settled

QUICK = CallTiming(takeover=0.5)


@dataclass
class Nodes:
    """Two nodes on one NATS, of which ``a`` can be killed, and web's connection to it."""

    a: Distant
    b: Node
    nats: NatsServer
    vendor: Vendor
    web: Client

    async def hold(self, call: str, at: int | None = None, fact: str = "held") -> int:
        """Report what web reports of a hold; return its time."""
        at = round(time.time() * 1000) if at is None else at
        await self.web.publish(f"call.a.{call}.{fact}", json.dumps({"at": at}).encode())
        await self.web.flush()
        return at

    async def resume(self, call: str, at: int | None = None) -> int:
        return await self.hold(call, at, "resumed")


@pytest_asyncio.fixture
async def nodes(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Nodes]:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        media_node(server, vendor, port=free_port(), call_timing=QUICK) as b,
        media_process(server, vendor, free_port()) as a,
    ):
        await b.connected()
        web = await nats.connect(server.url("web"))
        await settled(web)
        try:
            yield Nodes(a, b, server, vendor, web)
        finally:
            await web.close()


def state(screen: Screen, call: str) -> str:
    return str(screen.calls()[call]["state"])


async def shows(screen: Screen, call: str, wanted: str) -> None:
    await screen.until(lambda: call in screen.calls() and state(screen, call) == wanted)


async def spoken(nodes: Nodes) -> tuple[Line, Screen, Screen]:
    """A call at the first node with words on a screen of each."""
    near, far = await nodes.a.screen(), await nodes.b.screen()
    line = await nodes.a.call()
    await line.say("before")
    for screen in (near, far):
        await screen.until(lambda screen=screen: screen.words(line.call) == "before")  # type: ignore[misc]
    return line, near, far


async def test_what_is_heard_on_hold_is_no_words_on_either_side_and_the_clock_goes_on(nodes: Nodes) -> None:
    line, near, far = await spoken(nodes)
    await nodes.hold(line.call)
    for screen in (near, far):
        await shows(screen, line.call, "held")
    await line.say("a private aside")
    await line.say("music music music", "outbound")
    await nodes.resume(line.call)
    for screen in (near, far):
        await screen.until(lambda screen=screen: state(screen, line.call) != "held")  # type: ignore[misc]
    said_at = line.at_ms
    await line.say("and after")
    for screen in (near, far):
        await screen.until(lambda screen=screen: "after" in screen.words(line.call))  # type: ignore[misc]
        assert screen.words(line.call) == "before and after"
        assert screen.gaps(line.call) == []
        last = max(screen.calls()[line.call]["utterances"].values(), key=lambda spoken: spoken["start_ms"])
        assert abs(last["start_ms"] - said_at) < 400
    texts = [event["utterance"]["text"] for event in near.events if event["type"] == "utterance"]
    assert not any(word in text for text in texts for word in ("aside", "music"))


async def test_sound_that_is_lost_on_hold_leaves_no_gap(nodes: Nodes) -> None:
    line, near, _ = await spoken(nodes)
    await nodes.hold(line.call)
    await shows(near, line.call, "held")
    line.frames(b"\xff" * 8000)  # a second that never arrives
    await line.pause(2.0)
    await nodes.resume(line.call)
    await near.until(lambda: state(near, line.call) != "held")
    await line.say("after")
    await near.until(lambda: near.words(line.call) == "before after")
    await line.hang_up()
    await near.ended(line.call)
    assert near.gaps(line.call) == []


async def test_an_older_report_changes_nothing(nodes: Nodes) -> None:
    line, near, _ = await spoken(nodes)
    at = await nodes.hold(line.call)
    await shows(near, line.call, "held")
    await nodes.resume(line.call, at - 1)  # late
    await nodes.hold(line.call, at)  # twice
    await settled(nodes.web)
    await line.say("nobody hears this")
    late = await nodes.b.screen()
    await shows(late, line.call, "held")
    assert late.calls()[line.call]["held_at"] == at
    await nodes.resume(line.call, at + 1)
    await near.until(lambda: state(near, line.call) != "held")
    await nodes.hold(line.call, at)  # late and twice
    await settled(nodes.web)
    await line.say("after")
    await near.until(lambda: near.words(line.call) == "before after")
    assert near.states(line.call).count("held") == 1


async def test_a_hold_that_began_before_the_stream_came_holds(nodes: Nodes) -> None:
    sid = "CA" + "7" * 32
    await nodes.hold(sid)
    await settled(nodes.web)
    screen = await nodes.b.screen()
    line = await nodes.b.call(sid=sid)
    await shows(screen, sid, "held")
    await line.say("music")
    await nodes.resume(sid)
    await screen.until(lambda: state(screen, sid) != "held")
    await line.say("hello")
    await screen.until(lambda: screen.words(sid) == "hello")
    assert screen.gaps(sid) == []


async def test_it_holds_where_the_call_moves_to_after_its_node_has_died(nodes: Nodes) -> None:
    began = round(time.time() * 1000)
    line, _, far = await spoken(nodes)
    await nodes.hold(line.call)
    await shows(far, line.call, "held")
    await nodes.a.crash()
    await asyncio.sleep(0.5)  # on the call's clock: nobody hears this
    second = await nodes.b.call(sid=line.call, began=began)
    await second.say("music")
    await nodes.b.vendor.until(lambda: nodes.b.vendor.opened == 2)
    assert far.states(line.call)[-1] == "held"
    await nodes.resume(line.call)
    await far.until(lambda: state(far, line.call) != "held")
    await second.say("after")
    await far.until(lambda: far.words(line.call) == "before after")
    gaps = far.gaps(line.call)
    assert [gap for gap in gaps if gap["to_ms"] > second.at_ms + 60_000] == []
    assert sum(gap["to_ms"] - gap["from_ms"] for gap in gaps) < 5_000


async def test_a_node_that_came_later_learns_it_from_the_one_that_had_the_call(
    nodes: Nodes, free_port: Callable[[], int]
) -> None:
    began = round(time.time() * 1000)
    line, _, far = await spoken(nodes)
    at = await nodes.hold(line.call)
    await shows(far, line.call, "held")
    async with media_node(nodes.nats, nodes.vendor, port=free_port(), call_timing=QUICK) as young:
        await young.connected()
        second = await young.call(sid=line.call, began=began)
        screen = await young.screen()
        await shows(screen, line.call, "held")
        assert screen.calls()[line.call].get("held_at") in (at, None)
        await second.say("music")
        await nodes.resume(line.call)
        await screen.until(lambda: state(screen, line.call) != "held")
        await second.say("after")
        await screen.until(lambda: screen.words(line.call) == "before after")


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b'{"at": "x"}'])
async def test_a_report_without_a_readable_time_counts_as_made_now(nodes: Nodes, payload: bytes) -> None:
    line, near, _ = await spoken(nodes)
    await nodes.web.publish(f"call.a.{line.call}.held", payload)
    await shows(near, line.call, "held")
    await asyncio.sleep(0.01)
    await nodes.web.publish(f"call.a.{line.call}.resumed", payload)
    await near.until(lambda: state(near, line.call) != "held")


async def test_stopped_words_stay_stopped_on_hold(nodes: Nodes) -> None:
    line, near, _ = await spoken(nodes)
    await nodes.web.publish(f"call.a.{line.call}.stopped", b"{}")
    await near.until(lambda: {"type": "call.stopped", "call": line.call} in near.events)
    await nodes.hold(line.call)
    await nodes.resume(line.call)
    await settled(nodes.web)
    late: dict[str, Any] = (await nodes.a.screen()).calls()[line.call]
    assert late["state"] == "stopped"
