"""Share Transcribe's quota among all nodes: decide who may hold a slot, and who may open a connection now. Pure.

Every node sends all others its full state: what it holds and what it asks for (`Heartbeat`). The node that joined
first is the *leader*. It grants requests in the order in which their calls began, never more slots than there are,
and spreads the starts, since AWS refuses connections that are opened too fast. A grant stays in the leader's
heartbeats until the node stops asking. So no single message matters: a lost one is repeated a second later, a
duplicate or late one changes nothing, and the next leader already knows what everybody holds.

A node that is *not settled* grants nothing: a new leader for `SETTLE_SECONDS`, in which the previous leader's last
grants arrive; a node whose NATS is back, until it has heard again from the nodes it knew; a node that was paused. A
node without NATS (*cut off*) grants itself up to its share of the slots and starts, and keeps what it holds: its
calls stay transcribed, and AWS refuses what would be too much.

``now`` is in seconds of `time.monotonic`.
"""

from __future__ import annotations

from collections.abc import Iterable

from media.quota.membership import Membership
from protocol.messages import Ask, Heartbeat

STARTS_PER_SECOND = 20.0  # AWS: 25 a second
SETTLE_SECONDS = 1.0
DOUBT_SECONDS = 2.0  # since NATS last answered: heartbeats may be missing, so do not judge by them
CUT_OFF_SECONDS = 3.0  # since NATS last answered: stop waiting for it
_NEVER = float("inf")
_LATE_SECONDS = 2.0  # between two ticks, which are a second apart at most: this process was paused
_MAX_ASKS = 500  # in one heartbeat, the longest waiting first: it must fit into one NATS payload

_Request = tuple[str, Ask]  # (node, what it asks for)


