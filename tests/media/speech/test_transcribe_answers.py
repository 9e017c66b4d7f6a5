"""Transcribe's answers to the handshake and in events: which end a transcription, and which do not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from media import metrics
from media.speech.transcription import Timing
from sandbox.engines.nats import NatsServer
from sandbox.transcribe import eventstream
from sandbox.transcribe.errors import AwsError
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import Node, media_node, scripted_vendor

QUICKLY = Timing(back_off=(0.02, 0.1, 0.5))
HEADERS = {":content-type": "application/json", ":event-type": "TranscriptEvent", ":message-type": "event"}


@pytest_asyncio.fixture
async def node(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Node]:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), timing=QUICKLY) as node,
    ):
        yield node


async def begun(node: Node) -> tuple[Screen, Line]:
    """Return a watched call that is open at Transcribe."""
    screen = await node.screen()
    line = await node.call()
    await line.say("hello")
    await screen.until(lambda: screen.words(line.call) == "hello")
    return screen, line


async def goes_on(screen: Screen, line: Line, words: str) -> None:
    await line.say("and on")
    await screen.until(lambda: screen.words(line.call) == f"{words} and on")
    assert screen.gaps(line.call) == []


def event(*results: dict[str, Any] | None) -> bytes:
    return eventstream.encode(HEADERS, json.dumps({"Transcript": {"Results": results}}).encode())


def result(
    name: str | None, text: str, *, partial: bool = True, start: float = 10, end: float = 11
) -> dict[str, Any]:
    alternatives = [{"Transcript": text, "Items": None}] if text else []
    times = {"StartTime": start, "EndTime": end}
    return {"ResultId": name, "IsPartial": partial, "ChannelId": "ch_0", "Alternatives": alternatives} | times


def shown(screen: Screen, line: Line) -> list[tuple[str, bool]]:
    """Return text and finality of each line on the page, in order."""
    utterances = screen.calls()[line.call]["utterances"].values()
    return [(one["text"], one["final"]) for one in sorted(utterances, key=lambda one: one["start_ms"])]


# The opening.


@pytest.mark.parametrize("minutes", [-360, -6, 6, 360])
async def test_a_clock_that_is_wrong_is_corrected_from_the_answers_date(node: Node, minutes: int) -> None:
    """A signature is good for five minutes; AWS refuses it in an event, after the upgrade."""
    screen, line = await begun(node)
    node.vendor.ahead = timedelta(minutes=minutes)
    node.vendor.drop()
    await goes_on(screen, line, "hello")
    assert node.vendor.refused == 1
    assert screen.calls()[line.call]["state"] == "transcribing"


async def test_a_clock_that_is_wrong_from_the_start_is_known_by_the_first_look(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with NatsServer(tmp_path) as nats, scripted_vendor() as vendor:
        vendor.ahead = timedelta(minutes=7)
        async with media_node(nats, vendor, port=free_port()) as node:
            await begun(node)
            line = await node.call()
            await vendor.until(lambda: vendor.opened == 2)
            await line.hang_up()
            assert vendor.refused <= 1


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_a_bare_refusal_may_come_from_anything_on_the_way(node: Node, status: int) -> None:
    node.vendor.refuse(status, bare=True)
    screen = await node.screen()
    line = await node.call()
    await line.say("hello")
    await node.vendor.until(lambda: node.vendor.refused >= 2)
    node.vendor.accept()
    await screen.until(lambda: screen.words(line.call) == "hello")
    await goes_on(screen, line, "hello")


PASSING = [
    ("ExpiredTokenException", "The security token included in the request is expired"),
    ("BadRequestException", "A client error occurred when the stream was created."),
    ("InvalidSignatureException", "The request signature we calculated does not match the signature you provided."),
    ("UnrecognizedClientException", "The security token included in the request is invalid."),
    ("SomethingNewException", "never heard of"),
]


@pytest.mark.parametrize(("kind", "text"), PASSING, ids=[kind for kind, _ in PASSING])
async def test_what_an_opening_is_told_may_pass(node: Node, kind: str, text: str) -> None:
    before = _failures(kind)
    node.vendor.denial = AwsError(kind, text)
    screen = await node.screen()
    line = await node.call()
    await line.say("hello")
    await node.vendor.until(lambda: node.vendor.refused >= 3)
    node.vendor.denial = None
    await screen.until(lambda: screen.words(line.call) == "hello")
    await goes_on(screen, line, "hello")
    assert "reconnecting" in screen.states(line.call)
    assert _failures(kind) >= before + 3  # and it says why


HOPELESS = [
    ("AccessDeniedException", "User: arn:aws:iam::1:user/b is not authorized to perform: transcribe:Start"),
    ("InvalidSignatureException", "Credential should be scoped to a valid region and correct service: 'us-east-1'."),
    ("BadRequestException", "The requested vocabulary couldn't be found. Check the vocabulary name."),
]


@pytest.mark.parametrize(("kind", "text"), HOPELESS, ids=[kind for kind, _ in HOPELESS])
async def test_what_cannot_get_better_is_not_tried_again(node: Node, kind: str, text: str) -> None:
    node.vendor.denial = AwsError(kind, text)
    screen = await node.screen()
    line = await node.call()
    await line.say("hello")
    await screen.until(lambda: screen.states(line.call)[-1:] == ["failed"])
    await line.hang_up()
    await screen.ended(line.call)
    assert node.vendor.refused == 1
    assert screen.gaps(line.call) != []


def _failures(kind: str) -> float:
    return metrics.REGISTRY.get_sample_value("bilby_transcribe_failures_total", {"kind": kind}) or 0.0


# Its events.

UNREADABLE = {
    "no event-stream": b"hello",
    "a wrong checksum": event(result("r", "x"))[:-1] + b"\x00",
    "cut short": event(result("r", "x"))[:-20],
    "no JSON": eventstream.encode(HEADERS, b"{"),
    "a list": eventstream.encode(HEADERS, b"[]"),
    "a number for a text": eventstream.encode(HEADERS, b'{"Transcript":{"Results":[{"ResultId":7}]}}'),
    "an event not known yet": eventstream.encode(HEADERS | {":event-type": "UtteranceEvent"}, b"{}"),
    "no type": eventstream.encode({":content-type": "application/json"}, b"{}"),
    "nothing": b"",
}


@pytest.mark.parametrize("frame", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_event_that_cannot_be_read_is_skipped(node: Node, frame: bytes) -> None:
    screen, line = await begun(node)
    node.vendor.say(frame)
    node.vendor.say(frame)
    await goes_on(screen, line, "hello")
    assert node.vendor.opened == 1


async def test_a_connection_that_says_only_the_unreadable_is_left(node: Node) -> None:
    _, line = await begun(node)
    for _ in range(30):
        node.vendor.say(b"hello")
    await node.vendor.until(lambda: node.vendor.opened == 2)
    await line.hang_up()


async def test_a_newer_result_closes_the_older(node: Node) -> None:
    screen, line = await begun(node)
    node.vendor.say(event(result("r1", "never ended")))
    node.vendor.say(event(result("r2", "the next", start=12, end=13)))
    await screen.until(lambda: ("the next", False) in shown(screen, line))
    assert ("never ended", True) in shown(screen, line)
    node.vendor.say(event(result("r1", "too late", partial=False)))
    node.vendor.say(event(result("r2", "the next one", partial=False, start=12, end=13)))
    await screen.until(
        lambda: shown(screen, line) == [("hello", True), ("never ended", True), ("the next one", True)]
    )


@pytest.mark.parametrize("alternatives", [None, [], [{}], [{"Transcript": ""}], [{"Transcript": " "}], [None]])
async def test_a_final_without_words_settles_and_leaves_no_line(node: Node, alternatives: list[Any] | None) -> None:
    screen, line = await begun(node)
    empty = result("r2", "", partial=False, start=10, end=3600) | {"Alternatives": alternatives}
    node.vendor.say(event(empty))
    node.vendor.say(event(result("r3", "as shown", start=3600, end=3601)))
    node.vendor.say(event(result("r3", "", partial=False, start=3600, end=3601)))
    await screen.until(lambda: shown(screen, line) == [("hello", True), ("as shown", True)])
    assert node.vendor.opened == 1


async def test_the_sound_of_an_empty_final_is_not_sent_again(node: Node) -> None:
    """Transcribe's final result without words for a stretch of noise acknowledges it."""
    screen, line = await begun(node)
    await line.play(bytes([0x20, 0xA0]) * 4000)  # a second of tone
    await node.vendor.until(lambda: node.vendor.log[-1].audio_seconds >= line.at_ms / 1000 - 0.2)
    end = line.at_ms / 1000
    node.vendor.say(event(result("r2", "", partial=False, start=0, end=end)))
    node.vendor.say(event(result("r3", "marks that it was taken", partial=False, start=end, end=end)))
    await screen.until(lambda: "marks that it was taken" in screen.words(line.call))
    node.vendor.drop()
    await node.vendor.until(lambda: node.vendor.opened == 2)
    await line.say("and on")
    await screen.until(lambda: "and on" in screen.words(line.call))
    spoken = node.vendor.log[-1].audio_seconds
    assert spoken < (line.at_ms / 1000 - end) + 1.0


async def test_null_wherever_a_member_is_optional(node: Node) -> None:
    screen, line = await begun(node)
    names = ("ResultId", "StartTime", "EndTime", "IsPartial", "ChannelId", "Alternatives")
    for name in names:
        node.vendor.say(event(result(f"r{name}", f"without {name}", partial=False) | {name: None}))
    node.vendor.say(event(None, {}, dict.fromkeys(names)))
    node.vendor.say(eventstream.encode(HEADERS, b'{"Transcript":null}'))
    kept = {f"without {name}" for name in names if name != "Alternatives"}
    await screen.until(lambda: kept <= {text for text, final in shown(screen, line) if final})
    assert "" not in {text for text, _ in shown(screen, line)}
    assert node.vendor.opened == 1
