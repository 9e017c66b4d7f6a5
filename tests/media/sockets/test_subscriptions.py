"""A console that says what it follows, at a real node: by its first message, later, and for calls of another node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protocol.tickets import sign_console, sign_reading
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import SECRET, Node
from tests.kit.media.two_nodes import TwoNodes

ROWS: dict[str, Any] = {"rows": True, "calls": []}


def reading(call: str, **claims: Any) -> dict[str, str]:
    usual: dict[str, Any] = {"org": "a", "sub": "sam", "name": "Sam Singh", "shown": True}
    return {"type": "read", "ticket": sign_reading(SECRET, call=call, **(usual | claims))}


def latest(screen: Screen, call: str) -> str:
    found = screen.rows().get(call, {}).get("latest")
    return "" if found is None else found["text"]


def utterances(screen: Screen) -> set[str]:
    """The calls of which utterances were told."""
    return {event["call"] for event in screen.events if event["type"] in ("utterance", "call.words")}


async def test_a_wall_is_told_rows_and_the_words_of_what_it_reads(node: Node) -> None:
    read, other = await node.call(agent="bob"), await node.call(agent="dana")
    await read.say("said before anybody looked")
    early = await node.screen("alice", "owner")
    await early.until(lambda: early.words(read.call) != "")
    sam = await node.screen(subscribe=ROWS)
    assert sam.calls()[read.call]["utterances"] == {}
    await sam.until(lambda: latest(sam, read.call) == "said before anybody looked")
    await sam.say(subscribe={"rows": True, "calls": [read.call]})
    await sam.say(**reading(read.call))
    await sam.until(lambda: sam.words(read.call) == "said before anybody looked")
    await read.say("and after")
    await other.say("of the other")
    await sam.until(lambda: "and after" in sam.words(read.call) and latest(sam, other.call) == "of the other")
    assert utterances(sam) == {read.call}
    await other.hang_up()
    await sam.ended(other.call)


async def test_an_unread_call_stays_without_words(node: Node) -> None:
    line = await node.call(agent="bob")
    sam = await node.screen(subscribe={"rows": True, "calls": [line.call]})
    await sam.say(**reading(line.call, sub="alice"))  # somebody else's ticket
    await line.say("hello there")
    await sam.until(lambda: latest(sam, line.call) == "hello there")
    assert utterances(sam) == set()
    await sam.say(**reading(line.call))
    await sam.until(lambda: sam.words(line.call) == "hello there")
    await sam.say(type="leave", call=line.call)
    await sam.say(type="translate", call=line.call, to="de")  # answered, so what came before was heard
    await sam.until(lambda: "translation.failed" in sam.types())
    told = len(sam.events)
    await line.say("not for Sam")
    await sam.until(lambda: latest(sam, line.call) == "not for Sam")
    assert "utterance" not in [event["type"] for event in sam.events[told:]]


async def test_an_agent_is_told_the_words_of_their_own_call(node: Node) -> None:
    own, other = await node.call(agent="bob"), await node.call(agent="dana")
    bob = await node.screen("bob", "agent", subscribe={"rows": True, "calls": [own.call, other.call]})
    alice = await node.screen("alice", "owner")
    await other.say("of Dana's")
    await alice.until(lambda: alice.words(other.call) != "")
    await own.say("of Bob's")
    await bob.until(lambda: bob.words(own.call) == "of Bob's" and latest(bob, own.call) == "of Bob's")
    assert set(bob.calls()) == set(bob.rows()) == {own.call}


@pytest.mark.parametrize(
    "malformed", [5, None, [], {"rows": "yes"}, {"calls": ["CA1"] * 9}, {"calls": "CA1"}, {"calls": ["x" * 65]}]
)
async def test_a_malformed_subscription_closes_at_first_and_is_ignored_later(node: Node, malformed: Any) -> None:
    screen = await node.open_screen()
    ticket = sign_console(SECRET, org="a", sub="sam", role="supervisor")
    await screen.socket.send(json.dumps({"ticket": ticket, "subscribe": malformed}))
    assert await screen.closed_with() == 4400
    line = await node.call(agent="bob")
    sam = await node.screen(subscribe=ROWS)
    await sam.say(subscribe=malformed)
    await line.say("still rows")
    await sam.until(lambda: latest(sam, line.call) == "still rows")
    assert utterances(sam) == set()


async def test_a_bad_ticket_is_refused_whatever_is_subscribed_to(node: Node) -> None:
    for subscribe in (ROWS, 5):
        screen = await node.open_screen()
        await screen.socket.send(json.dumps({"ticket": "x", "subscribe": subscribe}))
        assert await screen.closed_with() == 4401


async def test_who_subscribes_to_nothing_is_told_everything(node: Node) -> None:
    line = await node.call(agent="bob")
    everything, sam = await node.screen(), await node.screen(subscribe=ROWS)
    await line.say("hello there")
    await everything.until(lambda: everything.words(line.call) == "hello there")
    await sam.until(lambda: latest(sam, line.call) == "hello there")
    assert "rows" not in everything.types()


async def test_calls_of_another_node_are_followed_alike(nodes: TwoNodes) -> None:
    line = await nodes.a.call(agent="bob")
    await line.say("said before anybody looked")
    sam = await nodes.b.screen(subscribe={"rows": True, "calls": [line.call]})
    await sam.until(lambda: latest(sam, line.call) == "said before anybody looked")
    assert utterances(sam) == set()
    await sam.say(**reading(line.call))
    await sam.until(lambda: sam.words(line.call) == "said before anybody looked")
    await line.say("and after")
    await sam.until(lambda: sam.words(line.call) == "said before anybody looked and after")
    await line.hang_up()
    await sam.ended(line.call)
