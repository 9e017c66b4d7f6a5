"""Which nodes watch an organisation, and which nodes have yet to answer before a console sees its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

WATCH_SECONDS = 90.0  # a watch that is not renewed ends
ANSWER_SECONDS = 0.4  # to wait for the other nodes' answers


class Watchers:
    """Which other nodes need which organisation's events. ``now`` is in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self._until: dict[str, dict[str, float]] = {}  # by organisation, by node

    def renew(self, org: str, node: str, now: float) -> None:
        """Note that ``node`` watches ``org``, from now on or still."""
        self._until.setdefault(org, {})[node] = now + WATCH_SECONDS

    def gone(self, org: str, node: str) -> None:
        """Note that ``node`` watches ``org`` no longer."""
        self._until.get(org, {}).pop(node, None)

    def of(self, org: str, now: float) -> Collection[str]:
        """Return the nodes that watch ``org``."""
        nodes = self._until.get(org)
        return [node for node, until in nodes.items() if until > now] if nodes else ()

    def prune(self, now: float) -> None:
        """Forget watches that have ended."""
        self._until = {org: nodes for org, nodes in self._until.items() if self.of(org, now)}


class PendingAnswers:
    """The nodes whose answers are still missing."""

    def __init__(self, nodes: set[str]) -> None:
        self._missing = nodes
        self._complete = asyncio.Event()
        self.answered("")

    def answered(self, node: str) -> None:
        """Note that ``node`` has sent all that it knows."""
        self._missing.discard(node)
        if not self._missing:
            self._complete.set()

    def cancel(self) -> None:
        """Stop waiting."""
        self._complete.set()

    async def wait(self) -> None:
        """Return when all have answered, or after `ANSWER_SECONDS`: one may just have died."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._complete.wait(), ANSWER_SECONDS)
