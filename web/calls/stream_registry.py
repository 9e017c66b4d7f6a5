"""Which stream of which media node has each live call, as far as media has said; and which of them are lost. Pure.

Media says ``started`` with a stream's node and age, ``lost`` when its socket broke, and every second that a node
lives. A stream is lost when media or Twilio says so, when its node is silent or hands it over, and when it was
ordered and did not reach media in time; whoever says it first, the call gets one new stream for it. Times ``now`` are
seconds of `time.monotonic`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from uuid import UUID

from protocol.facts import Fact

SILENT_SECONDS = 3.0  # a node that says nothing for so long is gone
GRACE_SECONDS = 10.0  # after we were away ourselves: others may still be coming back
ARRIVE_SECONDS = (
    3.0  # for a stream that was ordered to reach media: what kept it away may have kept Twilio's word, too
)
DELAYS = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0)  # before a call's next start, by how many it had in the last minute
_KNOWN = 20_000
_OVER = ("completed", "stopped")  # why a call needs no other stream: it is over, or somebody stopped its words


@dataclass(slots=True)
class LiveStream:
    """Where a live call's words are made."""

    org: UUID
    stream: str = ""
    """The newest one's SID."""
    node: str = ""
    began: int | None = None
    """When the call's first stream began, in ms since 1970: its clock starts there."""
    at: int = 0
    """When `stream` came to `node`, in ms since 1970."""
    ordered_at: float | None = None
    """When `stream` was ordered, until media says that it has come."""
    leaving: str | None = None
    """The stream that another is being started for."""
    past: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    """Streams that others came for."""
    broken: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    """Streams that Twilio called broken before we knew them."""
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=len(DELAYS) - 1))


class StreamRegistry:
    """The live calls, as many as are known."""

    def __init__(self) -> None:
        self._streams: OrderedDict[str, LiveStream] = OrderedDict()
        self._heard: dict[str, float] = {}  # node: when it said last that it lives

    def find(self, call: str) -> LiveStream | None:
        return self._streams.get(call)

    def note(self, fact: Fact) -> bool:
        """What media says of a call. True if its stream is lost: broken, handed over, or ended before the call."""
        if fact.kind == "ended":
            return self._end(fact)
        if fact.kind == "lost":
            return self._is_newest_lost(fact)
        if fact.kind in ("started", "handover"):
            self._update(fact)
        return fact.kind == "handover"

    def forget(self, call: str) -> None:
        """It is over, or not to be transcribed any more."""
        self._streams.pop(call, None)

    def register(self, call: str, org: UUID, stream: str, began: int | None) -> None:
        """A call that media said nothing of since we live, or that never reached it: Twilio names its stream."""
        self._keep(call, LiveStream(org, stream, began=began))

    def alive(self, node: str, now: float) -> None:
        """A heartbeat."""
        self._heard[node] = max(now, self._heard.get(node, now))

    def extend_deadlines(self, now: float) -> None:
        """We heard nothing of late, through no fault of theirs."""
        self._heard = dict.fromkeys(self._heard, now + GRACE_SECONDS)
        for live in self._streams.values():
            if live.ordered_at is not None:
                live.ordered_at = now + GRACE_SECONDS

    def orphans(self, now: float) -> list[str]:
        """The calls of nodes that have fallen silent. A node is buried once."""
        gone = {node for node, heard in self._heard.items() if now - heard >= SILENT_SECONDS}
        for node in gone:
            del self._heard[node]
        return [call for call, live in self._streams.items() if live.node in gone] if gone else []

    def missing(self, now: float) -> list[str]:
        """The calls whose new stream was ordered and has not reached media. Each is told once."""
        late = [
            call
            for call, live in self._streams.items()
            if live.ordered_at is not None and now - live.ordered_at >= ARRIVE_SECONDS
        ]
        for call in late:
            self._streams[call].ordered_at = None
        return late

    def mark_lost(self, call: str, now: float, stream: str | None = None) -> float | None:
        """``stream`` of ``call`` is lost, or whichever is its newest. The seconds until another is to be started;
        None if none is: we do not know the call, or somebody said so before, or it has another already.
        """
        live = self._streams.get(call)
        if live is None:
            return None
        if stream not in (None, live.stream):
            live.broken.append(stream or "")
            return None
        if live.leaving == live.stream:
            return None
        live.leaving = live.stream
        lately = sum(now - start < 60 for start in live.starts)
        live.starts.append(now)
        return DELAYS[lately]

    def started(self, call: str, before: str, stream: str, now: float) -> bool:
        """Twilio took the order for another stream than ``before``. Whether that one has broken meanwhile."""
        live = self._streams.get(call)
        if live is None:
            return False
        if live.stream == before:  # or media was quicker than Twilio's answer
            self._succeed(live, stream)
            live.node, live.ordered_at = "", now
        return stream == live.stream and stream in live.broken

    def release_claim(self, call: str) -> None:
        """Starting another failed: the next who says that the stream is lost is heard again."""
        live = self._streams.get(call)
        if live is not None:
            live.leaving = None

    def is_past(self, call: str, stream: str) -> bool:
        """Whether the call has another stream than ``stream`` by now."""
        live = self._streams.get(call)
        return live is not None and stream in live.past

    def is_elsewhere(self, fact: Fact) -> bool:
        """Whether another node than the one that says ``fact`` has the call by now."""
        live = self._streams.get(fact.call)
        return live is not None and bool(live.node and fact.node) and live.node != fact.node

    def _update(self, fact: Fact) -> None:
        live = self._streams.get(fact.call) or self._keep(fact.call, LiveStream(fact.org))
        if fact.again and live.stream and live.at >= fact.at:
            return
        if fact.stream:
            self._succeed(live, fact.stream)
        live.node, live.at, live.ordered_at = fact.node or "", fact.at, None
        live.began = fact.began or live.began

    def _succeed(self, live: LiveStream, stream: str) -> None:
        if live.stream and live.stream != stream:
            live.past.append(live.stream)
        live.stream = stream

    def _is_newest_lost(self, fact: Fact) -> bool:
        """Whether the stream that media lost is the call's newest. One that we did not know is known from now on."""
        if fact.call not in self._streams:
            self._update(fact)
        return self._streams[fact.call].stream == fact.stream

    def _end(self, fact: Fact) -> bool:
        """A call that is over is forgotten. One that another node has by now goes on there."""
        if fact.call not in self._streams or self.is_elsewhere(fact):
            return False
        if fact.reason in _OVER:
            self.forget(fact.call)
        return fact.reason not in _OVER

    def _keep(self, call: str, live: LiveStream) -> LiveStream:
        self._streams[call] = live
        if len(self._streams) > _KNOWN:
            self._streams.popitem(last=False)
        return live
