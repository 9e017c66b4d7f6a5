"""A call that moves to another node, because its own drains or dies, keeps its words."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest_asyncio

from media.nodes.last_heard import IN_FLIGHT_SECONDS
from media.speech.call import CallTiming
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import Distant, Node, media_node, media_process, scripted_vendor
from tests.kit.media.nats import settled, still

QUICK = CallTiming(takeover=0.5)


@dataclass
class Pair:
    """Two nodes on one NATS."""

    a: Distant
    b: Node
    nats: NatsServer
    vendor: Vendor

    async def moved(self, line: Line, began: int) -> Line:
        """Open a new stream of the call at the second node, as web does."""
        return await self.b.call(sid=line.call, began=began)


@asynccontextmanager
async def pair_in(
    folder: Path, free_port: Callable[[], int], in_flight: float = IN_FLIGHT_SECONDS
) -> AsyncIterator[Pair]:
    """Both, connected; the second supposes that so many seconds of audio were on their way when a node died."""
    async with (
        NatsServer(folder) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), call_timing=QUICK, in_flight=in_flight) as b,
        media_process(nats, vendor, free_port()) as a,
    ):
        await b.connected()
        yield Pair(a, b, nats, vendor)


@pytest_asyncio.fixture
async def pair(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Pair]:
    async with pair_in(tmp_path, free_port) as opened:
        yield opened


async def test_a_drained_node_hands_its_calls_over_with_their_words(pair: Pair, free_port: Callable[[], int]) -> None:
    async with media_node(pair.nats, pair.vendor, port=free_port(), call_timing=QUICK) as first:
        await first.connected()
        await _hand_over(first, pair)


async def _hand_over(first: Node, pair: Pair) -> None:
    began = round(time.time() * 1000)
    near = await first.screen()
    line = await first.call()
    await line.say("said on the first node")
    await near.until(lambda: near.words(line.call) == "said on the first node")
    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(first.server.drain(0.1))
        second = await pair.moved(line, began)
        await second.say("and on the second")
        await near.until(lambda: near.words(line.call).endswith("and on the second"))
    assert draining.done()
    far = await pair.b.screen()
    await far.until(lambda: far.words(line.call) == "said on the first node and on the second")
    assert near.words(line.call) == "said on the first node and on the second"
    assert "call.ended" not in near.types()
    assert all(gap["to_ms"] - gap["from_ms"] <= 1_000 for gap in far.gaps(line.call))
    await second.hang_up()
    await far.ended(line.call)
    await near.ended(line.call)


async def test_two_nodes_that_took_a_call_while_the_bus_stood_still_leave_it_to_the_newer(
    pair: Pair, free_port: Callable[[], int]
) -> None:
    began = round(time.time() * 1000)
    async with media_node(pair.nats, pair.vendor, port=free_port(), call_timing=QUICK) as a:
        await a.connected()
        line = await a.call()
        await line.say("before")
        known = await pair.b.screen()
        await known.until(lambda: known.words(line.call) == "before")
        async with still(pair.nats):
            other = await pair.b.call(sid=line.call, began=began)
            await other.pause(0.2)
            newest = await a.call(sid=line.call, began=began)
            await newest.pause(0.2)
        assert await other.closed_with() == 4409
        watching = await a.screen()
        await newest.say("and after")
        await watching.until(lambda: watching.words(line.call) == "before and after")
        assert [line.call in node.server.calls for node in (a, pair.b)] == [True, False]


async def test_words_that_two_nodes_heard_while_the_bus_stood_still_are_shown_once_where_the_call_is(
    pair: Pair, free_port: Callable[[], int]
) -> None:
    began = round(time.time() * 1000)
    async with media_node(pair.nats, pair.vendor, port=free_port(), call_timing=QUICK) as a:
        await a.connected()
        line = await a.call()
        await line.say("before")
        known = await pair.b.screen()
        await known.until(lambda: known.words(line.call) == "before")
        async with still(pair.nats):
            other = await pair.b.call(sid=line.call, began=began)
            await line.pause(round(time.time() - began / 1000, 2) + 0.5)  # its clock is at the end of "before"
            await other.pause(0.5)
            for each in (line, other):
                await each.say("heard twice")
            await known.until(lambda: "heard twice" in known.words(line.call))
        assert await line.closed_with() == 4409
        await other.say("and after")
        await known.until(lambda: known.words(line.call).endswith("and after"))
        await asyncio.sleep(1)  # for what the first node has to add
        assert (await pair.b.screen()).words(line.call) == "before heard twice and after"


async def test_a_node_that_must_end_at_once_leaves_its_calls_to_others(pair: Pair) -> None:
    began = round(time.time() * 1000)
    watching = await pair.b.screen()
    line = await pair.a.call()
    await line.say("said before")
    await watching.until(lambda: watching.words(line.call) == "said before")
    client = await nats.connect(pair.nats.url("web"))
    asked = await client.subscribe("handover.>")
    await settled(client)
    for _ in range(2):
        pair.a.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)  # or the two are one
    received = await asked.next_msg(60)
    await client.close()
    assert received.subject == f"handover.a.{line.call}"
    assert json.loads(received.data)["stream"] == line.facts.stream_sid
    async with asyncio.timeout(60):
        assert await pair.a.process.wait() == 0
    second = await pair.moved(line, began)
    await second.say("and after")
    await watching.until(lambda: watching.words(line.call) == "said before and after")
    assert "call.ended" not in watching.types()


async def test_after_a_nodes_death_those_who_watched_keep_the_words_and_see_the_seam(pair: Pair) -> None:
    watching = await pair.b.screen()
    line = await pair.a.call()
    await line.say("before the crash")
    await watching.until(lambda: watching.words(line.call) == "before the crash")
    await pair.a.crash()
    (before,) = watching.calls()[line.call]["utterances"].values()
    # A line speaks faster than people do, so the clock on the wall may be behind what it said: nobody heard the two
    # seconds that follow, by the call's own clock.
    second = await pair.moved(line, round(time.time() * 1000) - before["end_ms"] - 2_000)
    await second.say("after it")
    await watching.until(lambda: watching.words(line.call) == "before the crash after it")
    await watching.until(lambda: watching.gaps(line.call) != [])
    (gap,) = watching.gaps(line.call)
    (_, after) = sorted(watching.calls()[line.call]["utterances"].values(), key=lambda one: one["start_ms"])
    assert gap == {"from_ms": before["end_ms"], "to_ms": after["start_ms"], "cause": "bilby"}
    assert gap["to_ms"] - gap["from_ms"] >= 2_000
    late = await pair.b.screen("alice", "owner")
    assert late.words(line.call) == "before the crash after it"


async def test_a_node_that_says_late_until_when_it_heard_the_call_lengthens_the_gap(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """It was alive and far behind: its last sign of life is no sign that it heard the call until then."""
    async with pair_in(tmp_path, free_port, in_flight=0.2) as pair:
        await _late_word(pair)


async def _late_word(pair: Pair) -> None:
    began = round(time.time() * 1000)
    watching = await pair.b.screen()
    line = await pair.a.call()
    await line.say("heard in time")
    await watching.until(lambda: watching.words(line.call) == "heard in time")
    (before,) = watching.calls()[line.call]["utterances"].values()
    last_heard = pair.b.server.replication.last_heard
    async with asyncio.timeout(60):
        while last_heard.until(line.call) * 1000 < began + before["end_ms"] + 1_000:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # it goes on saying that it lives
    pair.a.process.send_signal(signal.SIGSTOP)
    second = await pair.moved(line, began)
    await second.say("elsewhere")
    await watching.until(lambda: len(watching.gaps(line.call)) == 1)
    pair.a.process.send_signal(signal.SIGCONT)
    await watching.until(lambda: len(watching.gaps(line.call)) == 2)
    guessed, added = watching.gaps(line.call)
    assert before["end_ms"] <= added["from_ms"] < added["to_ms"] == guessed["from_ms"] < guessed["to_ms"]
    assert {guessed["cause"], added["cause"]} == {"bilby"}


async def test_a_page_that_returns_to_another_node_finds_its_words_at_once_and_keeps_them(pair: Pair) -> None:
    began = round(time.time() * 1000)
    watching = await pair.a.screen()
    line = await pair.a.call()
    await line.say("said before")
    await watching.until(lambda: watching.words(line.call) == "said before")
    await _is_kept(pair.b, line)
    await pair.a.crash()
    again = await pair.b.screen()
    assert again.types() == ["snapshot"]
    assert again.words(line.call) == "said before"
    second = await pair.moved(line, began)
    await second.say("and after")
    await again.until(lambda: again.words(line.call) == "said before and after")
    assert "call.started" not in again.types()


async def _is_kept(node: Node, line: Line) -> None:
    """Wait until ``node`` keeps the words of a call that it neither has nor watches."""
    hub = node.server.hub
    for _ in range(500):
        live = hub.find_call(line.call)
        if live is not None and any(one.final for one in live.utterances.values()):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


async def test_what_only_the_dead_node_knew_is_a_gap_from_the_beginning(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    began = round(time.time() * 1000) - 60_000
    async with NatsServer(tmp_path) as server, scripted_vendor() as vendor:
        async with media_process(server, vendor, free_port()) as only:
            line = await only.call()
            await line.say("nobody else heard this")
            await only.crash()
        async with media_node(server, vendor, port=free_port(), call_timing=QUICK) as node:
            await node.connected()
            await _tell_all_but_the_gap(await node.call(sid=line.call, began=began), await node.screen())


async def _tell_all_but_the_gap(line: Line, watching: Screen) -> None:
    await line.say("a minute later")
    await watching.until(lambda: watching.words(line.call) == "a minute later")
    await watching.until(lambda: watching.gaps(line.call) != [])
    (gap,) = watching.gaps(line.call)
    assert (gap["from_ms"], gap["cause"]) == (0, "bilby")
    assert gap["to_ms"] >= 60_000
    spoken = next(iter(watching.calls()[line.call]["utterances"].values()))
    assert spoken["start_ms"] >= 60_000


async def test_calls_of_a_node_that_is_gone_for_good_leave_the_page(pair: Pair) -> None:
    watching = await pair.b.screen()
    line = await pair.a.call()
    await line.say("hello")
    await watching.until(lambda: watching.words(line.call) == "hello")
    await pair.a.crash()
    await asyncio.sleep(0.5)
    pair.b.server.replication.check_liveness(silent_seconds=0.3)
    await watching.ended(line.call)
    assert watching.events[-1]["reason"] == "node lost"
