"""The phrase rules of organisations with calls here, as web sends them: on request, and whenever they change."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable
from math import inf

from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import PHRASE_RULES, PHRASES_WANTED, Nothing, RulePart
from protocol.nats import NatsConnection
from protocol.phrases import PhraseRule, PhraseRules

AGAIN_SECONDS = 60.0  # until known rules are asked for again: web may have failed to send a change
AT_ONCE = 1000  # phrases; more take long to make ready, and no call's words wait for that
_MOST = 2048  # organisations remembered


class PhraseBook:
    """Each organisation's newest rules. What comes in parts counts once all are there."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._rules: OrderedDict[str, tuple[int, PhraseRules]] = OrderedDict()  # by organisation: version, rules
        self._parts: dict[str, tuple[int, dict[int, PhraseRule]]] = {}  # of a version that is not complete
        self._came_at: dict[str, float] = {}  # by organisation, in seconds of `time.monotonic`
        connection.attach(subscribe=self._subscribe, restored=self._came_at.clear)

    def of(self, org: str) -> PhraseRules | None:
        """Return the rules of ``org``, None while they are not known."""
        known = self._rules.get(org)
        return known[1] if known is not None else None

    def request(self, org: str, *, even_if_known: bool = False) -> None:
        """Ask web for the rules of ``org``, which has a call here, unless they came lately.

        ``even_if_known``: also then.
        """
        if even_if_known or time.monotonic() - self._came_at.get(org, -inf) >= AGAIN_SECONDS:
            self._connection.publish_later(PHRASES_WANTED.to(org), PHRASES_WANTED.write(Nothing()))

    async def _subscribe(self, client: Client) -> None:
        self._came_at.clear()
        await client.subscribe(PHRASE_RULES.all, cb=self._on_part)

    async def _on_part(self, message: Msg) -> None:
        [org] = PHRASE_RULES.names(message.subject)
        part = PHRASE_RULES.read(message.data)
        if part is not None and (rules := self._completed(org, part)) is not None:
            await self._replace(org, part.version, rules)

    def _completed(self, org: str, part: RulePart) -> list[PhraseRule] | None:
        """Return the rules of the part's version, if it is the newest and this is its last part."""
        if part.version < self._rules.get(org, (0,))[0]:
            return None
        version, parts = self._parts.get(org, (0, {}))
        if part.version < version:
            return None
        if part.version > version:
            parts = {}
        if part.rule is not None:
            parts[part.number] = part.rule
        if len(parts) < part.of:
            self._parts[org] = part.version, parts
            return None
        self._parts.pop(org, None)
        return list(parts.values())

    async def _replace(self, org: str, version: int, rules: list[PhraseRule]) -> None:
        known = self.of(org)
        if known is None or _by_id(known.rules) != _by_id(rules):
            is_much = sum(len(rule.phrases) + len(rule.exceptions) for rule in rules) > AT_ONCE
            known = await asyncio.to_thread(PhraseRules, rules) if is_much else PhraseRules(rules)
        self._rules[org] = version, known
        self._rules.move_to_end(org)
        self._came_at[org] = time.monotonic()
        if len(self._rules) > _MOST:
            forgotten, _ = self._rules.popitem(last=False)
            self._came_at.pop(forgotten, None)


def _by_id(rules: Iterable[PhraseRule]) -> dict[str, PhraseRule]:
    return {rule.id: rule for rule in rules}
