"""Mirror each live call on one more node, in memory only, so that no words are lost when a node dies.

The node that has a call chooses its *keeper* by rendezvous hashing: calls spread evenly, and hardly any keeper
changes when a node joins or leaves. The node sends the keeper the call's history, then new events, on
``_INBOX.{keeper}.kept.{org}.{call}.{node}`` (an inbox, which only media may subscribe to): partial utterances at most
every `PARTIAL_SECONDS`, which limits the traffic and what a crash may cost, and the call's state every
`RENEW_SECONDS`. Partials that were withheld go before the next event that is sent: the gap after a crash begins where
the keeper's words end, so it must not know later words without earlier ones. A keeper that watches the organisation
anyway (`media.nodes.watching`) gets only the call's state.

Pure; ``now`` is in seconds of `time.monotonic`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from media.live.transcript import CallEnded, Event, Latency, LiveCall, Uttered, WordsStopped, history
from protocol.messages import MIRRORED

PARTIAL_SECONDS = 0.5
RENEW_SECONDS = 5.0
FRESH_SECONDS = 7.5  # since the owner's last event: later, one is missing and the call may be over


@dataclass(slots=True)
class _Keeper:
    """The node that keeps one of our calls."""

    node: str
    renewed_at: float
    partial_at: float = 0.0
    withheld: dict[str, Uttered] = field(default_factory=dict)
    """By utterance: the latest partial that was not sent."""


@dataclass(slots=True)
class Kept:
    """A call that this node keeps for another, its owner."""

    owner: str
    last_event_at: float
    """When its owner last sent an event of the call."""
    alive_at: float
    """When its owner last sent anything at all."""
    former_alive_at: float = 0.0
    """When the owner before that one did; 0: there was none."""

    def hand_over(self, owner: str) -> None:
        """Note that the call is ``owner``'s from now on."""
        if owner != self.owner:
            self.owner, self.former_alive_at = owner, self.alive_at


def keeper_of(call: str, nodes: Collection[str]) -> str | None:
    """Return which of ``nodes`` keeps ``call``; None if there is none."""
    return max(nodes, key=lambda node: hashlib.blake2b(f"{call} {node}".encode()).digest(), default=None)


class Mirrors:
    """Both sides on one node: the keepers of our calls, and the calls that we keep."""

    def __init__(self, node: str) -> None:
        self.kept: dict[str, Kept] = {}
        self._node = node
        self._keepers: dict[str, _Keeper] = {}
        self._others: frozenset[str] = frozenset()

    def subject(self, org: str, call: str) -> str:
        """Return the subject of the keeper of our ``call``. Raise KeyError if it has none."""
        return MIRRORED.to(self._keepers[call].node, org, call, self._node)

    def keeper(self, call: str) -> str | None:
        """Return the node that keeps our ``call``."""
        keeper = self._keepers.get(call)
        return keeper.node if keeper is not None else None

    def renew(self, own: Iterable[LiveCall], others: Iterable[str], now: float) -> Iterator[tuple[LiveCall, Event]]:
        """Give each of our calls a keeper among ``others``; yield the events to send. Called once a second."""
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
                yield call, call.condition()

    def send_again(self) -> None:
        """Send each keeper the whole history once more: NATS was away, and may have lost events."""
        self._keepers.clear()

    def due(self, call: str, event: Event, now: float, *, at_once: bool = False) -> Sequence[Event]:
        """Return what the keeper of our ``call`` gets as ``event`` happens; ``at_once``: also if it is a partial."""
        keeper = self._keepers.get(call)
        if keeper is None or isinstance(event, Latency):
            return ()
        if isinstance(event, Uttered):
            keeper.withheld.pop(event.utterance.id, None)
            if not event.utterance.final and not at_once:
                if now - keeper.partial_at < PARTIAL_SECONDS:
                    keeper.withheld[event.utterance.id] = event
                    return ()
                keeper.partial_at = now
        withheld, keeper.withheld = keeper.withheld, {}
        return (event,) if isinstance(event, WordsStopped | CallEnded) else (*withheld.values(), event)

    def keep(self, call: str, owner: str, now: float) -> None:
        """Note an event of ``call``, which we keep for ``owner``."""
        kept = self.kept.setdefault(call, Kept(owner, now, now))
        kept.hand_over(owner)
        kept.last_event_at = kept.alive_at = now

    def moved(self, call: str, owner: str) -> None:
        """Note that ``call`` moved to ``owner``, which may choose another keeper."""
        kept = self.kept.get(call)
        if kept is not None:
            kept.hand_over(owner)

    def alive(self, owner: str, now: float) -> None:
        """Note a sign of life of ``owner``."""
        for kept in self.kept.values():
            if kept.owner == owner:
                kept.alive_at = now

    def prune(self, known: Collection[str]) -> None:
        """Stop keeping calls that are not in ``known``."""
        self.kept = {call: kept for call, kept in self.kept.items() if call in known}

    def forget(self, call: str) -> bool:
        """Stop keeping ``call``. Return whether we kept it."""
        return self.kept.pop(call, None) is not None
