"""A media node from outside: words travel, doors stay shut, bad input is counted and the call goes on."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import jwt
import nats
import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from media import metrics
from media.ticket import sign_console, sign_stream
from sandbox.media_stream import CONNECTED, signature
from sandbox.nats import NatsServer
from tests.node import ACCOUNT, ORIGIN, SECRET, TOKEN, Node, media_node, scripted_vendor


@pytest_asyncio.fixture
async def node(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Node]:
    port = free_port()
    async with NatsServer(tmp_path) as nats, scripted_vendor() as vendor, media_node(nats, vendor, port=port) as node:
        yield node


def count(metric: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(metric, labels) or 0.0


async def test_words_reach_a_console_partials_first_then_finals(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("good morning")
    await line.say("how can I help", "outbound")
    await screen.until(lambda: screen.words(line.call) == "good morning how can I help")
    utterances = [event["utterance"] for event in screen.events if event["type"] == "utterance"]
    assert [one["text"] for one in utterances[:2]] == ["good", "good morning"]
    assert not utterances[0]["final"]
    assert screen.words(line.call, "caller") == "good morning"
    assert screen.words(line.call, "agent") == "how can I help"
    assert screen.calls()[line.call]["state"] == "transcribing"
    await line.hang_up()
    await screen.ended(line.call)
    assert await line.closed_with() == 1000


async def test_speakers_change_sides_with_the_direction(node: Node) -> None:
    screen = await node.screen()
    line = await node.call(direction="outbound", agent="bob")
    await line.say("this is the agent")
    await line.say("and the customer", "outbound")
    await screen.until(lambda: "customer" in screen.words(line.call))
    assert screen.words(line.call, "agent") == "this is the agent"
    assert screen.words(line.call, "caller") == "and the customer"


async def test_the_last_words_come_after_stop(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("and goodbye then", pause=False)
    await line.hang_up()
    await screen.ended(line.call)
    assert screen.words(line.call) == "and goodbye then"
    assert screen.events[-1] == {"type": "call.ended", "call": line.call, "reason": "completed"}


async def test_who_joins_late_sees_the_words_so_far_and_who_may_not_sees_nothing(node: Node) -> None:
    early = await node.screen()
    line = await node.call(agent="bob")
    await line.say("said before anybody looked")
    await early.until(lambda: early.words(line.call) != "")
    late = await node.screen("alice", "owner")
    bob = await node.screen("bob", "agent")
    dana = await node.screen("dana", "agent")
    charlie = await node.screen("charlie", "owner", org="b")
    await line.say("and after")
    for screen in (late, bob):
        await screen.until(lambda screen=screen: "and after" in screen.words(line.call))  # type: ignore[misc]
        assert screen.words(line.call) == "said before anybody looked and after"
    await line.hang_up()
    await early.ended(line.call)
    assert dana.calls() == {}
    assert charlie.calls() == {}
    snapshot = (await node.screen("carol", "admin")).events[0]
    assert snapshot == {"type": "snapshot", "calls": []}


async def test_an_assignment_from_web_shows_the_agent_the_call(node: Node) -> None:
    bob = await node.screen("bob", "agent")
    line = await node.call()
    await line.say("who will answer me")
    web = await nats.connect(node.nats.url("web"))
    try:
        await web.publish(f"call.a.{line.call}.assigned", b'{"agent":"bob"}')
        await bob.until(lambda: "who will answer me" in bob.words(line.call))
    finally:
        await web.close()
    assert bob.types()[:2] == ["snapshot", "call.started"]


async def test_facts_without_words_reach_web(node: Node) -> None:
    facts: asyncio.Queue[tuple[str, dict[str, str]]] = asyncio.Queue()
    web = await nats.connect(node.nats.url("web"))
    try:

        async def take(message: Msg) -> None:
            facts.put_nowait((message.subject, json.loads(message.data)))

        await web.subscribe("call.>", cb=take)
        await web.flush()
        line = await node.call()
        await line.say("a secret nobody but the console may know")
        await line.hang_up()
        seen: list[tuple[str, dict[str, str]]] = []
        async with asyncio.timeout(10):
            while not seen or not seen[-1][0].endswith(".ended"):
                seen.append(await facts.get())
    finally:
        await web.close()
    assert seen[0][0] == f"call.a.{line.call}.started"
    assert seen[0][1]["stream"] == line.facts.stream_sid
    assert ("stream", "transcribing") in [(subject.rsplit(".")[-1], body.get("state")) for subject, body in seen]
    assert "secret" not in json.dumps(seen)


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
    "too_large": lambda start, media: "x" * 2_000_000,
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


async def test_a_console_from_another_page_is_403(node: Node) -> None:
    for origin in ("http://evil.example", ORIGIN + ".evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            await node.open_screen(origin)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        await connect(f"{node.url}/console", proxy=None)


@pytest.mark.parametrize("hello", ["", "{}", "nonsense", '{"ticket":5}', '{"ticket":"x"}', b"binary", "stream"])
async def test_a_console_without_a_good_ticket_is_4401(node: Node, hello: str | bytes) -> None:
    screen = await node.open_screen()
    await screen.socket.send(json.dumps({"ticket": _ticket("CA1")}) if hello == "stream" else hello)
    assert await screen.closed_with() == 4401


async def test_a_console_ticket_works_once(node: Node) -> None:
    hello = json.dumps({"ticket": sign_console(SECRET, org="a", sub="m", role="owner")})
    first, second = await node.open_screen(), await node.open_screen()
    await first.socket.send(hello)
    await first.until(lambda: first.types() == ["snapshot"])
    await second.socket.send(hello)
    assert await second.closed_with() == 4401


async def test_a_console_that_brings_no_ticket_is_4401(node: Node) -> None:
    screen = await node.open_screen()
    assert await screen.closed_with() == 4401


async def test_a_second_stream_takes_the_call_over(node: Node) -> None:
    screen = await node.screen()
    first = await node.call(sid="CA10")
    await first.say("on the first stream")
    await screen.until(lambda: "first stream" in screen.words("CA10"))
    second = await node.call(sid="CA10")
    assert await first.closed_with() == 4409
    await second.say("on the second")
    await screen.until(lambda: screen.words("CA10") == "on the first stream on the second")
    assert screen.types().count("call.started") == 1
    assert "call.ended" not in screen.types()


async def test_a_lost_stream_ends_the_call_unless_another_comes(node: Node) -> None:
    screen = await node.screen()
    line = await node.call()
    await line.say("cut off")
    await screen.until(lambda: screen.words(line.call) == "cut off")
    line.socket.transport.abort()
    await screen.until(lambda: screen.states(line.call)[-1:] == ["reconnecting"])
    await screen.ended(line.call)
    assert screen.events[-1]["reason"] == "stream lost"


async def test_pages_for_those_who_run_it(node: Node) -> None:
    http = node.url.replace("ws://", "http://")

    def fetch(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(http + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, ""

    get = asyncio.to_thread
    assert await get(fetch, "/healthz") == (200, "ok\n")
    await node.connected()
    assert await get(fetch, "/readyz") == (200, "ready\n")
    status, text = await get(fetch, "/metrics")
    assert status == 200
    assert "bilby_live_calls" in text
    assert (await get(fetch, "/nothing"))[0] == 404
    node.server.draining = True
    assert (await get(fetch, "/readyz"))[0] == 503
    url = f"{node.url}/twilio/stream"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"x-twilio-signature": signature(TOKEN, url)}, proxy=None)
    assert refused.value.response.status_code == 503


async def test_another_account_is_refused(node: Node) -> None:
    line = await node.dial("CA11", {"ticket": _ticket("CA11")})
    await line.send(line.writer.start().replace(ACCOUNT, "AC" + "1" * 32))
    assert await line.closed_with() == 4401
