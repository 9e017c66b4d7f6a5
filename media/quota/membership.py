"""Which nodes are alive, and the newest heartbeat of each. Pure; numbers only: no word, no call's name."""

from __future__ import annotations

import msgspec

GONE_SECONDS = 3.5  # three heartbeats missed, and one on its way


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A node's request for a slot, or (``slot`` false) to open one more connection for a slot that it holds."""

    number: int
    """Counted by the node; never used twice."""
    since_ms: int
    """Ms since 1970: the lowest is served first."""
    slot: bool = True


class Heartbeat(msgspec.Struct, frozen=True):
    """A node's full state. A field that an older release does not send yet has its default."""

    calls: int = 0
    turn: int = 0
    """Counts the node's heartbeats: one with a lower turn is out of date."""
    born_ms: int = 0
    """When the node joined the others, in ms since 1970. The first to join is leader (`media.quota.allocator`)."""
    held: tuple[int, ...] = ()
    asks: tuple[Ask, ...] = ()
    granted: tuple[tuple[str, int], ...] = ()
    """Grants by the leader to (node, number), repeated until that node confirms them."""
    gone: bool = False
    """The node's last heartbeat: it holds nothing and is no longer a member."""
    transcribe: str | None = None
    """The last error on the way to Transcribe; empty: none; None: not known (`media.speech.transcribe_health`)."""


class Membership:
    """The other live nodes, each with its newest heartbeat. ``now`` is in seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, Heartbeat]] = {}

    def receive(self, node: str, heartbeat: Heartbeat, now: float) -> bool:
        """Keep ``heartbeat`` of ``node`` and forget silent nodes. Return False if a newer one is known already."""
        self._heard = {name: (at, kept) for name, (at, kept) in self._heard.items() if now - at < GONE_SECONDS}
        newest = self._heard.get(node)
        if newest is not None and 0 < heartbeat.turn <= newest[1].turn:
            return False
        self._heard[node] = (now, heartbeat)
        return True

    def alive(self, now: float) -> dict[str, Heartbeat]:
        """Return the nodes heard within `GONE_SECONDS` that have not left."""
        return {
            name: heartbeat
            for name, (at, heartbeat) in self._heard.items()
            if now - at < GONE_SECONDS and not heartbeat.gone
        }

    def extend_deadlines(self, since: float, now: float) -> None:
        """Restart the timeout of every node that was alive at ``since``: we were offline until ``now``."""
        self._heard = {
            name: (now if since - at < GONE_SECONDS else at, heartbeat)
            for name, (at, heartbeat) in self._heard.items()
        }
