"""Frames are lost, late, duplicated and out of order, sockets break: every word is shown, or a gap covers it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.audio import coded_words
from sandbox.twilio.faults import Faults, Mangler
from tests.kit.media.heard_words import WORD_MS, Talk, Word, account, causes
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import Node

WORDS = 40
RATES = (0.01, 0.05, 0.1, 0.2)
WAYS: dict[str, Callable[[float], Faults]] = {
    "lost": lambda rate: Faults(lose=rate),
    "late": lambda rate: Faults(delay=rate, delay_by=0.1),
    "very late": lambda rate: Faults(delay=rate, delay_by=0.6),
    "doubled": lambda rate: Faults(duplicate=rate),
    "reordered": lambda rate: Faults(reorder=rate),
    "all of it": lambda rate: Faults(lose=rate / 4, delay=rate / 4, duplicate=rate / 4, reorder=rate / 4),
}


def mangler(faults: Faults) -> Callable[[list[str]], list[str]]:
    """Change a line's frames; two of them are one tick of Twilio's clock."""
    way, ticks = Mangler(faults), itertools.count()

    def send(frames: list[str]) -> list[str]:
        pairs = zip(frames[::2], frames[1::2], strict=True)
        return [text for pair in pairs for text in way.pass_on(pair, next(ticks))]

    return send


def utterances(screen: Screen, talk: Talk) -> list[dict[str, Any]]:
    """All that is shown of a call."""
    return list(screen.calls()[talk.line.call]["utterances"].values())


async def converse(talk: Talk, words: int = WORDS) -> None:
    """Both talk, in sentences of unlike length."""
    for number in range(words // 4):
        await talk.say(3, "inbound", pause=number % 3 == 0)
        await talk.say(1, "outbound", pause=number % 4 == 0)


async def begun(node: Node) -> tuple[Screen, Talk]:
    """A call that is being transcribed: what follows may come as fast as it likes."""
    screen = await node.screen()
    talk = Talk(await node.call())
    await talk.say(1, pause=True)
    await screen.until(lambda: talk.said[-1].text in screen.words(talk.line.call))
    return screen, talk


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rate", RATES)
async def test_a_bad_way_costs_no_word_that_no_gap_tells_of(node: Node, way: str, rate: float) -> None:
    for seed in range(3):
        screen, talk = await begun(node)
        talk.mangle = mangler(replace(WAYS[way](rate), seed=seed))
        await converse(talk)
        talk.mangle = lambda frames: frames
        await talk.end(screen)
        missing = account(talk, screen)
        if way in ("doubled", "reordered", "late"):
            assert missing == []
            assert screen.gaps(talk.line.call) == []
        assert causes(screen, talk.line.call) <= {"twilio"}


@pytest.mark.parametrize("seconds", [1, 5, 40])
async def test_what_never_comes_is_a_gap_of_its_length(node: Node, seconds: int) -> None:
    screen, talk = await begun(node)
    await talk.say(4, pause=True)
    lost_from = talk.line.at_ms
    await talk.say_unheard(round(seconds / 0.36))
    lost_to = talk.line.at_ms
    await talk.say(4, pause=True)
    await talk.end(screen)
    assert len(account(talk, screen)) == round(seconds / 0.36)
    (gap,) = screen.gaps(talk.line.call)
    assert gap["cause"] == "twilio"
    assert abs(gap["from_ms"] - lost_from) <= 100
    assert abs(gap["to_ms"] - lost_to) <= 100


async def test_a_stall_that_is_made_good_costs_nothing(node: Node) -> None:
    """Twilio's network holds words back for longer than any audio waits for late frames, then sends them at once."""
    screen, talk = await begun(node)
    held: list[str] = []
    talk.mangle = lambda frames: held.extend(frames) or []  # type: ignore[func-returns-value]
    await talk.say(8, pause=True)
    await asyncio.sleep(1.2)
    await talk.line.send(*held)
    talk.mangle = lambda frames: frames
    await talk.say(4, "outbound", pause=True)
    await talk.end(screen)
    assert account(talk, screen) == []
    assert screen.gaps(talk.line.call) == []


async def test_one_track_that_stalls_alone_is_owned_up_to(node: Node) -> None:
    """Three seconds of one track come at once, when the other's were long sent without them."""
    screen, talk = await begun(node)
    held: list[str] = []

    def hold(frames: list[str]) -> list[str]:
        held.extend(text for text in frames if '"outbound"' in text)
        return [text for text in frames if '"inbound"' in text]

    stalled_from = talk.line.at_ms
    talk.mangle = hold
    await talk.say(8, "outbound")
    stalled_to = talk.line.at_ms
    await talk.line.send(*held)
    talk.mangle = lambda frames: frames
    await talk.say(4, "outbound", pause=True)
    await talk.end(screen)
    assert account(talk, screen) != []  # each of which a gap tells of
    (gap,) = screen.gaps(talk.line.call)
    assert gap["cause"] == "twilio"
    assert stalled_from - 100 <= gap["from_ms"] < gap["to_ms"] <= stalled_to


async def test_one_track_may_come_late_or_never(node: Node) -> None:
    screen, talk = await begun(node)
    talk.mangle = lambda frames: [text for text in frames if '"inbound"' in text]
    await talk.say(8, pause=True)
    talk.mangle = lambda frames: frames
    await converse(talk, 12)
    await talk.end(screen)
    assert account(talk, screen) == []


async def test_a_broken_socket_is_followed_by_another_and_the_seam_is_told(node: Node) -> None:
    began = time.monotonic()
    screen, first = await begun(node)
    first.line.socket.transport.abort()
    await screen.until(lambda: "reconnecting" in screen.states(first.line.call))
    said_ahead = first.line.at_ms / 1000 - (time.monotonic() - began)
    await asyncio.sleep(max(0.0, said_ahead) + 0.6)  # on the call's clock: nobody hears this
    second = Talk(await node.call(sid=first.line.call))
    await second.say(6, pause=True)
    await second.line.hang_up()
    await screen.ended(first.line.call)
    assert screen.words(first.line.call).split() == [word.text for word in (*first.said, *second.said)]
    (gap,) = screen.gaps(first.line.call)
    assert (gap["cause"], gap["from_ms"]) == ("twilio", first.line.at_ms + 40)  # to the end of the last chunk
    assert gap["to_ms"] <= min(
        one["start_ms"] for one in utterances(screen, first) if one["text"].startswith("i0 i1")
    )


async def test_a_word_that_a_broken_socket_cut_in_two_lies_in_the_gap(node: Node) -> None:
    began = time.monotonic()
    screen, first = await begun(node)
    await first.say(4)
    cut = first.line.frames(coded_words.encode("cut"), "inbound")
    first.said.append(Word("cut", "caller", first.line.at_ms - WORD_MS, first.line.at_ms - 60))
    await asyncio.sleep(max(0.0, first.line.at_ms / 1000 - (time.monotonic() - began)))  # no faster than speech
    await first.line.send(*cut[: len(cut) // 4])
    first.line.socket.transport.abort()
    await screen.until(lambda: "reconnecting" in screen.states(first.line.call))
    second = Talk(await node.call(sid=first.line.call))
    await second.line.send(*second.line.frames(coded_words.encode("cut")[-800:], "inbound"))
    await second.say(6, pause=True)
    await second.line.hang_up()
    await screen.ended(first.line.call)
    assert "cut" not in screen.words(first.line.call)
    (gap,) = screen.gaps(first.line.call)
    assert gap["from_ms"] <= first.said[-1].start_ms + WORD_MS // 3
    assert gap["to_ms"] >= first.said[-1].end_ms