class Allocator:
    """One node's view of the quota. The caller runs `tick` once a second, at `due`, and after every change."""

    def __init__(
        self, node: str, most: int, now: float, *, least_nodes: int = 1, starts_per_second: float = STARTS_PER_SECOND
    ) -> None:
        self.node = node
        self.most = most
        self.membership = Membership()
        self.held: set[int] = set()
        self.changed = False  # since the last heartbeat
        self._least_nodes = least_nodes  # to divide the slots by while no other node is known
        self._interval = 1.0 / starts_per_second
        self._asks: dict[int, Ask] = {}
        self._granted: list[int] = []  # to this node, for `take_granted`
        self._pending: dict[tuple[str, int], bool] = {}  # granted to others, not confirmed yet: whether it is a slot
        self._number = self._turn = self._born_ms = 0
        self._next_start = 0.0
        self._slot_is_next = True
        self._confirmed_at = self._ticked_at = now
        self._settled_at = _NEVER
        self._unheard: set[str] = set()  # nodes known before NATS was away that have not sent a heartbeat since
        self._leader_seen = node

    @property
    def waiting(self) -> int:
        """How many requests of this node for a slot are not granted yet."""
        return sum(ask.slot for ask in self._asks.values())

    def ask(self, since_ms: int, *, slot: bool = True) -> int:
        """Ask for a slot with the right to a first start, or for a start only. Return the request's number."""
        self._number += 1
        self._asks[self._number] = Ask(self._number, since_ms, slot)
        self.changed = True
        return self._number

    def free(self, number: int) -> None:
        """Give a slot back, or withdraw a request."""
        self._asks.pop(number, None)
        self.held.discard(number)
        self.changed = True

    def take_granted(self) -> list[int]:
        """Return the numbers granted to this node since the last call."""
        granted, self._granted = self._granted, []
        return granted

    def connected(self, now: float, now_ms: int) -> None:
        """Handle a new or restored connection: wait for the heartbeats of all known nodes before granting."""
        self.membership.extend_deadlines(self._confirmed_at, now)
        self._unheard = set(self.membership.alive(now))
        self._born_ms = self._born_ms or now_ms
        self._confirmed_at = now
        self._settled_at = now + SETTLE_SECONDS

    def lost(self) -> None:
        """Handle a lost connection: do not grant before NATS is back."""
        self._settled_at = _NEVER

    def no_other_nodes(self, now: float) -> None:
        """Skip the settling delay, unless nodes known before an outage have not been heard from again."""
        if not self.membership.alive(now):
            self._settled_at = now

    def confirmed(self, now: float) -> None:
        """Note that NATS has just answered."""
        self._confirmed_at = now

    def receive(self, node: str, heartbeat: Heartbeat, now: float) -> None:
        """Handle ``heartbeat`` of another node: take its grants to us, and forget grants that it has confirmed."""
        if not self.membership.receive(node, heartbeat, now):
            return
        self._unheard.discard(node)
        asked = {ask.number for ask in heartbeat.asks}
        self._pending = {key: slot for key, slot in self._pending.items() if key[0] != node or key[1] in asked}
        if node == self.leader(now):
            for number in [number for who, number in heartbeat.granted if who == self.node]:
                self._accept(number)

    def tick(self, now: float) -> None:
        """Grant what may be granted at ``now``."""
        self._allow_for_pause(now)
        if self.is_cut_off(now):
            nodes = self._nodes_last_known()
            self._grant(now, self._own_requests(), self._share(nodes) - len(self.held), self._interval * nodes)
        elif self.is_leader(now):
            living = self.membership.alive(now)
            self._pending = {key: slot for key, slot in self._pending.items() if key[0] in living}
            theirs = [(node, ask) for node, heartbeat in living.items() for ask in heartbeat.asks]
            requests = [request for request in theirs if (request[0], request[1].number) not in self._pending]
            self._grant(now, [*self._own_requests(), *requests], self.most - self.used(now), self._interval)

    def due(self, now: float) -> float | None:
        """Return when to tick next if nothing changes before; None: at the next heartbeat."""
        return min((at for at in (self._next_start, self._settled_at) if now < at < _NEVER), default=None)

    def heartbeat(self, calls: int) -> Heartbeat:
        """Return what to send the other nodes."""
        self._turn += 1
        self.changed = False
        asks = sorted(self._asks.values(), key=lambda ask: ask.since_ms)[:_MAX_ASKS]
        held = tuple(sorted(self.held))
        return Heartbeat(calls, self._turn, self._born_ms, held, tuple(asks), tuple(self._pending))

    def last_heartbeat(self) -> Heartbeat:
        """Return the last heartbeat to send, before this node stops."""
        self._turn += 1
        return Heartbeat(turn=self._turn, gone=True)

    def leader(self, now: float) -> str:
        """Return the live node that joined first. A node whose NATS was away becomes leader again when it returns."""
        others = [
            (heartbeat.born_ms, node) for node, heartbeat in self.membership.alive(now).items() if heartbeat.born_ms
        ]
        mine = [(self._born_ms, self.node)] if self._born_ms else []
        return min([*others, *mine], default=(0, self.node))[1]

    def is_leader(self, now: float) -> bool:
        """Return whether this node is leader and may grant."""
        leader = self.leader(now)
        if leader != self._leader_seen:
            self._leader_seen = leader
            self._pending.clear()
            self._settle(now)
        waits = self._unheard and not self._unheard.isdisjoint(self.membership.alive(now))
        doubtful = now - self._confirmed_at > DOUBT_SECONDS
        return leader == self.node and now >= self._settled_at and not waits and not doubtful

    def used(self, now: float) -> int:
        """Return the slots held or granted by all nodes, as far as this node knows."""
        others = sum(len(heartbeat.held) for heartbeat in self.membership.alive(now).values())
        return len(self.held) + others + sum(self._pending.values())

    def is_full(self, now: float) -> bool:
        """Return whether a new request has to wait until another call gives its slot back."""
        if self.is_cut_off(now):
            return len(self.held) >= self._share(self._nodes_last_known())
        return self.used(now) >= self.most

    def is_cut_off(self, now: float) -> bool:
        """Return whether NATS has been away for too long to wait for it."""
        return now - self._confirmed_at > CUT_OFF_SECONDS

    def _settle(self, now: float) -> None:
        """Start the settling delay; without NATS, leave that to `connected`."""
        if self._settled_at < _NEVER:
            self._settled_at = now + SETTLE_SECONDS

    def _allow_for_pause(self, now: float) -> None:
        """Restart all timeouts after a pause of this process: heartbeats sent meanwhile have not been read yet."""
        if now - self._ticked_at > _LATE_SECONDS:
            self.membership.extend_deadlines(self._ticked_at, now)
            self._confirmed_at += now - self._ticked_at
            self._settle(now)
        self._ticked_at = now

    def _nodes_last_known(self) -> int:
        return max(self._least_nodes, 1 + len(self.membership.alive(self._confirmed_at)))

    def _share(self, nodes: int) -> int:
        return max(1, self.most // nodes)

    def _own_requests(self) -> list[_Request]:
        return [(self.node, ask) for ask in self._asks.values()]

    def _grant(self, now: float, requests: list[_Request], room: int, interval: float) -> None:
        """Grant as many requests as may start now, with slots for at most ``room`` of them."""
        while now >= self._next_start and (request := self._choose(requests, room > 0)) is not None:
            requests.remove(request)
            node, ask = request
            room -= ask.slot
            self._slot_is_next = not ask.slot
            self._next_start = now + interval
            self.changed = True
            if node == self.node:
                self._accept(ask.number)
            else:
                self._pending[node, ask.number] = ask.slot

    def _choose(self, requests: Iterable[_Request], room: bool) -> _Request | None:
        """Return the next request; first starts and restarts take turns, so that neither blocks the other."""
        first = min((request for request in requests if request[1].slot and room), key=_order, default=None)
        again = min((request for request in requests if not request[1].slot), key=_order, default=None)
        return (first or again) if self._slot_is_next else (again or first)

    def _accept(self, number: int) -> None:
        """Take a grant to this node; ignore one for a request that was withdrawn or is already granted."""
        ask = self._asks.pop(number, None)
        if ask is not None:
            self._granted.append(number)
            self.changed = True
            if ask.slot:
                self.held.add(number)


def _order(request: _Request) -> tuple[int, str, int]:
    node, ask = request
    return ask.since_ms, node, ask.number
