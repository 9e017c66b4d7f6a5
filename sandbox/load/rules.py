"""Phrase rules for the benchmark, sent as web sends them: to a node that asks, and whenever they change."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import PHRASE_RULES, PHRASES_WANTED, RulePart
from protocol.phrases import MOST_RULES, PhraseRule
from sandbox.engines.nats import NatsServer
from sandbox.load.transcribe import WORDS


def rules_of(phrases: int) -> list[PhraseRule]:
    """Return so many phrases of three words, some of which begin as the benchmark's sentences do; none is said."""
    choose = random.Random(phrases)
    made = [f"{choose.choice(WORDS)} {choose.choice(WORDS)} never{number}" for number in range(phrases)]
    count = min(MOST_RULES, phrases)
    return [PhraseRule(f"r{number}", f"Rule {number}", tuple(made[number::count])) for number in range(count)]


class Web:
    """Stands for web, which has ``rules``: all of them are on, or none is."""

    def __init__(self, client: Client, rules: Sequence[PhraseRule]) -> None:
        self._client = client
        self._rules = rules
        self._on: Sequence[PhraseRule] = ()
        self._version = round(time.time() * 1000)

    async def turn(self, *, on: bool) -> None:
        """Switch all rules, and tell the nodes."""
        self._on = self._rules if on else ()
        self._version += 1
        await self._send("load")

    async def answer(self, message: Msg) -> None:
        """Send a node that wants them the rules that are on."""
        [org] = PHRASES_WANTED.names(message.subject)
        await self._send(org)

    async def _send(self, org: str) -> None:
        parts = [RulePart(self._version, len(self._on), number, rule) for number, rule in enumerate(self._on)]
        for part in parts or [RulePart(self._version, 0)]:
            await self._client.publish(PHRASE_RULES.to(org), PHRASE_RULES.write(part))
        await self._client.flush()


@asynccontextmanager
async def web(server: NatsServer, phrases: int) -> AsyncIterator[Web]:
    """Answer nodes as web does that has rules with so many phrases, all of them off."""
    client = await nats.connect(server.url("web"))
    playing = Web(client, rules_of(phrases))
    await client.subscribe(PHRASES_WANTED.all, cb=playing.answer)
    try:
        yield playing
    finally:
        await client.close()
