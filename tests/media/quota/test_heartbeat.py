"""Heartbeats: which nodes are alive, and which streams are where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import nats
from hypothesis import given, strategies as st
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from media.quota.membership import GONE_SECONDS, Membership
from protocol.messages import Heartbeat
from sandbox.engines.nats import NatsServer, User
from tests.kit.media.media_node import Node, media_node
from tests.kit.media.nats import settled

_times = st.floats(0, 100, allow_nan=False)


@given(st.lists(st.tuples(st.sampled_from("abc"), _times)), _times)
def test_who_was_heard_lately_lives(heartbeats: list[tuple[str, float]], now: float) -> None:
    membership = Membership()
    for number, (node, at) in enumerate(sorted(heartbeats, key=lambda pair: pair[1])):
        membership.receive(node, Heartbeat(calls=number), at)
    now = max([now, *(at for _, at in heartbeats)])
    assert membership.alive(now).keys() == {node for node, at in heartbeats if now - at < GONE_SECONDS}


@asynccontextmanager
async def listening(server: NatsServer, user: User, subject: str) -> AsyncIterator[tuple[Client, Subscription]]:
    client = await nats.connect(server.url(user))
    try:
        subscription = await client.subscribe(subject)
        await settled(client)
        yield client, subscription
    finally:
        await client.close()


async def _fact(subscription: Subscription) -> tuple[str, dict[str, Any]]:
    message = await subscription.next_msg(60)
    return message.subject.rpartition(".")[2], json.loads(message.data)


async def test_a_node_says_that_it_lives_and_hears_it_of_others(node: Node, free_port: Callable[[], int]) -> None:
    await node.connected()
    line = await node.call()
    async with (
        media_node(node.nats, node.vendor, port=free_port()) as other,
        listening(node.nats, "web", "node.*.alive") as (_, heartbeats),
        asyncio.timeout(60),
    ):
        heard: set[int] = set()
        while heard != {0, 1}:
            heard.add(json.loads((await heartbeats.next_msg(60)).data)["calls"])
        membership = other.server.admission.membership
        while [heartbeat.calls for heartbeat in membership.alive(asyncio.get_running_loop().time()).values()] != [1]:
            await heartbeats.next_msg(60)
    await line.hang_up()


async def test_who_asks_is_told_which_streams_are_where(node: Node) -> None:
    await node.connected()
    line = await node.call()
    screen = await node.screen()
    await line.say("hello")
    await screen.until(lambda: screen.words(line.call) == "hello")
    async with listening(node.nats, "web", f"call.a.{line.call}.*") as (client, facts):
        await client.publish("facts.wanted", b"{}")
        kind, started = await _fact(facts)
        assert (kind, started["stream"], started["again"]) == ("started", line.facts.stream_sid, "true")
        assert int(started["at"]) >= int(started["began"])
        kind, stream = await _fact(facts)
        assert (kind, stream["state"]) == ("stream", "transcribing")


async def test_a_call_that_two_nodes_have_is_the_newer_ones(node: Node) -> None:
    """One was away from NATS when the call moved, and announces its streams when it is back."""
    await node.connected()
    line = await node.call()
    screen = await node.screen()
    await screen.until(lambda: line.call in screen.calls())
    subject = f"call.a.{line.call}.started"
    async with listening(node.nats, "media", subject) as (client, facts):
        older = {"stream": "MZ1", "node": "elsewhere", "at": "1", "again": "true"}
        await client.publish(subject, json.dumps(older).encode())
        await facts.next_msg(60)  # our own
        kind, answer = await _fact(facts)
        assert (kind, answer["stream"], "again" in answer) == ("started", line.facts.stream_sid, False)
        newer = older | {"at": str(int(answer["at"]) + 1)}
        await client.publish(subject, json.dumps(newer).encode())
        assert await line.closed_with() == 4409
