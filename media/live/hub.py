"""The live calls of each organisation, and the consoles that watch them. `publish` never waits.

Every method runs without awaiting, in one event loop, so there is no lock. An event is folded into its call, encoded
once, and sent to each console that may see the call and follows it; the others are told the call's facts, and its row
(`media.live.following`, `media.live.wall_rows`). A console that cannot keep up is disconnected
(`media.sockets.console`). Supervisors, admins and owners see all calls of their organisation, agents only their own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from media.live.following import Following, Subscription
from media.live.holds import Holds
from media.live.transcript import (
    CallAssigned,
    CallEnded,
    CallStarted,
    CallView,
    Event,
    GapFound,
    LineWritten,
    LiveCall,
    Snapshot,
    StateChanged,
    TalkChanged,
    Utterance,
    Uttered,
    WordsStopped,
    apply,
    encode,
)
from media.live.wall_rows import ChangedWallRows, RowsChanged, wall_row
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
    """An organisation's consoles, grouped by what they may see; and what each of them follows."""

    def __init__(self) -> None:
        self.followings: dict[Subscriber, Following] = {}
        self.of_rows: set[Subscriber] = set()
        """The consoles that are told rows."""
        self._all: set[Subscriber] = set()
        self._agents: dict[str, set[Subscriber]] = {}

    def add(self, subscriber: Subscriber, following: Following) -> None:
        self.followings[subscriber] = following
        self._group(subscriber).add(subscriber)
        self.update_rows(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        del self.followings[subscriber]
        self.of_rows.discard(subscriber)
        self._group(subscriber).discard(subscriber)
        if subscriber.role == "agent" and not self._agents[subscriber.member]:
            del self._agents[subscriber.member]

    def of_all(self) -> Iterable[Subscriber]:
        """Return the consoles that see every call."""
        return tuple(self._all)

    def of_agent(self, agent: str | None) -> Iterable[Subscriber]:
        """Return the consoles of ``agent``, which see that agent's calls only."""
        return tuple(self._agents.get(agent, ())) if agent is not None else ()

    def of_call(self, call: LiveCall) -> Iterator[tuple[Subscriber, bool]]:
        """Yield the consoles that may see the call, and whether each follows it."""
        for subscriber in (*self._all, *self.of_agent(call.agent)):
            yield subscriber, self.followings[subscriber].follows(call, call.agent)

    def update_rows(self, subscriber: Subscriber) -> None:
        """Remember whether ``subscriber`` is sent wall rows."""
        if self.followings[subscriber].rows:
            self.of_rows.add(subscriber)
        else:
            self.of_rows.discard(subscriber)

    def __bool__(self) -> bool:
        return bool(self.followings)

    def _group(self, subscriber: Subscriber) -> set[Subscriber]:
        return self._agents.setdefault(subscriber.member, set()) if subscriber.role == "agent" else self._all


class Hub:
    """The process's live calls. ``relay`` gets what other nodes may need: organisation, event, its JSON."""

    def __init__(self, relay: Relay | None = None) -> None:
        self.relay = relay
        self.on_final: Callable[[LiveCall, Utterance], None] = lambda _call, _utterance: None
        """Called with each final utterance of a call whose organisation has consoles here."""
        self._calls: dict[str, dict[str, LiveCall]] = {}  # by organisation, by call
        self._audiences: dict[str, _Audience] = {}
        self._rows = ChangedWallRows()
        self.holds = Holds()
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
        match event:
            case CallAssigned():
                self._send_assigned(call, agent, encoded)
            case CallStarted():
                self._send_started(call, encoded)
            case CallEnded() | WordsStopped() | LineWritten():
                self._send_to_viewers(call, encoded)
            case _:
                self._send(call, encoded)
        self._note(call)
        if isinstance(event, Uttered) and event.utterance.final and org in self._audiences:
            self._send(call, encode(TalkChanged(call.call, call.talk.sums())))
            self.on_final(call, event.utterance)
        if isinstance(event, CallEnded):
            self._forget(call)
        if local and self.relay is not None:
            self.relay(org, event, encoded)
        return True

    def _restart(self, call: LiveCall, view: CallView) -> bool:
        """Update a known call that another node continues: its agent and state change, its words stay."""
        assigned = view.agent is not None and self.publish(call.org, CallAssigned(call.call, view.agent), local=False)
        return self.publish(call.org, StateChanged(call.call, view.state, view.held_at), local=False) or assigned

    def watch(self, subscriber: Subscriber, subscription: Subscription | None = None) -> bytes:
        """Send ``subscriber`` events of its organisation from now on. Return the snapshot to begin with.

        ``subscription``: what it follows; None for everything.
        """
        following = Following(subscriber.member, subscription)
        self._audiences.setdefault(subscriber.org, _Audience()).add(subscriber, following)
        return encode(
            Snapshot(
                [
                    call.view() if following.follows(call, call.agent) else call.outline()
                    for call in self._seen_by(subscriber)
                ]
            )
        )

    def rows(self, subscriber: Subscriber) -> bytes | None:
        """Return the wall rows of all calls that ``subscriber`` sees; None if it asked for none."""
        if not self._following(subscriber).rows:
            return None
        return encode(RowsChanged([wall_row(call) for call in self._seen_by(subscriber)]))

    def follow(self, subscriber: Subscriber, subscription: Subscription) -> list[bytes]:
        """Replace what ``subscriber`` follows. Return the messages to send it first."""
        following = self._following(subscriber)
        had_rows = following.rows
        words = self._change_following(subscriber, lambda: following.replace(subscription))
        self._audiences[subscriber.org].update_rows(subscriber)
        rows = None if had_rows else self.rows(subscriber)
        return words if rows is None else [*words, rows]

    def read(self, subscriber: Subscriber, call: str) -> list[bytes]:
        """Let ``subscriber`` have the words of ``call``, which it reads. Return the messages to send it first."""
        following = self._following(subscriber)
        return self._change_following(subscriber, lambda: following.read(call))

    def leave(self, subscriber: Subscriber, call: str) -> None:
        """Record that ``subscriber`` no longer reads ``call``."""
        self._following(subscriber).leave(call)

    def tell_rows(self) -> None:
        """Send the wall rows that have changed. Call it every `media.live.wall_rows.TELL_SECONDS`."""
        for org in self._rows.organisations():
            changed, audience = self._rows.take(org), self._audiences.get(org)
            if not changed or audience is None:
                continue
            encoded = encode(RowsChanged([now for _, now in changed]))
            for subscriber in tuple(audience.of_rows):
                if subscriber.role != "agent":
                    subscriber.send(encoded)
                elif own := [now for call, now in changed if sees(subscriber, call.agent)]:
                    subscriber.send(encode(RowsChanged(own)))

    def unwatch(self, subscriber: Subscriber) -> None:
        audience = self._audiences[subscriber.org]
        audience.discard(subscriber)
        if not audience:
            del self._audiences[subscriber.org]

    def tell(self, org: str, call: str, encoded: bytes) -> None:
        """Send every console that may see the call an event that is no part of its transcript."""
        known = self.find(org, call)
        if known is not None:
            self._send_to_viewers(known, encoded)

    def may_see(self, subscriber: Subscriber, call: str) -> bool:
        """Return whether ``subscriber`` may see the call, which is live."""
        known = self.find(subscriber.org, call)
        return known is not None and sees(subscriber, known.agent)

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
        """Send an event to the consoles that follow the call."""
        audience = self._audiences.get(call.org)
        if audience is not None:
            for subscriber, follows in audience.of_call(call):
                if follows:
                    subscriber.send(encoded)

    def _send_to_viewers(self, call: LiveCall, encoded: bytes) -> None:
        """Send an event to all consoles that may see the call."""
        audience = self._audiences.get(call.org)
        if audience is not None:
            for subscriber, _ in audience.of_call(call):
                subscriber.send(encoded)

    def _send_started(self, call: LiveCall, encoded: bytes) -> None:
        audience = self._audiences.get(call.org)
        if audience is not None:
            outline = encode(CallStarted(call.outline()))
            for subscriber, follows in audience.of_call(call):
                subscriber.send(encoded if follows else outline)

    def _send_assigned(self, call: LiveCall, before: str | None, encoded: bytes) -> None:
        """Send the newly assigned agent the whole call as `call.started`, the previous agent `call.assigned` only.

        A console that sees all calls is sent the words as well, if its member is the new agent.
        """
        audience = self._audiences.get(call.org)
        if audience is None:
            return
        for subscriber in (*audience.of_all(), *audience.of_agent(before)):
            subscriber.send(encoded)
        if call.agent == before:
            return
        for subscriber in audience.of_all():
            following = audience.followings[subscriber]
            if following.follows(call, call.agent) and not following.follows(call, before):
                subscriber.send(encode(call.words()))
        for subscriber in audience.of_agent(call.agent):
            follows = audience.followings[subscriber].follows(call, call.agent)
            subscriber.send(encode(CallStarted(call.view() if follows else call.outline())))

    def _note(self, call: LiveCall) -> None:
        """Remember that the call's wall row may have changed, if anybody is sent wall rows."""
        audience = self._audiences.get(call.org)
        if audience is not None and audience.of_rows:
            self._rows.note(call)

    def _change_following(self, subscriber: Subscriber, change: Callable[[], None]) -> list[bytes]:
        """Change what ``subscriber`` follows. Return the words of the calls that it follows from now on."""
        following, calls = self._following(subscriber), self._seen_by(subscriber)
        before = {call.call for call in calls if following.follows(call, call.agent)}
        change()
        now = [call for call in calls if following.follows(call, call.agent)]
        return [encode(call.words()) for call in now if call.call not in before]

    def _following(self, subscriber: Subscriber) -> Following:
        return self._audiences[subscriber.org].followings[subscriber]

    def _seen_by(self, subscriber: Subscriber) -> list[LiveCall]:
        calls = self._calls.get(subscriber.org, {}).values()
        return [call for call in calls if sees(subscriber, call.agent)]

    def _forget(self, call: LiveCall) -> None:
        calls = self._calls[call.org]
        del calls[call.call]
        self._rows.forget(call)
        if not calls:
            del self._calls[call.org]


def sees(viewer: Subscriber, agent: str | None) -> bool:
    """Return whether ``viewer`` may see a call of their organisation that has this ``agent``."""
    return viewer.role != "agent" or (agent is not None and agent == viewer.member)
