"""Who reads a call is shown to its agent, and a supervisor's lines reach them: by a ticket of web's, and no disk."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import nats
import pytest

from media.nodes import readers
from protocol.tickets import sign_reading
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import SECRET, Node

CANARY = "offer the wallaby discount"


def reading(call: str, **claims: Any) -> dict[str, str]:
    usual: dict[str, Any] = {"org": "a", "sub": "sam", "name": "Sam Singh", "shown": True}
    return {"type": "read", "ticket": sign_reading(SECRET, call=call, **(usual | claims))}


async def says(screen: Screen, **said: Any) -> None:
    await screen.socket.send(json.dumps(said))


async def test_the_agent_sees_who_reads_along_and_reads_what_they_write(node: Node) -> None:
    line = await node.call(agent="bob")
    bob, dana, sam = await node.screen("bob", "agent"), await node.screen("dana", "agent"), await node.screen()
    await says(sam, **reading(line.call))
    await bob.until(lambda: bob.readers(line.call) == ["Sam Singh"])
    await says(sam, type="write", call=line.call, text=f"  {CANARY}\n")
    await bob.until(lambda: bob.lines(line.call) == [CANARY])
    await sam.until(lambda: sam.lines(line.call) == [CANARY])
    again = await node.screen("bob", "agent")
    await again.until(lambda: again.lines(line.call) == [CANARY] and again.readers(line.call) == ["Sam Singh"])
    await says(sam, type="leave", call=line.call)
    await bob.until(lambda: bob.readers(line.call) == [])
    assert (dana.readers(line.call), dana.lines(line.call)) == (None, [])
    await line.hang_up()
    await bob.ended(line.call)


async def test_who_closes_their_page_reads_no_longer(node: Node) -> None:
    line = await node.call(agent="bob")
    bob, sam = await node.screen("bob", "agent"), await node.screen()
    await says(sam, **reading(line.call))
    await bob.until(lambda: bob.readers(line.call) == ["Sam Singh"])
    await sam.close()
    await bob.until(lambda: bob.readers(line.call) == [])


async def test_who_is_not_to_be_shown_is_not_shown_and_may_write(node: Node) -> None:
    line = await node.call(agent="bob")
    bob, sam = await node.screen("bob", "agent"), await node.screen()
    await says(sam, **reading(line.call, shown=False))
    await says(sam, type="write", call=line.call, text="hello")
    await bob.until(lambda: bob.lines(line.call) == ["hello"])
    assert bob.readers(line.call) is None


@pytest.mark.parametrize(
    "claims", [{"org": "b"}, {"sub": "alice"}, {"call": "CA" + "9" * 32}], ids=["organisation", "member", "call"]
)
async def test_only_who_has_webs_ticket_reads_or_writes(node: Node, claims: dict[str, str]) -> None:
    line = await node.call(agent="bob")
    bob, sam = await node.screen("bob", "agent"), await node.screen()
    await says(sam, **reading(claims.get("call", line.call), **{k: v for k, v in claims.items() if k != "call"}))
    await says(sam, type="write", call=line.call, text="unseen")
    await says(bob, **reading(line.call, sub="bob"))
    await says(sam, **reading(line.call))
    await bob.until(lambda: bob.readers(line.call) == ["Sam Singh"])
    assert bob.lines(line.call) == []


async def test_a_ticket_is_used_once(node: Node) -> None:
    line = await node.call(agent="bob")
    bob, sam = await node.screen("bob", "agent"), await node.screen()
    ticket = reading(line.call)
    await says(sam, **ticket)
    await bob.until(lambda: bob.readers(line.call) == ["Sam Singh"])
    await says(sam, type="leave", call=line.call)
    await bob.until(lambda: bob.readers(line.call) == [])
    await says(sam, **ticket)
    await says(sam, type="write", call=line.call, text="again")
    await line.say("and then words")
    await bob.until(lambda: "and then words" in bob.words(line.call))
    assert (bob.readers(line.call), bob.lines(line.call)) == ([], [])


async def test_a_console_that_says_nonsense_goes_on(node: Node) -> None:
    line = await node.call(agent="bob")
    sam = await node.screen()
    for said in ("nonsense", "[]", '{"type":"read"}', '{"type":"write","call":5}', '{"type":"none"}', "x" * 50_000):
        await sam.socket.send(said)
    await line.say("still here")
    await sam.until(lambda: "still here" in sam.words(line.call))


async def test_lines_pass_where_web_hears_nothing_and_are_logged_nowhere(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    line = await node.call(agent="bob")
    bob, sam = await node.screen("bob", "agent"), await node.screen()
    web = await nats.connect(node.nats.url("web"))
    heard: list[bytes] = []
    has_heard = asyncio.Event()

    async def hear(message: Any) -> None:
        heard.append(message.data)
        has_heard.set()

    for subject in ("call.>", "handover.>", "progress.>", "phrases.*.wanted", "node.*.alive"):
        await web.subscribe(subject, cb=hear)
    await web.flush()
    await says(sam, **reading(line.call))
    await says(sam, type="write", call=line.call, text=CANARY)
    await bob.until(lambda: bob.lines(line.call) == [CANARY])
    await line.hang_up()
    await bob.ended(line.call)
    await has_heard.wait()
    await web.drain()
    assert not any(CANARY.encode() in each for each in heard)
    out, err = capsys.readouterr()
    assert CANARY not in out + err


async def test_lines_are_bounded(node: Node) -> None:
    line = await node.call(agent="bob")
    bob, sam = await node.screen("bob", "agent"), await node.screen()
    await says(sam, **reading(line.call))
    await says(sam, type="write", call=line.call, text="x" * 3000)
    await bob.until(lambda: len(bob.lines(line.call)) == 1)
    assert len(bob.lines(line.call)[0]) == readers.LONGEST_LINE
