"""Phrase rules come from web while calls go on; what fires is on every console, and with web without its words."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import nats

from media.nodes.phrase_book import AT_ONCE, PhraseBook
from protocol.messages import PHRASE_RULES, RulePart
from protocol.nats import MEDIA, NatsConnection
from protocol.phrases import PhraseRule, PhraseRules
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_ends import Screen
from tests.kit.media.nats import settled
from tests.kit.media.two_nodes import TwoNodes

LEAVES = PhraseRule("r1", "Leaving", ("want to cancel",), priority=1, card="Offer three months.", cooldown_s=60)
TOLD = PhraseRule("r2", "Disclosure", ("shown as text",), speaker="agent", must_say=True)


async def send(nodes: TwoNodes, *rules: PhraseRule, version: int | None = None) -> None:
    """Send all rules of the organisation, the last first."""
    version = version or time.time_ns() // 1_000_000
    parts = [RulePart(version, len(rules), number, rule) for number, rule in enumerate(rules)]
    for part in reversed(parts or [RulePart(version, 0)]):
        await nodes.web.publish(PHRASE_RULES.to("a"), PHRASE_RULES.write(part))
    await settled(nodes.web)


def fired(screen: Screen, call: str) -> list[tuple[str, str]]:
    phrases = [event["phrase"] for event in screen.events if event["type"] == "phrase" and event["call"] == call]
    return [(phrase["rule"], phrase["speaker"]) for phrase in phrases]


async def test_what_fires_is_on_every_console_once_and_web_is_told_without_words(nodes: TwoNodes) -> None:
    near, far = await nodes.a.screen(), await nodes.b.screen()
    line = await nodes.a.call()
    await line.say("hello")
    await near.until(lambda: near.words(line.call) == "hello")
    assert ("phrases.a.wanted", {}) in nodes.facts
    await send(nodes, LEAVES, TOLD)
    await line.say("I want to cancel")
    await line.say("this call is shown as text", "outbound")
    await line.say("I said I want to cancel")  # within its cooldown
    await line.say("that is all")
    for screen in (near, far):
        await screen.until(lambda screen=screen: "that is all" in screen.words(line.call))  # type: ignore[misc]
        await screen.until(lambda screen=screen: len(fired(screen, line.call)) == 2)  # type: ignore[misc]
        assert fired(screen, line.call) == [("r1", "caller"), ("r2", "agent")]
    first = next(event["phrase"] for event in near.events if event["type"] == "phrase")
    assert (first["name"], first["card"], first["priority"]) == ("Leaving", "Offer three months.", 1)
    assert near.calls()[line.call]["utterances"][first["utterance"]]["text"] == "I want to cancel"
    late = await nodes.b.screen()
    assert [phrase["rule"] for phrase in late.calls()[line.call]["phrases"]] == ["r1", "r2"]
    await settled(nodes.web)
    async with asyncio.timeout(30):
        while len(nodes.told(line.call, "phrase")) < 2:  # noqa: ASYNC110  (it comes over a socket)
            await asyncio.sleep(0.01)
    assert [set(told) for told in nodes.told(line.call, "phrase")] == [{"rule", "speaker", "at", "node"}] * 2
    assert "cancel" not in json.dumps(nodes.facts)


async def test_a_change_goes_for_live_calls_and_an_older_one_is_ignored(nodes: TwoNodes) -> None:
    near = await nodes.a.screen()
    line = await nodes.a.call()
    await send(nodes, LEAVES, version=2_000)
    await send(nodes, version=3_000)
    await send(nodes, LEAVES, version=2_500)
    await line.say("I want to cancel")
    await near.until(lambda: near.words(line.call) == "I want to cancel")
    await send(nodes, LEAVES, version=4_000)
    await line.say("I want to cancel")
    await near.until(lambda: fired(near, line.call) != [])
    assert fired(near, line.call) == [("r1", "caller")]


async def test_a_call_that_moves_keeps_what_fired_and_its_cooldown(nodes: TwoNodes) -> None:
    began = round(time.time() * 1000)
    far = await nodes.b.screen()
    line = await nodes.a.call()
    await send(nodes, LEAVES)
    await line.say("I want to cancel")
    await far.until(lambda: fired(far, line.call) != [])
    moved = await nodes.b.call(sid=line.call, began=began)
    await moved.say("I want to cancel please")
    await far.until(lambda: "please" in far.words(line.call))
    assert fired(far, line.call) == [("r1", "caller")]
    await moved.say("goodbye")
    await far.until(lambda: "goodbye" in far.words(line.call))
    view = (await nodes.b.screen()).calls()[line.call]
    assert [phrase["rule"] for phrase in view["phrases"]] == ["r1"]


async def test_known_rules_are_not_asked_for_with_each_call_but_when_web_is_back(nodes: TwoNodes) -> None:
    line = await nodes.a.call()
    await send(nodes, LEAVES)
    near = await nodes.a.screen()
    await line.say("I want to cancel")
    await near.until(lambda: fired(near, line.call) != [])
    await _asked(nodes, 1)
    other = await nodes.a.call()
    await other.say("I want to cancel")
    await near.until(lambda: fired(near, other.call) != [])
    await settled(nodes.web)
    assert _times_asked(nodes) == 1
    await nodes.web.publish("facts.wanted", b"{}")
    await _asked(nodes, 2)


async def test_rules_that_come_again_unchanged_are_not_made_ready_again(tmp_path: Path) -> None:
    many = PhraseRule("r3", "Many", tuple(f"said number {number}" for number in range(AT_ONCE)))
    async with NatsServer(tmp_path) as server:
        connection = NatsConnection(server.url("media"), "media", MEDIA)
        book = PhraseBook(connection)
        web = await nats.connect(server.url("web"))

        async def sent(version: int, *rules: PhraseRule) -> PhraseRules | None:
            """Send rules of A, then one of another organisation; the rules of A once that one is known."""
            for org, some in (("a", rules), (f"after-{version}", (TOLD,))):
                for number, rule in enumerate(some):
                    part = RulePart(version, len(some), number, rule)
                    await web.publish(PHRASE_RULES.to(org), PHRASE_RULES.write(part))
            async with asyncio.timeout(60):
                while book.of(f"after-{version}") is None:  # noqa: ASYNC110  (it comes over a socket)
                    await asyncio.sleep(0.01)
            return book.of("a")

        async with connection.running():
            assert await connection.is_confirmed_within(60)
            first = await sent(1, LEAVES, many)
            assert first is not None
            assert [rule.id for rule in first.fired("I want to cancel said number 7", "caller")] == ["r1", "r3"]
            assert await sent(2, many, LEAVES) is first
            fewer = await sent(3, LEAVES)
            assert fewer is not None
            assert [rule.id for rule in fewer.rules] == ["r1"]
        await web.close()


def _times_asked(nodes: TwoNodes) -> int:
    return sum(subject == "phrases.a.wanted" for subject, _ in nodes.facts)


async def _asked(nodes: TwoNodes, times: int) -> None:
    async with asyncio.timeout(60):
        while _times_asked(nodes) < times:  # noqa: ASYNC110  (it comes over a socket)
            await asyncio.sleep(0.01)
