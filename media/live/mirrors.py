"""Each live call is kept on one more node, in memory alone, so that a node's death takes no words along.

The node that has a call chooses which other keeps it: by rendezvous hashing, so that calls spread evenly and hardly
any changes its keeper when a node comes or goes. It sends the keeper the call's history, then what is new, to
``_INBOX.{keeper}.kept.{org}.{call}.{node}`` (an inbox, for only media may hear those): partial utterances no more
often than `PARTIAL_SECONDS`, which bounds the traffic and what a crash may cost, and a sign of life every
`RENEW_SECONDS`. A keeper that watches the organisation anyway (watching.py) gets no more than the sign of life.

Pure; ``now`` is `time.monotonic`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from media.live.transcript import Event, Latency, LiveCall, StateChanged, Uttered, history

PARTIAL_SECONDS = 0.5
RENEW_SECONDS = 5.0
FRESH_SECONDS = 7.5  # since its owner's last sign of life: one was missed, so the call may be over


@dataclass(slots=True)
class _Keeper:
    """Who keeps one of our calls."""

    node: str
    renewed_at: float
    partial_at: float = 0.0


@dataclass(slots=True)
class Kept:
    """A call that is kept for another node."""

    owner: str
    told_at: float
    """When its owner last told of the call."""
    alive_at: float
    """When its owner last said anything at all."""


def keeper_of(call: str, nodes: Collection[str]) -> str | None:
    """Return which of ``nodes`` keeps ``call``; None if there is none."""
    return max(nodes, key=lambda node: hashlib.blake2b(f"{call} {node}".encode()).digest(), default=None)


class Mirrors:
    """Both sides of one node: who keeps our calls, and which calls we keep."""

    def __init__(self, node: str) -> None:
        self.kept: dict[str, Kept] = {}
        self._node = node
        self._keepers: dict[str, _Keeper] = {}
        self._others: frozenset[str] = frozenset()

    def subject(self, org: str, call: str) -> str:
        """Where the keeper of our ``call`` listens. Raises KeyError if it has none."""
        return f"_INBOX.{self._keepers[call].node}.kept.{org}.{call}.{self._node}"

    def keeper(self, call: str) -> str | None:
        """The node that keeps our ``call``."""
        keeper = self._keepers.get(call)
        return keeper.node if keeper is not None else None

    def renew(self, own: Iterable[LiveCall], others: Iterable[str], now: float) -> Iterator[tuple[LiveCall, Event]]:
        """Once a second: see to it that each of our calls has a keeper among ``others``; what to send them."""
        others = frozenset(others)
        changed, self._others = others != self._others, others
        keepers, self._keepers = self._keepers, {}
        for call in own:
            keeper = keepers.get(call.call)
            if keeper is None or changed:
                node = keeper_of(call.call, others)
                if node is None:
                    continue
                if keeper is None or keeper.node != node:
                    self._keepers[call.call] = _Keeper(node, now)
                    for event in history(call.view()):
                        yield call, event
                    continue
            self._keepers[call.call] = keeper
            if now - keeper.renewed_at >= RENEW_SECONDS:
                keeper.renewed_at = now
                yield call, StateChanged(call.call, call.state)

    def is_worth_sending(self, call: str, event: Event, now: float) -> bool:
        """Whether the keeper of our ``call`` is to be sent ``event`` as it happens."""
        keeper = self._keepers.get(call)
        if keeper is None or isinstance(event, Latency):
            return False
        if isinstance(event, Uttered) and not event.utterance.final:
            if now - keeper.partial_at < PARTIAL_SECONDS:
                return False
            keeper.partial_at = now
        return True

    def keep(self, call: str, owner: str, now: float) -> None:
        """``owner`` has told of ``call``, which we keep for it."""
        self.kept[call] = Kept(owner, now, now)

    def moved(self, call: str, owner: str) -> None:
        """``call`` lives on ``owner`` by now, which may choose another keeper."""
        kept = self.kept.get(call)
        if kept is not None and kept.owner != owner:
            kept.owner = owner

    def alive(self, owner: str, now: float) -> None:
        """``owner`` says that it lives."""
        for kept in self.kept.values():
            if kept.owner == owner:
                kept.alive_at = now

    def prune(self, known: Collection[str]) -> None:
        """Forget that we keep what is not known here any more."""
        self.kept = {call: kept for call, kept in self.kept.items() if call in known}

    def forget(self, call: str) -> bool:
        """It is over. Whether we kept it."""
        return self.kept.pop(call, None) is not None
