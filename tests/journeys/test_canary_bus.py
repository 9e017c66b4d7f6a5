"""Promise 1 on the wire: words pass NATS between media nodes alone, and nothing that `web` may hear holds one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from sandbox.engines.nats import NatsServer, User
from tests.kit.media.media_node import Node, media_node, scripted_vendor
from tests.kit.media.nats import settled

CANARY = "velvetwombat"
EVERYTHING = {
    "media": ["transcript.>", "snapshot.>", "ticket.>", "call.>", "member.>", "node.>", "_INBOX.>"],
    "web": ["call.>", "handover.>", "node.*.alive", "progress.>"],
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


async def whole_life(first: Node, second: Node) -> None:
    """A call that is watched on two nodes, moves from one to the other, and ends."""
    await first.connected()
    await second.connected()
    near, far = await first.screen(), await second.screen()
    line = await first.call()
    await line.say(f"tell {CANARY} nobody")
    for screen in (near, far):
        await screen.until(lambda screen=screen: CANARY in screen.words(line.call))  # type: ignore[misc]
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
        media_node(server, vendor, port=free_port()) as first,
        media_node(server, vendor, port=free_port()) as second,
        spying(server, "media") as (media, _),
        spying(server, "web") as (web, asking),
        spying(server, "provisioning") as (provisioning, other),
    ):
        await whole_life(first, second)
        await asking.publish("facts.wanted", b"{}")
        await asyncio.wait_for(web.beaten.wait(), 10)
        for client in (asking, other):
            await settled(client)
    assert media.kinds(CANARY) == {"transcript", "_INBOX"}, "the search works"
    assert {subject.partition(".")[0] for subject, _ in web.heard} == {"call", "node"}
    assert web.kinds(CANARY) == provisioning.kinds(CANARY) == set()
    assert holding(tmp_path, CANARY.encode()) == []


def holding(folder: Path, word: bytes) -> list[str]:
    """The files that hold ``word``."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]
