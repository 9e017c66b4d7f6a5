"""The registry of live calls: which media node has which stream, and which streams are lost. Pure.

Media reports ``started`` with a stream's node and age, ``lost`` when its socket broke, and a heartbeat per node every
second. A stream is lost when media or Twilio reports it, when its node stops sending heartbeats or hands it over, and
when it was ordered but did not reach media in time. However often a loss is reported, the call gets one new stream.
Times ``now`` are seconds of `time.monotonic`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from uuid import UUID

from protocol.facts import Fact

SILENT_SECONDS = 3.0  # without a heartbeat for so long a node counts as gone
GRACE_SECONDS = 10.0  # after we were disconnected ourselves: nodes may be reconnecting as well
ARRIVE_SECONDS = 3.0  # for an ordered stream to reach media; Twilio's error report may be missing
DELAYS = (
    0.0,
    0.5,
    1.0,
    2.0,
    5.0,
    15.0,
)  # in seconds, before a call's next start, by its number of starts in the last minute
_KNOWN = 20_000
_OVER = ("completed", "stopped")  # reasons of an end after which a call needs no new stream


@dataclass(slots=True)
class LiveStream:
    """The stream of one live call."""

    org: UUID
    stream: str = ""
    """The SID of the newest stream; empty if no node has reported one."""
    node: str = ""
    began: int | None = None
    """Start of the call's first stream, in ms since 1970: the zero of its transcript's clock."""
    at: int = 0
    """When `stream` reached `node`, in ms since 1970."""
    ordered_at: float | None = None
    """When `stream` was ordered (monotonic s), until media reports it."""
    leaving: str | None = None
    """The lost stream whose replacement is being started."""
    past: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    """Streams that were replaced."""
    broken: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    """Streams that Twilio reported as broken before we knew them."""
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=len(DELAYS) - 1))


class StreamRegistry:
    """The streams of all known live calls; ``grace`` seconds more have all nodes once we were disconnected."""

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self._grace = grace
        self._streams: OrderedDict[str, LiveStream] = OrderedDict()
        self._heard: dict[str, float] = {}  # node: time of its last heartbeat

    def find(self, call: str) -> LiveStream | None:
        return self._streams.get(call)

    def note(self, fact: Fact) -> bool:
        """Apply a media event. Return True if the call lost its stream and needs a new one."""
        if fact.kind == "ended":
            return self._end(fact)
        if fact.kind == "lost":
            return self._is_newest_lost(fact)
        if fact.kind in ("started", "handover"):
            self._update(fact)
        return fact.kind == "handover"

    def forget(self, call: str) -> None:
        """Drop ``call``: it is over, or must not be transcribed any more."""
        self._streams.pop(call, None)

    def register(self, call: str, org: UUID, stream: str, began: int | None) -> None:
        """Add a call that media has not reported, with the stream that Twilio named; empty if nobody did."""
        self._keep(call, LiveStream(org, stream, began=began))

    def alive(self, node: str, now: float) -> None:
        """Record a heartbeat of ``node``."""
        self._heard[node] = max(now, self._heard.get(node, now))

    @property
    def has_nodes(self) -> bool:
        """Whether any node is alive."""
        return bool(self._heard)

    def extend_deadlines(self, now: float) -> None:
        """Restart the timeouts of all nodes and all ordered streams, after we were disconnected."""
        self._heard = dict.fromkeys(self._heard, now + self._grace)
        for live in self._streams.values():
            if live.ordered_at is not None:
                live.ordered_at = now + self._grace

    def orphans(self, now: float) -> list[str]:
        """Return the calls of nodes whose heartbeats have stopped. Each node is reported once."""
        gone = {node for node, heard in self._heard.items() if now - heard >= SILENT_SECONDS}
        for node in gone:
            del self._heard[node]
        return [call for call, live in self._streams.items() if live.node in gone] if gone else []

    def missing(self, now: float) -> list[str]:
        """Return the calls whose ordered stream did not reach media in time. Each is reported once."""
        late = [
            call
            for call, live in self._streams.items()
            if live.ordered_at is not None and now - live.ordered_at >= ARRIVE_SECONDS
        ]
        for call in late:
            live = self._streams[call]
            live.ordered_at = None
            if live.leaving == live.stream:  # Twilio refused the order, and no other web process's stream came
                live.leaving = None
        return late

    def mark_lost(self, call: str, now: float, stream: str | None = None) -> float | None:
        """Mark ``stream`` of ``call`` as lost; None means its newest.

        Return the seconds to wait before a new one is started; None if none is needed: the call is unknown, the loss
        was reported before, or the stream has been replaced already.
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
        """Record that Twilio accepted ``stream`` in place of ``before``. Return whether it is already broken."""
        live = self._streams.get(call)
        if live is None:
            return False
        if live.stream == before:  # otherwise media reported it before Twilio answered
            self._succeed(live, stream)
            live.node, live.ordered_at = "", now
        return stream == live.stream and stream in live.broken

    def refused(self, call: str, before: str, now: float) -> None:
        """Note that Twilio refused a stream to follow ``before``; one of another web process may be on its way."""
        live = self._streams.get(call)
        if live is not None and live.stream == before:
            live.ordered_at = now

    def release_claim(self, call: str) -> None:
        """Let the next report of the loss start a replacement, after an attempt has failed."""
        live = self._streams.get(call)
        if live is not None:
            live.leaving = None

    def is_past(self, call: str, stream: str) -> bool:
        """Return whether ``stream`` has been replaced."""
        live = self._streams.get(call)
        return live is not None and stream in live.past

    def is_elsewhere(self, fact: Fact) -> bool:
        """Return whether the call has moved to another node than the sender of ``fact``."""
        live = self._streams.get(fact.call)
        return live is not None and bool(live.node and fact.node) and live.node != fact.node

    def _update(self, fact: Fact) -> None:
        live = self._streams.get(fact.call) or self._keep(fact.call, LiveStream(fact.org))
        if self._is_past_news(live, fact):
            return
        if fact.stream == live.leaving and not fact.again and fact.kind == "started":
            live.leaving = None  # it was counted as lost and has arrived late
        if fact.stream:
            self._succeed(live, fact.stream)
        live.node, live.at, live.ordered_at = fact.node or "", fact.at, None
        live.began = fact.began or live.began

    def _is_past_news(self, live: LiveStream, fact: Fact) -> bool:
        """Return whether ``fact`` is of an older stream than is known: after a stall, facts arrive in any order."""
        if fact.again:
            return bool(live.stream) and live.at >= fact.at
        return live.stream != fact.stream and live.at > fact.at > 0

    def _succeed(self, live: LiveStream, stream: str) -> None:
        if live.stream and live.stream != stream:
            live.past.append(live.stream)
        live.stream = stream

    def _is_newest_lost(self, fact: Fact) -> bool:
        """Return whether the lost stream is the call's newest. An unknown call is added."""
        if fact.call not in self._streams:
            self._update(fact)
        return self._streams[fact.call].stream == fact.stream

    def _end(self, fact: Fact) -> bool:
        """Forget a call that is over, unless another node has it. Return True if only its stream ended."""
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
