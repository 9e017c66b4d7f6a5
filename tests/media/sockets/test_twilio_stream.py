"""Twilio's stream: signature and ticket are required; bad input is counted and the call continues."""

from __future__ import annotations

import time
from collections.abc import Callable

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from media import metrics
from protocol.tickets import sign_console, sign_stream
from sandbox.twilio.phone.media_stream import CONNECTED, signature
from tests.kit.media.media_node import ACCOUNT, SECRET, TOKEN, Node


def count(metric: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(metric, labels) or 0.0


@pytest.mark.parametrize("given", [None, "", "nonsense", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="])
async def test_a_handshake_that_twilio_did_not_sign_is_403(node: Node, given: str | None) -> None:
    headers = {} if given is None else {"x-twilio-signature": given}
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{node.url}/twilio/stream", additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == 403


async def test_a_signature_for_another_address_is_403(node: Node) -> None:
    headers = {"x-twilio-signature": signature(TOKEN, "wss://elsewhere.example/twilio/stream")}
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{node.url}/twilio/stream", additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == 403


async def test_an_older_token_still_opens_during_a_rotation(node: Node) -> None:
    url = f"{node.url}/twilio/stream"
    async with connect(url, additional_headers={"x-twilio-signature": signature(f"old{TOKEN}", url)}, proxy=None):
        pass


def _ticket(call: str) -> str:
    return sign_stream(SECRET, org="a", call=call, direction="inbound")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"ticket": ""},
        {"ticket": "nonsense"},
        {"ticket": _ticket("CAanother")},
        {"ticket": sign_console(SECRET, org="a", sub="m", role="agent")},
        {"ticket": jwt.encode({"aud": "stream", "exp": 1}, SECRET)},
    ],
    ids=["none", "empty", "nonsense", "borrowed", "console", "expired"],
)
async def test_a_bad_ticket_closes_with_4401(node: Node, parameters: dict[str, str]) -> None:
    line = await node.dial("CA1", parameters)
    await line.send(CONNECTED, line.writer.start())
    assert await line.closed_with() == 4401


async def test_a_replayed_ticket_closes_with_4401(node: Node) -> None:
    screen = await node.screen()
    first = await node.call(sid="CA7")
    await screen.until(lambda: "CA7" in screen.calls())
    second = await node.dial("CA7", dict(first.facts.parameters))
    await second.send(CONNECTED, second.writer.start())
    assert await second.closed_with() == 4401


_BAD: dict[str, Callable[[str, str], str | bytes]] = {
    "not_json": lambda start, media: "{",
    "no_event": lambda start, media: "[1]",
    "binary": lambda start, media: b"\x00\x01",
    "bad_media": lambda start, media: media.replace('"inbound"', '"up"'),
    "wrong_stream": lambda start, media: media.replace('"streamSid":"MZ', '"streamSid":"XX'),
    "second_start": lambda start, media: start,
}


async def test_bad_frames_are_counted_and_the_call_goes_on(node: Node) -> None:
    screen = await node.screen()
    before = {kind: count("bilby_bad_frames_total", kind=kind) for kind in _BAD}
    line = await node.dial("CA8", {"ticket": _ticket("CA8")})
    await line.send(*line.frames(b"\xff" * 160))  # before start
    await line.send(CONNECTED, line.writer.start())
    media = line.frames(b"\xff" * 160)[0]
    for bad in _BAD.values():
        await line.send(bad(line.writer.start(), media))
    await line.say("still here")
    await screen.until(lambda: screen.words("CA8") == "still here")
    for kind in _BAD:
        assert count("bilby_bad_frames_total", kind=kind) == before[kind] + 1, kind


async def test_a_frame_of_more_than_64_kb_closes_with_1009(node: Node) -> None:
    line = await node.call()
    await line.send("x" * 70_000)
    assert await line.closed_with() == 1009


async def test_unknown_events_are_ignored_without_a_count(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    for _ in range(60):
        await line.send('{"event":"future","x":1}')
    await line.say("fine")
    await screen.until(lambda: screen.words(line.call) == "fine")


async def test_a_flood_of_bad_frames_closes_with_4400(node: Node) -> None:
    line = await node.call()
    for _ in range(51):
        await line.send("nonsense")
    assert await line.closed_with() == 4400


async def test_a_stream_without_start_is_closed(node: Node) -> None:
    line = await node.dial("CA9", {})
    assert await line.closed_with() == 4408


async def test_a_fragmented_text_is_one_frame(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    texts = line.frames(b"\xff" * 160)
    await line.socket.send([texts[0][:20], texts[0][20:40], texts[0][40:]])
    await line.say("whole again")
    await screen.until(lambda: screen.words(line.call) == "whole again")


async def test_another_account_is_refused(node: Node) -> None:
    line = await node.dial("CA11", {"ticket": _ticket("CA11")})
    await line.send(line.writer.start().replace(ACCOUNT, "AC" + "1" * 32))
    assert await line.closed_with() == 4401


async def test_a_stream_is_closed_after_a_minute_without_a_frame_and_not_before(node: Node) -> None:
    """A call may ring for 30 s, and be silent on hold for longer."""
    line = await node.call()
    await node.vendor.until(lambda: node.vendor.opened == 1)
    (stream,) = node.server.streams
    now = time.monotonic()
    stream.tick(now + 59)
    await line.say("still here")
    stream.tick(time.monotonic() + 59)
    assert line.socket.close_code is None
    stream.tick(time.monotonic() + 61)
    assert await line.closed_with() == 4408
