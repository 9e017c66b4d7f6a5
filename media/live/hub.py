"""The live calls of each organisation, and the consoles that watch them. `publish` never waits.

Everything happens between two awaits, in one loop, so there is no lock. An event is folded into its call, encoded
once, and offered to each console that may see the call; a console that cannot keep up is its own affair (console.py).
Supervisors, admins and owners see all of their organisation's calls; agents those that are assigned to them.
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

    def offer(self, event: bytes) -> None: ...
    def dismiss(self) -> None: ...


MOST_STOPPED = 20_000  # calls that are remembered as stopped; a process starts anew before so many were
Relay = Callable[[str, Event, bytes], None]


class _Audience:
    """An organisation's consoles, so that an event is offered to those who may see it and touches no other."""

    def __init__(self) -> None:
        self._all: set[Subscriber] = set()
        self._agents: dict[str, set[Subscriber]] = {}

    def add(self, watcher: Subscriber) -> None:
        self._group(watcher).add(watcher)

    def discard(self, watcher: Subscriber) -> None:
        self._group(watcher).discard(watcher)
        if watcher.role == "agent" and not self._agents[watcher.member]:
            del self._agents[watcher.member]

    def of_all(self) -> Iterable[Subscriber]:
        """Those who see every call."""
        return tuple(self._all)

    def of_agent(self, agent: str | None) -> Iterable[Subscriber]:
        """Those who see only the calls of ``agent``, because they are that agent."""
        return tuple(self._agents.get(agent, ())) if agent is not None else ()

    def __bool__(self) -> bool:
        return bool(self._all or self._agents)

    def _group(self, watcher: Subscriber) -> set[Subscriber]:
        return self._agents.setdefault(watcher.member, set()) if watcher.role == "agent" else self._all


class Hub:
    """One for the process. ``relay`` is given what other nodes may want: organisation, event, its JSON."""

    def __init__(self, relay: Relay | None = None) -> None:
        self.relay = relay
        self._calls: dict[str, dict[str, LiveCall]] = {}  # by organisation, by call
        self._audiences: dict[str, _Audience] = {}
        self._stopped: OrderedDict[str, None] = OrderedDict()  # calls whose words somebody stopped

    def stop_words(self, org: str, call: str) -> None:
        """No word of ``call`` is told or kept here from now on, whoever says it; what there is goes."""
        self._stopped[call] = None
        if len(self._stopped) > MOST_STOPPED:
            self._stopped.popitem(last=False)
        self.publish(org, WordsStopped(call), local=False)

    def are_stopped(self, call: str) -> bool:
        """Whether the words of ``call`` were stopped, as far as this node was told."""
        return call in self._stopped

    def publish(self, org: str, event: Event, *, local: bool = True) -> bool:
        """Fold ``event`` and tell those who watch; False if it says nothing new.

        ``local``: it was born here, so other nodes need to be told.
        """
        match event:
            case CallStarted(call=view):
                if (known := self.find(org, view.call)) is not None:
                    return self._start_again(known, view)
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
            self._tell_assigned(call, agent, encoded)
        else:
            self._tell(call, encoded)
        if isinstance(event, CallEnded):
            self._forget(call)
        if local and self.relay is not None:
            self.relay(org, event, encoded)
        return True

    def _start_again(self, call: LiveCall, view: CallView) -> bool:
        """A call that is known has come to another node: who has it and how it does are new, its words are not."""
        assigned = view.agent is not None and self.publish(call.org, CallAssigned(call.call, view.agent), local=False)
        return self.publish(call.org, StateChanged(call.call, view.state), local=False) or assigned

    def watch(self, watcher: Subscriber) -> bytes:
        """Let ``watcher`` see its organisation's calls; answers the snapshot to begin with."""
        self._audiences.setdefault(watcher.org, _Audience()).add(watcher)
        calls = self._calls.get(watcher.org, {}).values()
        return encode(Snapshot([call.view() for call in calls if _sees(watcher, call.agent)]))

    def unwatch(self, watcher: Subscriber) -> None:
        audience = self._audiences[watcher.org]
        audience.discard(watcher)
        if not audience:
            del self._audiences[watcher.org]

    def find(self, org: str, call: str) -> LiveCall | None:
        return self._calls.get(org, {}).get(call)

    def find_call(self, call: str) -> LiveCall | None:
        """A live call by its CallSid alone."""
        return next((calls[call] for calls in self._calls.values() if call in calls), None)

    def dismiss(self, org: str, member: str) -> None:
        """Close the consoles of a member who was removed, or whose role changed: they must ask anew."""
        audience = self._audiences.get(org)
        if audience is not None:
            for watcher in (*audience.of_all(), *audience.of_agent(member)):
                if watcher.member == member:
                    watcher.dismiss()

    def calls_of(self, org: str) -> list[LiveCall]:
        return list(self._calls.get(org, {}).values())

    def all_calls(self) -> list[LiveCall]:
        return [call for calls in self._calls.values() for call in calls.values()]

    def drop(self, org: str, call: str) -> None:
        """Forget a call of another node's that nobody here watches any longer."""
        known = self.find(org, call)
        if known is not None:
            self._forget(known)

    def watched(self) -> list[str]:
        """The organisations that have consoles here."""
        return list(self._audiences)

    def is_watched(self, org: str) -> bool:
        return org in self._audiences

    def _tell(self, call: LiveCall, encoded: bytes) -> None:
        audience = self._audiences.get(call.org)
        if audience is not None:
            for watcher in audience.of_all():
                watcher.offer(encoded)
            for watcher in audience.of_agent(call.agent):
                watcher.offer(encoded)

    def _tell_assigned(self, call: LiveCall, before: str | None, encoded: bytes) -> None:
        """Who sees the call for the first time needs all of it; who loses it is told, and nothing more."""
        audience = self._audiences.get(call.org)
        if audience is None:
            return
        for watcher in (*audience.of_all(), *audience.of_agent(before)):
            watcher.offer(encoded)
        if call.agent == before:
            return
        whole = encode(CallStarted(call.view()))
        for watcher in audience.of_agent(call.agent):
            watcher.offer(whole)

    def _forget(self, call: LiveCall) -> None:
        calls = self._calls[call.org]
        del calls[call.call]
        if not calls:
            del self._calls[call.org]


def _sees(watcher: Subscriber, agent: str | None) -> bool:
    return watcher.role != "agent" or (agent is not None and agent == watcher.member)
