"""One quota for all nodes: real NATS, nodes and workers, and a Transcribe that refuses too many streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats
import pytest

from media.quota.admission import Admission
from media.speech.transcribe import ConnectionTiming
from media.speech.transcription import USUAL, Timing
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import Address, Node, media_node, media_process, scripted_vendor


@pytest.fixture
async def bus(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path, port=free_port()) as server:
        yield server


async def until(bus: NatsServer, condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until ``condition`` holds; check it after each heartbeat of a node."""
    client = await nats.connect(bus.url("media"))
    try:
        heartbeats = await client.subscribe("node.*.alive")
        async with asyncio.timeout(seconds):
            while not condition():
                await heartbeats.next_msg(seconds)
    finally:
        await client.close()


async def live(bus: NatsServer, count: int) -> None:
    """Wait until ``count`` nodes are alive, in whatever processes."""
    client = await nats.connect(bus.url("media"))
    try:
        heartbeats = await client.subscribe("node.*.alive")
        names: set[str] = set()
        async with asyncio.timeout(60):
            while len(names) < count:
                names.add((await heartbeats.next_msg(60)).subject)
    finally:
        await client.close()


def agree(*nodes: Node) -> bool:
    """Return whether the nodes know each other and one of them is leader."""
    admissions = [node.server.admission for node in nodes]
    met = all(len(admission.membership.alive(time.monotonic())) == len(nodes) - 1 for admission in admissions)
    return met and sum(admission.is_leader for admission in admissions) == 1


@asynccontextmanager
async def nodes_of(
    count: int,
    bus: NatsServer,
    free_port: Callable[[], int],
    slots: int,
    timing: Timing = USUAL,
    **vendor_options: int,
) -> AsyncIterator[list[Node]]:
    """Run ``count`` nodes in this process that share ``slots``; Transcribe has no more than that."""
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(scripted_vendor(quota=slots, **vendor_options))
        nodes = [
            await stack.enter_async_context(
                media_node(bus, vendor, port=free_port(), timing=timing, transcribe_max_streams=slots)
            )
            for _ in range(count)
        ]
        await until(bus, lambda: agree(*nodes))
        yield nodes


async def spoken(screen: Screen, line: Line, words: str) -> None:
    await screen.until(lambda: screen.words(line.call) == words)


async def test_slots_are_shared_by_all_nodes_in_the_order_of_the_calls(
    bus: NatsServer, free_port: Callable[[], int]
) -> None:
    async with nodes_of(3, bus, free_port, slots=2) as nodes:
        screen = await nodes[2].screen()
        first, second = await nodes[0].call(), await nodes[1].call()
        for line in (first, second):
            await line.say("heard at once")
            await spoken(screen, line, "heard at once")
        waiting: list[Line] = []
        for node in (nodes[2], nodes[0], nodes[1]):
            line = await node.call()
            waiting.append(line)
            await line.say("my first words")
            await screen.until(lambda line=line: line.call in screen.calls())  # type: ignore[misc]
        assert {screen.calls()[line.call]["state"] for line in waiting} == {"waiting_for_slot"}
        heard = [first, second]
        for line in waiting:
            await heard.pop(0).hang_up()
            await spoken(screen, line, "my first words")
            await screen.until(lambda line=line: screen.calls()[line.call]["state"] == "transcribing")  # type: ignore[misc]
            assert screen.gaps(line.call) == []
            heard.append(line)
        assert (nodes[0].vendor.opened, nodes[0].vendor.refused) == (5, 0)


async def test_who_waits_for_longer_than_is_kept_begins_with_the_calls_first_words(
    bus: NatsServer, free_port: Callable[[], int]
) -> None:
    timing = Timing(opening_keep_ms=6_000, opening_first_ms=3_000)
    async with nodes_of(1, bus, free_port, slots=1, timing=timing) as (node,):
        screen = await node.screen()
        first, waiting = await node.call(), await node.call()
        await waiting.say("I am calling")
        for _ in range(6):
            await waiting.say("and on and on")
        await waiting.say("my last words")
        await screen.until(lambda: waiting.call in screen.calls())
        await first.hang_up()
        await screen.until(lambda: "last words" in screen.words(waiting.call))
        assert screen.words(waiting.call).startswith("I am calling")
        (gap,) = screen.gaps(waiting.call)
        assert gap["cause"] == "transcribe"
        assert gap["from_ms"] == 3_000


@pytest.mark.may_run_again(reason="openings spaced in time arrive together on a machine that starves the vendor")
async def test_many_calls_at_once_on_two_nodes_start_no_faster_than_aws_allows(
    bus: NatsServer, free_port: Callable[[], int]
) -> None:
    async with nodes_of(2, bus, free_port, slots=100, starts_per_second=25) as nodes:
        for number in range(40):
            await nodes[number % 2].call()
        vendor = nodes[0].vendor
        await vendor.until(lambda: vendor.open == 40)
        vendor.drop()  # and again, all of them
        await vendor.until(lambda: vendor.opened == 80)
        assert vendor.refused == 0


