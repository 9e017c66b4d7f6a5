"""Promise 1 on the wire: words of calls and lines to agents pass NATS between media alone, and web hears none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import PHRASE_RULES, RulePart
from protocol.phrases import PhraseRule
from protocol.tickets import sign_reading
from sandbox.engines.nats import NatsServer, User
from sandbox.transcribe.json_api import JsonServices, json_services
from tests.kit.media.media_node import KEYS, SECRET, Node, media_node, scripted_vendor
from tests.kit.media.nats import settled

CANARY = "velvetwombat"
LINE = "giddygalah"
"""In what supervisors write to the agent."""
CARD = "quietquokka"
"""In a rule's help card."""
EVERYTHING = {
    "media": ["transcript.>", "snapshot.>", "ticket.>", "call.>", "member.>", "node.>", "_INBOX.>"],
    "web": ["call.>", "handover.>", "node.*.alive", "progress.>", "phrases.*.wanted", "vocabulary.checked"],
    "provisioning": ["call.>"],
}
"""All that each user may subscribe to (deploy/nats.conf); that it is all, tests/deploy/test_nats.py shows."""


class Spy:
    """One user's ears on the bus."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.beaten = asyncio.Event()
        """A node's heartbeat was heard: one comes every second."""

    async def take(self, message: Msg) -> None:
        self.heard.append((message.subject, message.data))
        if message.subject.startswith("node."):
            self.beaten.set()

    def kinds(self, word: str) -> set[str]:
        """The first words of the subjects under which ``word`` passed."""
        return {subject.partition(".")[0] for subject, body in self.heard if word.encode() in body}


@asynccontextmanager
async def spying(server: NatsServer, user: User) -> AsyncIterator[tuple[Spy, Client]]:
    spy, client = Spy(), await nats.connect(server.url(user))
    try:
        for subject in EVERYTHING[user]:
            await client.subscribe(subject, cb=spy.take)
        await settled(client)
        yield spy, client
    finally:
        await client.close()


async def whole_life(first: Node, second: Node, web: Client) -> None:
    """A call that is watched, read and written to on two nodes, translated, fires a rule, moves, and ends."""
    await first.connected()
    await second.connected()
    near, far = await first.screen(), await second.screen()
    line = await first.call()
    rule = PhraseRule("r1", "Told", ("tell",), card=f"Say {CARD}.")
    await web.publish(PHRASE_RULES.to("a"), PHRASE_RULES.write(RulePart(1, 1, 0, rule)))
    await web.publish(f"call.a.{line.call}.assigned", b'{"agent": "bob"}')
    await settled(web)
    for screen in (near, far):  # which now know the call, and their nodes the rule that came before
        await screen.until(lambda screen=screen: "call.assigned" in screen.types())  # type: ignore[misc]
        await screen.socket.send(json.dumps({"type": "translate", "call": line.call, "to": "vi"}))
    await line.say(f"tell {CANARY} nobody")
    for screen in (near, far):
        await screen.until(lambda screen=screen: {"phrase", "translation"}.issubset(screen.types()))  # type: ignore[misc]
    for number, screen in enumerate((near, far), 1):
        ticket = sign_reading(SECRET, org="a", sub="sam", name="Sam", call=line.call, shown=True)
        await screen.socket.send(json.dumps({"type": "read", "ticket": ticket}))
        await screen.socket.send(json.dumps({"type": "write", "call": line.call, "text": f"{LINE} {number}"}))
        for each in (near, far):
            await each.until(lambda each=each, number=number: len(each.lines(line.call)) == number)  # type: ignore[misc]
    moved = await second.call(sid=line.call, began=1)
    await moved.say(f"not {CANARY} either")
    await far.until(lambda: far.words(line.call).count(CANARY) == 2)
    await moved.hang_up()
    await near.ended(line.call)
    await far.ended(line.call)


async def test_words_pass_between_media_nodes_alone(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        json_services(port=0, access_keys=KEYS) as amazon,
        media_node(server, vendor, port=free_port(), **translated_at(amazon)) as first,
        media_node(server, vendor, port=free_port(), **translated_at(amazon)) as second,
        spying(server, "media") as (media, _),
        spying(server, "web") as (web, asking),
        spying(server, "provisioning") as (provisioning, other),
    ):
        await whole_life(first, second, asking)
        await asking.publish("facts.wanted", b"{}")
        await asyncio.wait_for(web.beaten.wait(), 60)
        for client in (asking, other):
            await settled(client)
    assert media.kinds(CANARY) == {"transcript", "_INBOX"}, "the search works"
    assert {subject.partition(".")[0] for subject, _ in web.heard} == {"call", "node", "phrases"}
    assert any(subject.endswith(".phrase") for subject, _ in web.heard), "the rule fired"
    assert amazon.asked != [], "it was translated"
    assert media.kinds(LINE) == {"transcript", "_INBOX"}, "lines pass between media nodes"
    for word in (CANARY, LINE, CARD):
        assert web.kinds(word) == provisioning.kinds(word) == set()
    for spy in (media, web, provisioning):
        assert spy.kinds(CANARY[::-1]) == set(), "a translation passes between no processes"
    for word in (CANARY, CANARY[::-1], LINE, CARD):
        assert holding(tmp_path, word.encode()) == []


def translated_at(amazon: JsonServices) -> dict[str, Any]:
    return {"translate_api_base": amazon.url, "live_translation": "on"}


def holding(folder: Path, word: bytes) -> list[str]:
    """The files that hold ``word``."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]
