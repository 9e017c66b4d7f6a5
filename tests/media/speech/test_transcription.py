"""Transcribe fails in every possible way: all words are shown in order, none twice, or a gap covers them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from media import metrics
from media.speech.transcription import Timing
from sandbox.audio import coded_words
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.stream import Limits
from tests.kit.media.media_ends import PAUSE
from tests.kit.media.media_node import Node, media_node, scripted_vendor


@pytest_asyncio.fixture
async def node(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Node]:
    limits = Limits(starve_seconds=5)
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor(limits=limits) as vendor,
        media_node(nats, vendor, port=free_port()) as node,
    ):
        yield node


DENIED = "User: arn:aws:iam::1:user/b is not authorized to perform: transcribe:StartStreamTranscriptionWebSocket"


async def heard(node: Node, results: int) -> None:
    """Wait until Transcribe's newest connection has given so many results."""
    await node.vendor.until(lambda: bool(node.vendor.log) and node.vendor.log[-1].results >= results)


async def test_a_connection_dropped_in_the_middle_of_a_sentence(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("before it broke")
    await screen.hears(line.call, "before it broke")
    await line.say("one two three", pause=False)
    await heard(node, 6)
    node.vendor.drop()
    await line.say("four five six", pause=False)
    await line.say("and the agent", "outbound")
    await screen.until(lambda: "and the agent" in screen.words(line.call))
    assert screen.words(line.call, "caller") == "before it broke one two three four five six"
    assert screen.words(line.call, "agent") == "and the agent"
    assert screen.gaps(line.call) == []
    assert "reconnecting" in screen.states(line.call)
    assert screen.calls()[line.call]["state"] == "transcribing"
    assert node.vendor.opened == 2


async def test_an_unfinished_utterance_keeps_its_place_on_the_page(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("half a", pause=False)
    await heard(node, 2)
    node.vendor.drop()
    await line.say("sentence")
    await screen.hears(line.call, "half a sentence")
    assert len(screen.calls()[line.call]["utterances"]) == 1


async def test_an_outage_leaves_no_trace_but_a_state(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("before")
    await screen.hears(line.call, "before")
    node.vendor.refuse(None, seconds=2)
    node.vendor.drop()
    await line.say("said while nobody listened", pause=False)
    await line.say("and so was this", "outbound")
    await screen.until(lambda: "and so was this" in screen.words(line.call))
    assert screen.words(line.call) == "before said while nobody listened and so was this"
    assert screen.gaps(line.call) == []


async def test_the_clock_goes_on_over_a_break(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.pause(3)
    await line.say("first")
    await screen.hears(line.call, "first")
    node.vendor.drop()
    await line.pause(2)
    began = line.at_ms
    await line.say("second")
    await screen.hears(line.call, "first second")
    second = max(screen.calls()[line.call]["utterances"].values(), key=lambda one: one["start_ms"])
    assert abs(second["start_ms"] - began) <= 20


@pytest.mark.parametrize(
    "kind",
    [
        "InternalFailureException",
        "ServiceUnavailableException",
        "ConflictException",
        "LimitExceededException",
        "BadRequestException",
        "ExpiredTokenException",
        "SerializationException",
        "UnrecognizedClientException",
    ],
)
async def test_what_may_get_better_is_tried_again(node: Node, kind: str) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("one two", pause=False)
    await heard(node, 2)
    node.vendor.fail(kind)
    await line.say("three")
    await screen.hears(line.call, "one two three")
    expected = "waiting_for_slot" if kind == "LimitExceededException" else "reconnecting"
    assert expected in screen.states(line.call)
    assert screen.gaps(line.call) == []


async def test_what_cannot_get_better_is_not_tried_again(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("heard")
    await screen.hears(line.call, "heard")
    node.vendor.fail("AccessDeniedException", DENIED)
    await screen.until(lambda: screen.states(line.call)[-1:] == ["failed"])
    await line.say("people go on talking")
    await line.hang_up()
    await screen.ended(line.call)
    assert node.vendor.opened == 1
    assert screen.words(line.call) == "heard"
    gap = screen.gaps(line.call)[-1]
    assert gap["cause"] == "transcribe"
    assert gap["to_ms"] >= line.at_ms - 100


async def test_refused_credentials_are_failed_at_once(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with NatsServer(tmp_path) as nats, scripted_vendor() as vendor:
        vendor.refuse(403)
        async with media_node(nats, vendor, port=free_port()) as node:
            screen = await node.screen()
            line = await node.call()
            await line.say("nobody hears this")
            await screen.until(lambda: screen.states(line.call)[-1:] == ["failed"])
            await line.hang_up()
            await screen.ended(line.call)
            assert vendor.refused == 1
            assert screen.gaps(line.call) != []


async def test_a_transcribe_that_is_not_there_is_said_and_the_call_lives(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with NatsServer(tmp_path) as nats, scripted_vendor() as vendor:
        nowhere = f"ws://127.0.0.1:{free_port()}"
        async with media_node(
            nats, vendor, endpoint=nowhere, port=free_port(), timing=Timing(back_off=(0.01, 0.02, 0.05))
        ) as node:
            screen = await node.screen()
            line = await node.call()
            await line.say("anybody there")
            await screen.until(lambda: "failed" in screen.states(line.call))
            assert screen.states(line.call)[0] == "reconnecting"
            await line.say("talking on")
            assert not line.socket.close_code


async def test_over_the_quota_calls_wait_in_order_and_their_beginning_is_kept(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), transcribe_max_streams=1) as node,
    ):
        screen = await node.screen()
        first = await node.call()
        await first.say("I was first")
        await screen.hears(first.call, "I was first")
        second, third = await node.call(), await node.call()
        await second.say("I waited")
        await third.say("me too")
        await screen.until(lambda: {second.call, third.call} <= set(screen.calls()))
        assert {screen.calls()[line.call]["state"] for line in (second, third)} == {"waiting_for_slot"}
        await first.hang_up()
        await screen.hears(second.call, "I waited")
        await second.hang_up()
        await screen.hears(third.call, "me too")
        assert vendor.opened == 3


async def test_aws_saying_limit_exceeded_is_waiting_for_a_slot(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor(quota=0) as vendor,
        media_node(nats, vendor, port=free_port(), timing=Timing(back_off=(0.05, 0.1, 0.2))) as node,
    ):
        screen = await node.screen()
        line = await node.call()
        await line.say("patience")
        await node.vendor.until(lambda: vendor.refused >= 2)
        vendor.quota = 1
        await screen.hears(line.call, "patience")


@asynccontextmanager
async def impatient(tmp_path: Path, port: int) -> AsyncIterator[Node]:
    """A node that gives up after a second what the real one bears for 15, and calls a call silent as soon."""
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=port, timing=Timing(mute=1.0, silent=1.0)) as node,
    ):
        yield node


async def test_a_mute_connection_is_noticed(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with impatient(tmp_path, free_port()) as node:
        screen = await node.screen()
        line = await node.call()
        await line.say("heard")
        await screen.hears(line.call, "heard")
        node.vendor.mute = True
        await line.say("into the void", pause=False)
        await node.vendor.until(lambda: node.vendor.opened >= 2)
        node.vendor.mute = False
        await line.say("and back")
        await screen.hears(line.call, "heard into the void and back")
        assert screen.gaps(line.call) == []


async def test_music_and_noise_are_no_reason_to_reopen(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """20 s of sound without a word: Transcribe sends empty events each second, so the connection is alive."""
    noise = random.Random(5).randbytes(8000)
    async with impatient(tmp_path, free_port()) as node:
        screen = await node.screen()
        line = await node.call()
        await line.say("please hold")
        await screen.hears(line.call, "please hold")
        for _ in range(20):
            await line.play(noise)
            await asyncio.sleep(0.1)
        await line.say("thank you for holding")
        await screen.hears(line.call, "please hold thank you for holding")
        assert node.vendor.opened == 1
        assert set(screen.states(line.call)) == {"transcribing"}


async def test_silence_is_no_reason_to_reopen(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with impatient(tmp_path, free_port()) as node:
        screen = await node.screen()
        line = await node.call()
        await line.say("hold the line")
        await screen.hears(line.call, "hold the line")
        await line.pause(20)
        await screen.until(lambda: "silent" in screen.states(line.call))
        await line.say("thank you for holding")
        await screen.hears(line.call, "hold the line thank you for holding")
        await screen.until(lambda: screen.states(line.call)[-1] == "transcribing")
        assert node.vendor.opened == 1


async def test_twilio_stalling_longer_than_transcribe_waits(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Nothing arrives for 1 s; Transcribe closes after half a second without audio here, and must not."""
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor(limits=Limits(starve_seconds=0.5)) as vendor,
        media_node(nats, vendor, port=free_port(), timing=Timing(idle=0.1)) as node,
    ):
        screen = await node.screen()
        line = await node.call()
        await line.say("before the stall")
        await screen.hears(line.call, "before the stall")
        await asyncio.sleep(1)
        await line.say("after it")
        await screen.hears(line.call, "before the stall after it")
        assert node.vendor.opened == 1
        assert screen.gaps(line.call) == []


async def test_lost_late_doubled_and_reordered_frames_lose_no_word(node: Node) -> None:
    """Up to 5 % of frames lost: less than half of any word."""
    rng = random.Random(7)
    screen = await node.screen()
    line = await node.call()
    frames = line.frames(coded_words.encode("the network is not kind today") + PAUSE)
    kept = [(position, text) for position, text in enumerate(frames) if rng.random() > 0.05]
    kept += [(position, text) for position, text in kept if rng.random() < 0.1]
    kept.sort(key=lambda pair: pair[0] + rng.uniform(0, 8))
    await line.send(*[text for _, text in kept])
    await line.say("indeed", "outbound")
    await screen.until(lambda: "indeed" in screen.words(line.call))
    assert screen.words(line.call, "caller") == "the network is not kind today"


async def test_a_word_lost_on_the_way_is_a_gap(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("all of", pause=False)
    line.frames(b"\xff" * 8000)  # a second that never arrives
    await line.say("this")
    await screen.hears(line.call, "all of this")
    await line.hang_up()
    await screen.ended(line.call)
    assert [gap["cause"] for gap in screen.gaps(line.call)] == ["twilio"]
    gap = screen.gaps(line.call)[0]
    assert 900 <= gap["to_ms"] - gap["from_ms"] <= 1_100


async def test_latency_is_told_and_measured_at_most_once_a_second(node: Node) -> None:
    before = metrics.REGISTRY.get_sample_value("bilby_result_latency_seconds_count") or 0.0
    screen = await node.screen()
    line = await node.call()
    await line.say("a b c d e f g h i j k l m n")
    await screen.until(lambda: screen.words(line.call) != "")
    await line.hang_up()
    await screen.ended(line.call)
    measured = (metrics.REGISTRY.get_sample_value("bilby_result_latency_seconds_count") or 0.0) - before
    ages = [event["ms"] for event in screen.events if event["type"] == "latency"]
    assert 1 <= measured <= len(ages) <= 2 + 8
    assert all(isinstance(age, int) and age >= 0 for age in ages)
