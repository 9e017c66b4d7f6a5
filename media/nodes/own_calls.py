"""This node's live calls, as replication needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from media.live.hub import Hub
from media.live.transcript import LiveCall


class OwnCall(Protocol):
    """What replication needs of a call."""

    org: str
    sid: str

    begins_ms: float

    @property
    def heard_until(self) -> float: ...

    def correct_seam(self) -> None: ...


class OwnCalls:
    """A view of the node's ``calls``, by CallSid, with what ``hub`` knows of each."""

    def __init__(self, calls: Mapping[str, OwnCall], hub: Hub) -> None:
        self._calls = calls
        self._hub = hub

    def all(self) -> Iterable[LiveCall]:
        """Yield the calls that the hub knows."""
        for call in self._calls.values():
            if (live := self._hub.find(call.org, call.sid)) is not None:
                yield live

    def of(self, org_or_call: str) -> Iterable[LiveCall]:
        """Return the calls of an organisation, or the one with this CallSid."""
        return (live for live in self.all() if org_or_call in (live.org, live.call))

    def has(self, call: str) -> bool:
        """Return whether ``call`` lives here."""
        return call in self._calls

    def hears(self, call: str, ms: int) -> bool:
        """Return whether ``call``, taken over from another node, was heard here at ``ms`` of the call."""
        return self.has(call) and ms >= self._calls[call].begins_ms

    def heard_until(self, call: str) -> float:
        """Return until when this node has the call's audio, in seconds since 1970."""
        return self._calls[call].heard_until

    def correct_seam(self, call: str) -> None:
        """Let ``call`` correct the gap where it came here: the node before has said until when it heard the call."""
        if self.has(call):
            self._calls[call].correct_seam()
