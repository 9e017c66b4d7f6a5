"""An old connection to Transcribe is replaced by another, and no word is lost or repeated at the switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from media.speech.transcribe import ConnectionTiming
from media.speech.transcription import Timing
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import Node, media_node, scripted_vendor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3600.0


@pytest.mark.parametrize(
    ("left", "lasts"),
    [
        pytest.param(None, 4 * HOUR - 600, id="credentials for ever: ten minutes to find a pause before the limit"),
        pytest.param(timedelta(hours=12), 4 * HOUR - 600, id="credentials longer than the limit"),
        pytest.param(timedelta(hours=1), HOUR - 300, id="a role's: replaced five minutes early"),
        pytest.param(timedelta(seconds=10), 60, id="nearly expired: a minute nonetheless"),
        pytest.param(timedelta(hours=-1), 60, id="expired"),
    ],
)
def test_how_long_a_connection_is_used(left: timedelta | None, lasts: float) -> None:
    assert ConnectionTiming().lasts(None if left is None else NOW + left, NOW) == lasts


@pytest_asyncio.fixture
async def node(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Node]:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), timing=Timing(overlap=0.7)) as node,
    ):
        yield node


async def _talk(line: Line, screen: Screen, seconds: float, *, pauses: bool) -> str:
    """Talk in about real time; return what was said."""
    said: list[str] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        said.append(f"word{len(said)}")
        await line.say(said[-1], pause=pauses)
        await asyncio.sleep(0.1)
    await line.say("end")
    return " ".join([*said, "end"])


@pytest.mark.parametrize("pauses", [True, False], ids=["in a pause", "while somebody talks on and on"])
async def test_an_old_connection_is_replaced_without_a_word_lost_or_doubled(node: Node, pauses: bool) -> None:
    node.transcribe.timing = ConnectionTiming(most=1.0)
    screen = await node.screen()
    line = await node.call()
    await node.vendor.until(lambda: node.vendor.opened == 1)
    node.transcribe.timing = ConnectionTiming()  # the standby connection stays
    said = await _talk(line, screen, 4, pauses=pauses)
    await screen.until(lambda: screen.words(line.call).endswith("end"))
    await line.hang_up()
    await screen.ended(line.call)
    assert screen.words(line.call).split() == said.split()
    assert screen.gaps(line.call) == []
    assert set(screen.states(line.call)) == {"transcribing"}
    assert node.vendor.opened == 2


async def test_an_old_connection_stays_if_its_standby_does_not_come(node: Node) -> None:
    node.transcribe.timing = ConnectionTiming(most=0.5)
    screen = await node.screen()
    line = await node.call()
    await line.say("opened")
    await screen.hears(line.call, "opened")
    node.vendor.refuse(503)
    await node.vendor.until(lambda: node.vendor.refused >= 1)
    await line.say("and still here")
    await screen.hears(line.call, "opened and still here")
    assert node.vendor.opened == 1