async def test_a_leader_that_dies_gives_its_slots_to_those_who_wait(
    bus: NatsServer, free_port: Callable[[], int]
) -> None:
    async with (
        scripted_vendor(quota=1) as vendor,
        media_process(bus, vendor, free_port(), transcribe_max_streams=1) as eldest,
        media_node(bus, vendor, port=free_port(), transcribe_max_streams=1) as one,
        media_node(bus, vendor, port=free_port(), transcribe_max_streams=1) as two,
    ):
        await live(bus, 3)
        screen = await one.screen()
        await eldest.call()
        await vendor.until(lambda: vendor.open == 1)
        line = await two.call()
        await line.say("still here")
        await screen.until(lambda: line.call in screen.calls())
        assert screen.calls()[line.call]["state"] == "waiting_for_slot"
        await eldest.crash()
        await spoken(screen, line, "still here")
        assert screen.gaps(line.call) == []
        assert one.server.admission.is_leader != two.server.admission.is_leader, "one of them is the eldest now"
        assert vendor.refused == 0


async def test_without_nats_words_go_on_and_each_node_has_its_share(
    bus: NatsServer, free_port: Callable[[], int]
) -> None:
    async with nodes_of(2, bus, free_port, slots=2) as nodes:
        vendor = nodes[0].vendor
        screens = [await node.screen() for node in nodes]
        before = await nodes[0].call()
        await before.say("before")
        await spoken(screens[0], before, "before")
        assert bus.child is not None
        bus.child.process.kill()
        await bus.child.process.wait()
        await before.say("and after")
        await spoken(screens[0], before, "before and after")
        mine, waiting = await nodes[1].call(), await nodes[0].call()
        await mine.say("within my share")
        await waiting.say("beyond it")
        await spoken(screens[1], mine, "within my share")
        assert screens[1].gaps(mine.call) == []
        assert vendor.open == 2
        async with bus:
            await until(bus, lambda: agree(*nodes))
            await mine.hang_up()
            await spoken(screens[0], waiting, "beyond it")
        assert vendor.refused == 0


async def test_a_call_that_moves_does_not_stand_in_line_again(bus: NatsServer, free_port: Callable[[], int]) -> None:
    async with nodes_of(2, bus, free_port, slots=1) as (old, new):
        screen = await new.screen()
        began = round(time.time() * 1000)
        line = await old.call()
        await line.say("said before")
        await spoken(screen, line, "said before")
        waiting = await new.call()
        await waiting.say("patience")
        old.vendor.delay = 0.5  # as in life: the old node keeps its slot until the last words have come
        await line.say("and more")
        moved = await new.call(sid=line.call, began=began)
        await moved.say("said after")
        await screen.until(lambda: "said after" in screen.words(line.call))
        assert screen.calls()[waiting.call]["state"] == "waiting_for_slot"
        await moved.hang_up()
        await spoken(screen, waiting, "patience")
        assert new.vendor.refused == 0


async def test_a_standby_needs_a_slot_of_its_own(bus: NatsServer, free_port: Callable[[], int]) -> None:
    timing = Timing(standby_slot=0.2, standby_retry=0.2)
    async with nodes_of(1, bus, free_port, slots=1, timing=timing) as (node,):
        node.transcribe.timing = ConnectionTiming(most=0.3)
        screen = await node.screen()
        line = await node.call()
        for word in ("one", "two", "three"):
            await line.say(word)
            await screen.until(lambda word=word: screen.words(line.call).endswith(word))  # type: ignore[misc]
            await asyncio.sleep(0.5)  # its time is up, and nobody relieves it
        assert (node.vendor.opened, node.vendor.refused) == (1, 0)
        assert node.server.admission.slots.waiting <= 1


@pytest.mark.slow
async def test_two_workers_of_one_machine_share_the_slots(bus: NatsServer, free_port: Callable[[], int]) -> None:
    async with (
        scripted_vendor(quota=2) as vendor,
        media_process(
            bus, vendor, free_port(), transcribe_max_streams=2, media_workers=2, drain_seconds=0
        ) as machine,
    ):
        await live(bus, 2)
        screen = await machine.screen()
        lines = [await _call_and_say(machine, screen, f"caller {number}") for number in range(8)]
        for number, line in enumerate(lines):
            await spoken(screen, line, f"caller {number}")
            states = {screen.calls()[later.call]["state"] for later in lines[number + 2 :]}
            assert states <= {"waiting_for_slot"}
            await line.hang_up()
            await screen.ended(line.call)
        assert (vendor.opened, vendor.refused) == (8, 0)


async def _call_and_say(machine: Address, screen: Screen, words: str) -> Line:
    """Begin a call, so that the next one begins after it."""
    line = await machine.call()
    await line.say(words)
    await screen.until(lambda: line.call in screen.calls())
    return line


async def test_who_gives_up_waiting_leaves_the_line() -> None:
    admission = Admission("a", 1)
    admission.connected()
    admission.no_other_nodes()
    async with admission.slot():
        assert admission.is_full
        with pytest.raises(TimeoutError):
            async with admission.slot(patience=0.01):
                pass
        assert admission.slots.waiting == 0
    assert not admission.is_full
    async with admission.slot():
        pass
