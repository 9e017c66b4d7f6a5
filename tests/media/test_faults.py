"""Transcribe fails at random: all words are shown in order, none twice, or a gap says how long and why."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from media.speech.transcribe import ConnectionTiming
from media.speech.transcription import USUAL, Timing
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from sandbox.transcribe.stream import Limits
from sandbox.twilio.faults import Track
from tests.kit.media.heard_words import WORD_MS, Talk, account, causes, gap_ms
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import Node, media_node, scripted_vendor

RETRIED = ("InternalFailureException", "ServiceUnavailableException", "ConflictException", "LimitExceededException")
QUICKLY = (0.02, 0.1, 0.5)  # seconds between attempts
BREATH_SECONDS = 0.12  # between words: about three times as fast as people speak


@asynccontextmanager
async def running(folder: Path, port: int, limits: Limits, timing: Timing = USUAL) -> AsyncIterator[Node]:
    async with (
        NatsServer(folder) as nats,
        scripted_vendor(limits=limits) as vendor,
        media_node(nats, vendor, port=port, timing=timing) as node,
    ):
        yield node


@pytest_asyncio.fixture
async def node(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Node]:
    timing = Timing(mute=1.0, back_off=QUICKLY)
    async with running(tmp_path, free_port(), Limits(starve_seconds=5), timing) as node:
        yield node


async def begun(node: Node) -> tuple[Screen, Talk]:
    """Return a watched call."""
    screen = await node.screen()
    return screen, Talk(await node.call())


async def heard(node: Node, screen: Screen, talk: Talk) -> None:
    """Wait until Transcribe has the call's sound so far, as far as words show it."""
    last = talk.said[-1].text
    await screen.until(lambda: any(last in event["utterance"]["text"] for event in _spoken(screen)))


def _spoken(screen: Screen) -> list[dict[str, dict[str, str]]]:
    return [event for event in screen.events if event["type"] == "utterance"]


class Weather:
    """Random faults of a vendor, in an order that ``seed`` decides."""

    def __init__(self, vendor: Vendor, seed: int) -> None:
        self._vendor = vendor
        self._chance = random.Random(seed)

    async def turn(self) -> None:
        """Perhaps something happens."""
        happens = self._chance.choice([None, None, None, "drop", "fail", "cut", "refuse", "slow", "mute"])
        vendor = self._vendor
        if happens == "drop":
            vendor.drop()
        elif happens == "fail":
            vendor.fail(self._chance.choice(RETRIED))
        elif happens in ("cut", "refuse"):
            vendor.refuse(None if happens == "cut" else 503, seconds=self._chance.uniform(0.1, 0.8))
            vendor.drop()
        elif happens == "slow":
            vendor.delay = self._chance.choice([0.0, 0.1, 0.4])
        elif happens == "mute":
            await self._fall_mute()

    async def _fall_mute(self) -> None:
        """Say nothing any more on the connections there are; the next one is all right."""
        opened, self._vendor.mute = self._vendor.opened, True
        try:
            await self._vendor.until(lambda: self._vendor.opened > opened, seconds=0.5)
        except TimeoutError:
            self._vendor.drop()
        self._vendor.mute = False


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
async def test_in_any_weather_every_word_comes_once(node: Node, seed: int) -> None:
    chance, weather = random.Random(seed), Weather(node.vendor, seed)
    screen, talk = await begun(node)
    for _ in range(30):
        track: Track = chance.choice(["inbound", "inbound", "outbound"])
        await talk.say(1, track, pause=chance.random() < 0.2)
        await asyncio.sleep(BREATH_SECONDS)
        await weather.turn()
    node.vendor.delay = 0.0
    await talk.end(screen)
    assert account(talk, screen) == []
    assert screen.gaps(talk.line.call) == []


@pytest.mark.parametrize("seed", range(4))
async def test_dropped_again_while_it_catches_up(node: Node, seed: int) -> None:
    """Each new connection breaks while the buffer is replayed."""
    chance = random.Random(seed)
    screen, talk = await begun(node)
    await talk.say(8, pause=True)
    await talk.say(6)
    for _ in range(4):
        opened = node.vendor.opened
        node.vendor.drop()
        await node.vendor.until(lambda opened=opened: node.vendor.opened > opened)  # type: ignore[misc]
        stream = node.vendor.log[-1]
        chunks = chance.randrange(1, 15)
        await node.vendor.until(lambda stream=stream, chunks=chunks: stream.chunks >= chunks)  # type: ignore[misc]
    await talk.end(screen)
    assert account(talk, screen) == []
    assert screen.gaps(talk.line.call) == []


