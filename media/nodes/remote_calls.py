"""What this node has noticed of other nodes' calls: when each was last heard of, by whom, and how late its words are.

Pure; all times in monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

SILENT_SECONDS = 40.0  # without an event of a call: its node is gone


@dataclass(slots=True)
class _RemoteCall:
    """One call of another node."""

    last_event_at: float
    delay: float = 0.0
    """From speech until its words were here."""
    told_by: dict[str, float] = field(default_factory=dict)
    """When each node last sent an event of the call as its own; by node."""


class RemoteCalls:
    """The calls of other nodes that this node knows, by CallSid."""

    def __init__(self) -> None:
        self._calls: dict[str, _RemoteCall] = {}

    def heard_of(self, call: str, owner: str, now: float) -> None:
        """Note that ``owner`` has sent an event of ``call`` as its own."""
        remote = self._calls.setdefault(call, _RemoteCall(now))
        remote.last_event_at = remote.told_by[owner] = now

    def note_delay(self, call: str, delay: float, now: float) -> None:
        """Note how long words of ``call`` took to get here."""
        self._calls.setdefault(call, _RemoteCall(now)).delay = delay

    def delay(self, call: str) -> float:
        """Return how long the latest words of ``call`` took to get here; 0: not known."""
        remote = self._calls.get(call)
        return remote.delay if remote is not None else 0.0

    def silent_for(self, call: str, now: float) -> float:
        """Return for how long nothing was heard of ``call``; an unknown one counts as heard of now."""
        return now - self._calls.setdefault(call, _RemoteCall(now)).last_event_at

    def told_at(self, call: str, *, but: str) -> list[float]:
        """Return when nodes other than ``but`` last sent an event of ``call`` as their own."""
        remote = self._calls.get(call)
        return [] if remote is None else [at for node, at in remote.told_by.items() if node != but]

    def prune(self, known: Collection[str], since: float) -> None:
        """Forget calls that are not ``known`` and of which nothing was heard since ``since``."""
        self._calls = {
            call: remote for call, remote in self._calls.items() if call in known or remote.last_event_at >= since
        }
