"""Which nodes are alive, and the newest heartbeat of each. Pure; numbers only: no word, no call's name."""

from __future__ import annotations

from protocol.messages import Heartbeat

GONE_SECONDS = 3.5  # three heartbeats missed, and one on its way


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
