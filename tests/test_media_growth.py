"""Nothing grows: a hundred calls held for a while need at the end what they needed at the beginning."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from media.call import Call
from media.transcript import LiveCall, Utterance
from sandbox.load import soak
from tests.node import Node

CALLS = 100


def remembered() -> Iterator[object]:
    """Every object that is, or is part of, a call's memory."""
    gc.collect()
    return (thing for thing in gc.get_objects() if isinstance(thing, Call | LiveCall | Utterance))


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_hundred_calls_need_no_more_memory_after_a_while() -> None:
    resident = [kb async for kb in soak(CALLS, seconds=40, every=10)]
    warm, last = resident[1], resident[-1]  # the tapes are full after some seconds
    spoken_kb = 20 * 0.25 * 2 * 0.2 * CALLS  # 20 s, an utterance each 4 s on two channels, well below 200 bytes
    assert last - warm <= spoken_kb + 4_000


async def test_an_ended_call_is_referred_to_by_nobody(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("nothing of this stays")
    await screen.until(lambda: screen.words(line.call) != "")
    assert list(remembered()) != []
    await line.hang_up()
    await screen.ended(line.call)
    await line.closed_with()
    assert await node.server.are_over(10)
    assert list(remembered()) == []
