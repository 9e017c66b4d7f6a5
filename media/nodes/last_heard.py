"""Until when the calls that moved here were heard on the node that had them before.

That node's own word counts most. Without it, the last sign of life of a node that had the call is all that is known,
and audio of the moment before may not be transcribed yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from media.nodes.mirrors import Mirrors
from media.nodes.remote_calls import RemoteCalls
from protocol.messages import HeardUntil

IN_FLIGHT_SECONDS = 3.0  # before a node died: audio of that time may not be transcribed yet
IN_FLIGHT_DELAYS = 3  # at least so many times the delay of its latest words: a busy node falls further behind


class LastHeard:
    """Until when calls were heard, as far as ``node`` knows, by CallSid.

    ``in_flight``: seconds of sound, at least, that may not be transcribed yet.
    """

    def __init__(
        self, node: str, mirrors: Mirrors, remote_calls: RemoteCalls, in_flight: float = IN_FLIGHT_SECONDS
    ) -> None:
        self._node = node
        self._mirrors = mirrors
        self._remote_calls = remote_calls
        self._in_flight = in_flight
        self._told: dict[str, HeardUntil] = {}

    def record(self, heard: HeardUntil) -> bool:
        """Note what a node says; the word of the call's own node wins, else the latest. Return whether it won."""
        known = self._told.get(heard.call)
        has_won = known is None or (heard.exact, heard.at) > (known.exact, known.at)
        if has_won:
            self._told[heard.call] = heard
        return has_won

    def until(self, call: str) -> float:
        """Return until when other nodes transcribed ``call``, in seconds since 1970; 0: not known."""
        heard = self._told.get(call)
        if heard is not None and heard.exact:
            return heard.at
        latest = max(self.alive_at(call, but=self._node), heard.at if heard is not None else 0.0)
        return max(0.0, latest - max(self._in_flight, IN_FLIGHT_DELAYS * self._remote_calls.delay(call)))

    def alive_at(self, call: str, *, but: str) -> float:
        """Return when a node that had ``call`` was last heard from, in seconds since 1970; 0: never.

        ``but``: the node that has it now. Its own events may be handled here before its question who had it before.
        """
        kept, times = self._mirrors.kept.get(call), self._remote_calls.told_at(call, but=but)
        if kept is not None:
            times.append(kept.former_alive_at if kept.owner == but else kept.alive_at)
        latest = max(times, default=0.0)
        return time.time() - (time.monotonic() - latest) if latest else 0.0

    def forget(self, call: str) -> None:
        """Forget what was said of ``call``."""
        self._told.pop(call, None)

    def prune(self, is_ours: Callable[[str], bool]) -> None:
        """Forget what was said of calls that are not ours."""
        self._told = {call: heard for call, heard in self._told.items() if is_ours(call)}