@pytest.mark.parametrize("delay", [0.3, 2.0])
async def test_a_slow_transcribe_is_waited_for(node: Node, delay: float) -> None:
    """Late answers are no reason to reconnect, nor to lose the last results."""
    node.vendor.delay = delay
    screen, talk = await begun(node)
    for _ in range(6):
        await talk.say(3, pause=True)
        await asyncio.sleep(BREATH_SECONDS)
    await talk.end(screen)
    assert account(talk, screen) == []
    assert screen.gaps(talk.line.call) == []


@pytest.mark.parametrize("pauses", [True, False], ids=["in sentences", "without a breath"])
async def test_an_outage_longer_than_the_memory_is_a_gap(node: Node, pauses: bool) -> None:
    screen, talk = await begun(node)
    await talk.say(6, pause=True)
    await heard(node, screen, talk)
    node.vendor.refuse(None)
    node.vendor.drop()
    silent = len(talk.said)
    for _ in range(22):  # 48 to 63 seconds of the call
        await talk.say(6, pause=pauses)
    node.vendor.accept()
    await talk.end(screen)
    missing = account(talk, screen)
    assert missing != []
    assert missing == [word.text for word in talk.said[silent : silent + len(missing)]], "the oldest are lost first"
    assert causes(screen, talk.line.call) == {"transcribe"}
    assert gap_ms(screen, talk.line.call) >= (len(missing) - 1) * WORD_MS
    assert talk.line.at_ms - gap_ms(screen, talk.line.call) >= 28_000, "half a minute of it is made up for"


async def test_what_cannot_get_better_is_a_gap_to_the_end(node: Node) -> None:
    screen, talk = await begun(node)
    await talk.say(3, pause=True)
    await heard(node, screen, talk)
    node.vendor.fail("AccessDeniedException")
    await screen.until(lambda: "failed" in screen.states(talk.line.call))
    await talk.say(30, pause=True)
    await talk.end(screen)
    missing = account(talk, screen)
    assert missing == [word.text for word in talk.said[3:]]
    assert node.vendor.opened == 1
    assert causes(screen, talk.line.call) == {"transcribe"}


async def test_the_four_hours_of_one_stream_are_never_reached(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """The service accepts 12 s of audio in a stream here, and we switch in time although nobody pauses for long."""
    async with running(tmp_path, free_port(), Limits(most_seconds=12), Timing(overlap=0.5)) as node:
        node.transcribe.timing = ConnectionTiming(most=1.0)
        screen, talk = await begun(node)
        for number in range(45):
            await talk.say(1, "outbound" if number % 7 == 3 else "inbound", pause=number % 5 == 0)
            await asyncio.sleep(BREATH_SECONDS)
            if number % 5 == 0:
                await heard(node, screen, talk)  # however busy the machine is, the words keep up
        await talk.end(screen)
        assert account(talk, screen) == []
        assert screen.gaps(talk.line.call) == []
        assert node.vendor.opened >= 4
        assert {opening.ended for opening in node.vendor.log} <= {"completed", "gone"}


async def test_a_stream_that_does_reach_its_limit_is_followed_by_another(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with running(tmp_path, free_port(), Limits(most_seconds=4), Timing(back_off=QUICKLY)) as node:
        screen, talk = await begun(node)
        for number in range(30):
            await talk.say(1, pause=number % 4 == 3)
            await asyncio.sleep(BREATH_SECONDS)
        await talk.end(screen)
        assert account(talk, screen) == []
        assert "LimitExceededException" in {opening.ended for opening in node.vendor.log}


async def test_a_hold_without_a_sound_lasts_as_long_as_it_likes(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Twilio sends nothing for three times as long as the service waits (15 s, here 0.5 s)."""
    async with running(tmp_path, free_port(), Limits(starve_seconds=0.5), Timing(idle=0.1)) as node:
        screen, talk = await begun(node)
        await talk.say(3, pause=True)
        await asyncio.sleep(1.5)
        await talk.say(3, pause=True)
        await talk.end(screen)
        assert account(talk, screen) == []
        assert node.vendor.opened == 1
