"""Who watches an organisation on other nodes, and whose answers are waited for before a console sees its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

WATCH_SECONDS = 90.0  # a wish that is not renewed is forgotten
GATHER_SECONDS = 0.4  # for the others' answers


class Watchers:
    """Which other nodes want which organisation's events. ``now`` is `time.monotonic`'s."""

    def __init__(self) -> None:
        self._until: dict[str, dict[str, float]] = {}  # by organisation, by node

    def note(self, org: str, node: str, now: float) -> None:
        """``node`` watches ``org``, or goes on watching it."""
        self._until.setdefault(org, {})[node] = now + WATCH_SECONDS

    def gone(self, org: str, node: str) -> None:
        """``node`` watches ``org`` no longer."""
        self._until.get(org, {}).pop(node, None)

    def of(self, org: str, now: float) -> Collection[str]:
        """The nodes that watch ``org``."""
        nodes = self._until.get(org)
        return [node for node, until in nodes.items() if until > now] if nodes else ()

    def prune(self, now: float) -> None:
        """Forget what nobody wants any longer."""
        self._until = {org: nodes for org, nodes in self._until.items() if self.of(org, now)}


class Gathering:
    """The nodes whose answers are still waited for."""

    def __init__(self, nodes: set[str]) -> None:
        self._missing = nodes
        self._complete = asyncio.Event()
        self.answered("")

    def answered(self, node: str) -> None:
        """``node`` has said all that it knows."""
        self._missing.discard(node)
        if not self._missing:
            self._complete.set()

    def end(self) -> None:
        """Nobody is waited for any longer."""
        self._complete.set()

    async def wait(self) -> None:
        """Return when all have answered; soon in any case, for one may just have died."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._complete.wait(), GATHER_SECONDS)
