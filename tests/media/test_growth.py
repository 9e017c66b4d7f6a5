"""Memory does not grow: many calls need at the end what they needed at the beginning."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest

from media.live.transcript import LiveCall, Utterance
from media.speech.call import Call
from sandbox.load.__main__ import soak
from tests.kit.media.media_node import Node

CALLS = 40
_CODE = (ModuleType, FunctionType, BuiltinFunctionType, type, asyncio.AbstractEventLoop)


def remembered() -> Iterator[object]:
    """Return every object that is, or is part of, a call's memory."""
    gc.collect()
    return (thing for thing in gc.get_objects() if isinstance(thing, Call | LiveCall | Utterance))


def held_by(root: object) -> Iterator[object]:
    """Everything that ``root`` refers to, directly or not, but for code and the loop, which refer to everything."""
    gc.collect()
    seen, waiting = {id(root)}, [root]
    while waiting:
        thing = waiting.pop()
        yield thing
        for held in gc.get_referents(thing):
            if id(held) not in seen and not isinstance(held, _CODE):
                seen.add(id(held))
                waiting.append(held)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_many_calls_need_no_more_memory_after_a_while() -> None:
    resident = [kb async for kb in soak(CALLS, seconds=40, every=10)]
    warm, last = resident[1], resident[-1]  # the replay buffers are full after some seconds
    spoken_kb = 20 * 0.25 * 2 * 0.2 * CALLS  # 20 s, an utterance each 4 s on two channels, well below 200 bytes
    assert last - warm <= spoken_kb + 8_000  # a call that a busy machine is behind with keeps its audio


async def test_an_ended_call_is_referred_to_by_nobody(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("nothing of this stays")
    await screen.until(lambda: screen.words(line.call) != "")
    assert list(remembered()) != []
    await line.hang_up()
    await screen.ended(line.call)
    await line.closed_with()
    assert await node.server.calls.wait_until_idle(10)
    assert list(remembered()) == []


async def test_no_word_of_an_ended_call_is_referred_to(node: Node) -> None:
    """Best effort, for freed memory is not wiped: but nothing that the server holds leads to a word of it."""
    screen = await node.screen()
    line = await node.call()
    await line.say("velvetwombat")
    await screen.until(lambda: screen.words(line.call) == "velvetwombat")
    assert texts_of(node) != []
    await line.hang_up()
    await screen.ended(line.call)
    await line.closed_with()
    assert await node.server.calls.wait_until_idle(10)
    screen.events.clear()  # the test's own, and the server's task group knows the test
    node.vendor.log.clear()  # so is the emulated vendor, which remembers what it heard
    assert texts_of(node) == []


def texts_of(node: Node) -> list[object]:
    """Return all texts reachable from the server that contain the word."""
    return [text for text in held_by(node.server) if _says(text, "velvetwombat")]


def _says(thing: object, word: str) -> bool:
    return (
        word in thing if isinstance(thing, str) else isinstance(thing, bytes | bytearray) and word.encode() in thing
    )
