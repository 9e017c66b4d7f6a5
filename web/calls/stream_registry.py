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
        self._places: OrderedDict[str, LiveStream] = OrderedDict()
        self._heard: dict[str, float] = {}  # node: when it said last that it lives

    def find(self, call: str) -> LiveStream | None:
        return self._places.get(call)

    def note(self, fact: Fact) -> bool:
        """What media says of a call. True if its stream is lost: broken, handed over, or ended before the call."""
        if fact.kind == "ended":
            return self._end(fact)
        if fact.kind == "lost":
            return self._is_newest_lost(fact)
        if fact.kind in ("started", "handover"):
            self._place(fact)
        return fact.kind == "handover"

    def forget(self, call: str) -> None:
        """It is over, or not to be transcribed any more."""
        self._places.pop(call, None)

    def adopt(self, call: str, org: UUID, stream: str, began: int | None) -> None:
        """A call that media said nothing of since we live, or that never reached it: Twilio names its stream."""
        self._keep(call, LiveStream(org, stream, began=began))

    def alive(self, node: str, now: float) -> None:
        """A heartbeat."""
        self._heard[node] = max(now, self._heard.get(node, now))

    def excuse(self, now: float) -> None:
        """We heard nothing of late, through no fault of theirs."""
        self._heard = dict.fromkeys(self._heard, now + GRACE_SECONDS)
        for place in self._places.values():
            if place.ordered_at is not None:
                place.ordered_at = now + GRACE_SECONDS

    def orphans(self, now: float) -> list[str]:
        """The calls of nodes that have fallen silent. A node is buried once."""
        gone = {node for node, heard in self._heard.items() if now - heard >= SILENT_SECONDS}
        for node in gone:
            del self._heard[node]
        return [call for call, place in self._places.items() if place.node in gone] if gone else []

    def missing(self, now: float) -> list[str]:
        """The calls whose new stream was ordered and has not reached media. Each is told once."""
        late = [
            call
            for call, place in self._places.items()
            if place.ordered_at is not None and now - place.ordered_at >= ARRIVE_SECONDS
        ]
        for call in late:
            self._places[call].ordered_at = None
        return late

    def lose(self, call: str, now: float, stream: str | None = None) -> float | None:
        """``stream`` of ``call`` is lost, or whichever is its newest. The seconds until another is to be started;
        None if none is: we do not know the call, or somebody said so before, or it has another already.
        """
        place = self._places.get(call)
        if place is None:
            return None
        if stream not in (None, place.stream):
            place.broken.append(stream or "")
            return None
        if place.leaving == place.stream:
            return None
        place.leaving = place.stream
        lately = sum(now - start < 60 for start in place.starts)
        place.starts.append(now)
        return DELAYS[lately]

    def started(self, call: str, before: str, stream: str, now: float) -> bool:
        """Twilio took the order for another stream than ``before``. Whether that one has broken meanwhile."""
        place = self._places.get(call)
        if place is None:
            return False
        if place.stream == before:  # or media was quicker than Twilio's answer
            self._succeed(place, stream)
            place.node, place.ordered_at = "", now
        return stream == place.stream and stream in place.broken

    def forgo(self, call: str) -> None:
        """Starting another failed: the next who says that the stream is lost is heard again."""
        place = self._places.get(call)
        if place is not None:
            place.leaving = None

    def is_past(self, call: str, stream: str) -> bool:
        """Whether the call has another stream than ``stream`` by now."""
        place = self._places.get(call)
        return place is not None and stream in place.past

    def is_elsewhere(self, fact: Fact) -> bool:
        """Whether another node than the one that says ``fact`` has the call by now."""
        place = self._places.get(fact.call)
        return place is not None and bool(place.node and fact.node) and place.node != fact.node

    def _place(self, fact: Fact) -> None:
        place = self._places.get(fact.call) or self._keep(fact.call, LiveStream(fact.org))
        if fact.again and place.stream and place.at >= fact.at:
            return
        if fact.stream:
            self._succeed(place, fact.stream)
        place.node, place.at, place.ordered_at = fact.node or "", fact.at, None
        place.began = fact.began or place.began

    def _succeed(self, place: LiveStream, stream: str) -> None:
        if place.stream and place.stream != stream:
            place.past.append(place.stream)
        place.stream = stream

    def _is_newest_lost(self, fact: Fact) -> bool:
        """Whether the stream that media lost is the call's newest. One that we did not know is known from now on."""
        if fact.call not in self._places:
            self._place(fact)
        return self._places[fact.call].stream == fact.stream

    def _end(self, fact: Fact) -> bool:
        """A call that is over is forgotten. One that another node has by now goes on there."""
        if fact.call not in self._places or self.is_elsewhere(fact):
            return False
        if fact.reason in _OVER:
            self.forget(fact.call)
        return fact.reason not in _OVER

    def _keep(self, call: str, place: LiveStream) -> LiveStream:
        self._places[call] = place
        if len(self._places) > _KNOWN:
            self._places.popitem(last=False)
        return place
