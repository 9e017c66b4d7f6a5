"""The live calls of each organisation, and the consoles that watch them. `publish` never waits.

Every method runs without awaiting, in one event loop, so there is no lock. An event is folded into its call, encoded
once, and sent to each console that may see the call; a console that cannot keep up is disconnected
(`media.sockets.console`). Supervisors, admins and owners see all calls of their organisation, agents only their own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol

from media.live.transcript import (
    CallAssigned,
    CallEnded,
    CallStarted,
    CallView,
    Event,
    GapFound,
    LiveCall,
    Snapshot,
    StateChanged,
    WordsStopped,
    apply,
    encode,
)
from media.metrics import GAPS
from protocol.tickets import Role


class Subscriber(Protocol):
    """What the hub needs of a console."""

    org: str
    member: str
    role: Role

    def send(self, event: bytes) -> None: ...
    def close_revoked(self) -> None: ...


MAX_STOPPED = 20_000  # calls remembered as stopped; no process runs long enough to see as many
Relay = Callable[[str, Event, bytes], None]


class _Audience:
    """An organisation's consoles, grouped by what they may see."""

    def __init__(self) -> None:
        self._all: set[Subscriber] = set()
        self._agents: dict[str, set[Subscriber]] = {}

    def add(self, subscriber: Subscriber) -> None:
        self._group(subscriber).add(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        self._group(subscriber).discard(subscriber)
        if subscriber.role == "agent" and not self._agents[subscriber.member]:
            del self._agents[subscriber.member]

    def of_all(self) -> Iterable[Subscriber]:
        """Return the consoles that see every call."""
        return tuple(self._all)

    def of_agent(self, agent: str | None) -> Iterable[Subscriber]:
        """Return the consoles of ``agent``, which see that agent's calls only."""
        return tuple(self._agents.get(agent, ())) if agent is not None else ()

    def __bool__(self) -> bool:
        return bool(self._all or self._agents)

    def _group(self, subscriber: Subscriber) -> set[Subscriber]:
        return self._agents.setdefault(subscriber.member, set()) if subscriber.role == "agent" else self._all


class Hub:
    """The process's live calls. ``relay`` gets what other nodes may need: organisation, event, its JSON."""

    def __init__(self, relay: Relay | None = None) -> None:
        self.relay = relay
        self._calls: dict[str, dict[str, LiveCall]] = {}  # by organisation, by call
        self._audiences: dict[str, _Audience] = {}
        self._stopped: OrderedDict[str, None] = OrderedDict()  # calls whose transcription was stopped

    def stop_words(self, org: str, call: str) -> None:
        """Delete the words of ``call``, and ignore any that still arrive."""
        self._stopped[call] = None
        if len(self._stopped) > MAX_STOPPED:
            self._stopped.popitem(last=False)
        self.publish(org, WordsStopped(call), local=False)

    def are_stopped(self, call: str) -> bool:
        """Return whether the transcription of ``call`` was stopped, as far as this node knows."""
        return call in self._stopped

    def publish(self, org: str, event: Event, *, local: bool = True) -> bool:
        """Fold ``event`` into its call and send it to the consoles. Return False if it changes nothing.

        ``local``: the event began on this node, so relay it to other nodes.
        """
        match event:
            case CallStarted(call=view):
                if (known := self.find(org, view.call)) is not None:
                    return self._restart(known, view)
                call = LiveCall(org, view)
                if view.call in self._stopped:
                    call.stop()
                    event = CallStarted(call.view())
                self._calls.setdefault(org, {})[view.call] = call
                changed = True
            case _:
                known = self._calls.get(org, {}).get(event.call)
                if known is None:
                    return False
                call = known
                agent = call.agent
                changed = apply(call, event)
        if not changed:
            return False
        if isinstance(event, GapFound) and local:
            GAPS.labels(event.gap.cause).inc()
        encoded = encode(event)
        if isinstance(event, CallAssigned):
            self._send_assigned(call, agent, encoded)
        else:
            self._send(call, encoded)
        if isinstance(event, CallEnded):
            self._forget(call)
        if local and self.relay is not None:
            self.relay(org, event, encoded)
        return True

    def _restart(self, call: LiveCall, view: CallView) -> bool:
        """Update a known call that another node continues: its agent and state change, its words stay."""
        assigned = view.agent is not None and self.publish(call.org, CallAssigned(call.call, view.agent), local=False)
        return self.publish(call.org, StateChanged(call.call, view.state), local=False) or assigned

    def watch(self, subscriber: Subscriber) -> bytes:
        """Send ``subscriber`` the events of its organisation from now on. Return the snapshot to begin with."""
        self._audiences.setdefault(subscriber.org, _Audience()).add(subscriber)
        calls = self._calls.get(subscriber.org, {}).values()
        return encode(Snapshot([call.view() for call in calls if _sees(subscriber, call.agent)]))

    def unwatch(self, subscriber: Subscriber) -> None:
        audience = self._audiences[subscriber.org]
        audience.discard(subscriber)
        if not audience:
            del self._audiences[subscriber.org]

    def find(self, org: str, call: str) -> LiveCall | None:
        return self._calls.get(org, {}).get(call)

    def find_call(self, call: str) -> LiveCall | None:
        """Return a live call by its CallSid alone."""
        return next((calls[call] for calls in self._calls.values() if call in calls), None)

    def close_consoles(self, org: str, member: str) -> None:
        """Close the consoles of a member who was removed or whose role changed: they need new tickets."""
        audience = self._audiences.get(org)
        if audience is not None:
            for subscriber in (*audience.of_all(), *audience.of_agent(member)):
                if subscriber.member == member:
                    subscriber.close_revoked()

    def calls_of(self, org: str) -> list[LiveCall]:
        return list(self._calls.get(org, {}).values())

    def all_calls(self) -> list[LiveCall]:
        return [call for calls in self._calls.values() for call in calls.values()]

    def drop(self, org: str, call: str) -> None:
        """Forget a call of another node that nobody here watches any longer."""
        known = self.find(org, call)
        if known is not None:
            self._forget(known)

    def watched(self) -> list[str]:
        """Return the organisations that have consoles here."""
        return list(self._audiences)

    def is_watched(self, org: str) -> bool:
        return org in self._audiences

    def _send(self, call: LiveCall, encoded: bytes) -> None:
        audience = self._audiences.get(call.org)
        if audience is not None:
            for subscriber in audience.of_all():
                subscriber.send(encoded)
            for subscriber in audience.of_agent(call.agent):
                subscriber.send(encoded)

    def _send_assigned(self, call: LiveCall, before: str | None, encoded: bytes) -> None:
        """Send the newly assigned agent the whole call as `call.started`, the previous agent `call.assigned` only."""
        audience = self._audiences.get(call.org)
        if audience is None:
            return
        for subscriber in (*audience.of_all(), *audience.of_agent(before)):
            subscriber.send(encoded)
        if call.agent == before:
            return
        whole = encode(CallStarted(call.view()))
        for subscriber in audience.of_agent(call.agent):
            subscriber.send(whole)

    def _forget(self, call: LiveCall) -> None:
        calls = self._calls[call.org]
        del calls[call.call]
        if not calls:
            del self._calls[call.org]


def _sees(subscriber: Subscriber, agent: str | None) -> bool:
    return subscriber.role != "agent" or (agent is not None and agent == subscriber.member)
