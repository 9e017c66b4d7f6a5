"""A call from its first word to its last, as the console and web see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import nats
from hypothesis import given, strategies as st
from nats.aio.msg import Msg

from media import metrics
from media.quota.admission import Admission
from media.speech.call import Call, CallTiming
from media.speech.delays import Delays
from media.speech.frames import Media, MediaBody
from media.speech.transcribe import Connection, Hearing, OnEvent
from protocol.messages import Delay, StreamState
from protocol.tickets import StreamTicket
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_node import Node, media_node, scripted_vendor
from tests.kit.media.nats import settled


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


async def test_facts_without_words_reach_web(node: Node) -> None:
    facts: asyncio.Queue[tuple[str, dict[str, str]]] = asyncio.Queue()
    web = await nats.connect(node.nats.url("web"))
    try:

        async def take(message: Msg) -> None:
            facts.put_nowait((message.subject, json.loads(message.data)))

        await web.subscribe("call.>", cb=take)
        await settled(web)
        line = await node.call()
        await line.say("a secret nobody but the console may know")
        await line.hang_up()
        seen: list[tuple[str, dict[str, str]]] = []
        async with asyncio.timeout(60):
            while not seen or not seen[-1][0].endswith(".ended"):
                seen.append(await facts.get())
    finally:
        await web.close()
    assert seen[0][0] == f"call.a.{line.call}.started"
    assert seen[0][1]["stream"] == line.facts.stream_sid
    assert ("stream", "transcribing") in [(subject.rsplit(".")[-1], body.get("state")) for subject, body in seen]
    assert "secret" not in json.dumps(seen)


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


async def test_a_lost_stream_is_told_at_once_and_again_and_ends_the_call_unless_another_comes(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        media_node(server, vendor, port=free_port(), call_timing=CallTiming(linger=7.0)) as node,
    ):
        await node.connected()
        web = await nats.connect(server.url("web"))
        reports = await web.subscribe("call.a.*.lost")
        await settled(web)
        screen = await node.screen()
        line = await node.call()
        await line.say("cut off")
        await screen.until(lambda: screen.words(line.call) == "cut off")
        line.socket.transport.abort()
        await screen.until(lambda: screen.states(line.call)[-1:] == ["reconnecting"])
        facts = [await reports.next_msg(60) for _ in range(2)]
        assert {fact.subject for fact in facts} == {f"call.a.{line.call}.lost"}
        assert {json.loads(fact.data)["stream"] for fact in facts} == {line.facts.stream_sid}
        late = await node.screen("alice", "owner")
        assert late.words(line.call) == "cut off", "the words stay meanwhile"
        await screen.ended(line.call)
        assert screen.events[-1]["reason"] == "stream lost"
        await web.close()
    assert CallTiming().linger >= 30


def counted(metric: str) -> float:
    return metrics.REGISTRY.get_sample_value(metric) or 0.0


def a_call(tell: Callable[[object], None] = lambda _: None) -> Call:
    """Return a call that is not run, so it transcribes nothing; ``tell`` hears what web is told."""

    async def open_(_: OnEvent, _hearing: Hearing) -> Connection:
        raise AssertionError("not run")

    return Call(
        StreamTicket("a", "CA1", "inbound", "m1", "j", 0),
        agent="m1",
        hearing=Hearing("en-AU"),
        open_=open_,
        admission=Admission("node", 1),
        publish=lambda _org, _event: None,
        publish_status=lambda _org, _call, _fact, body: tell(body),
    )


def hear(call: Call, *ticks: int) -> None:
    """Let ``call`` hear both tracks' frames of 20 ms at these places."""
    for tick in ticks:
        for track in ("inbound", "outbound"):
            call.take(Media(MediaBody(track, tick * 20, b"\x20" * 160), "MZ1"))


async def test_web_hears_of_a_gap_when_and_how_long_it_was() -> None:
    told: list[object] = []
    call = a_call(told.append)
    hear(call, *range(50))
    hear(call, *range(100, 150))
    call.end("completed")
    found = [each for each in told if isinstance(each, StreamState) and each.missed is not None]
    missed = [each.missed for each in found if each.missed is not None]
    assert sum(each.ms for each in missed) == 1000
    assert {each.cause for each in missed} == {"twilio"}
    assert {each.state for each in found} == {None}  # it has not changed


async def test_frames_are_counted_once_and_late_ones_too_when_the_words_are_stopped() -> None:
    frames, late = counted("bilby_frames_total"), counted("bilby_late_frames_total")
    call = a_call()
    hear(call, *range(10), 0)  # the last two belong to a chunk that was cut
    call.count()
    call.count()
    assert (counted("bilby_frames_total") - frames, counted("bilby_late_frames_total") - late) == (22, 2)
    hear(call, 1)
    call.stop_words()
    call.count()
    hear(call, 11)
    call.count()
    assert (counted("bilby_frames_total") - frames, counted("bilby_late_frames_total") - late) == (26, 4)


async def test_audio_that_waits_in_the_socket_of_a_busy_node_does_not_count_as_heard() -> None:
    """Else nobody would report it as lost if another node took the call over."""
    call = a_call()
    hear(call, *range(50))  # at once, as after a stall: by the clock on the wall nothing has passed
    assert call.heard_until == (call.place.began or 0) / 1000 + 1.0


def test_without_words_there_is_no_delay() -> None:
    assert Delays().delay() is None


@given(st.lists(st.integers(0, 60_000), min_size=1))
def test_the_average_delay_and_the_most(samples: list[int]) -> None:
    delays = Delays()
    for ms in samples:
        delays.add(ms)
    assert delays.delay() == Delay(round(sum(samples) / len(samples)), max(samples))
