"""Transcribe's quota as slots, shared by all nodes: who may hold one, and who may open a connection now. Pure.

Every node tells all the others, whole, what it holds and what it asks for (`Heartbeat`). The eldest that lives is the
*warden*: it grants the asks of all in the order in which their calls began, never more slots than there are, and
spreads the starts, since opening too fast is refused like opening too many. A grant stands in the warden's beats
until the node asks no longer. So nothing depends on one text arriving: what was lost is said again a second later,
what comes twice or late changes nothing, and whoever becomes warden next knows already what everybody holds.

Who is *not settled* grants nothing: a new warden for `SETTLE_SECONDS`, in which the last grants of the one before
come home; a node whose NATS is back until it has heard anew from those it knew; one that was not running for a
while. A node without NATS (*cut off*) serves itself up to a fair share of the slots and of the starts, and keeps
what it holds: people go on being heard, and AWS itself refuses what would be too much.

``now`` is `time.monotonic`'s.
"""

from __future__ import annotations

from collections.abc import Iterable

from media.quota.membership import Ask, Heartbeat, Membership

STARTS_PER_SECOND = 20.0  # AWS: 25 a second
SETTLE_SECONDS = 1.0
DOUBT_SECONDS = 2.0  # since NATS last answered: what others say may not come through, their silence means nothing
CUT_OFF_SECONDS = 3.0  # likewise: too long to wait for it
_NEVER = float("inf")
_LATE_SECONDS = 2.0  # between two ticks, which come once a second at least
_MOST_ASKS = 500  # told at once, the longest waiting: a beat must fit into one NATS payload

_Wish = tuple[str, Ask]  # (node, what it asks for)


class Allocator:
    """One node's part. The shell calls `tick` once a second, at `due`, and after whatever changes something."""

    def __init__(
        self, node: str, most: int, now: float, *, least_nodes: int = 1, starts_per_second: float = STARTS_PER_SECOND
    ) -> None:
        self.node = node
        self.most = most
        self.roll = Membership()
        self.held: set[int] = set()
        self.changed = False  # since it was last told
        self._least_nodes = least_nodes  # that share the slots, before any was heard
        self._interval = 1.0 / starts_per_second
        self._asks: dict[int, Ask] = {}
        self._granted: list[int] = []  # to this node, for the shell to take
        self._pending: dict[tuple[str, int], bool] = {}  # granted to others, not answered yet: whether it is a slot
        self._number = self._turn = self._born_ms = 0
        self._next_start = 0.0
        self._slot_is_next = True
        self._proven_at = self._ticked_at = now
        self._settled_at = _NEVER
        self._unheard: set[str] = set()  # known from before NATS was away
        self._warden = node

    @property
    def waiting(self) -> int:
        """How many of this node's asks for a slot are not granted."""
        return sum(ask.slot for ask in self._asks.values())

    def ask(self, since_ms: int, *, slot: bool = True) -> int:
        """Ask for a slot, with the right to a first start, or only for a start; the number to know the answer by."""
        self._number += 1
        self._asks[self._number] = Ask(self._number, since_ms, slot)
        self.changed = True
        return self._number

    def free(self, number: int) -> None:
        """Give a slot back, or ask no longer."""
        self._asks.pop(number, None)
        self.held.discard(number)
        self.changed = True

    def take_granted(self) -> list[int]:
        """The numbers granted to this node since last asked."""
        granted, self._granted = self._granted, []
        return granted

    def connected(self, now: float, now_ms: int) -> None:
        """NATS is there, for the first time or again: who was known may have changed, who is new is unknown."""
        self.roll.excuse(self._proven_at, now)
        self._unheard = set(self.roll.living(now))
        self._born_ms = self._born_ms or now_ms
        self._proven_at = now
        self._settled_at = now + SETTLE_SECONDS

    def lost(self) -> None:
        """NATS is gone, perhaps for a moment."""
        self._settled_at = _NEVER

    def alone(self, now: float) -> None:
        """NATS says that nobody else listens: there is nobody to wait for, unless some have yet to come back."""
        if not self.roll.living(now):
            self._settled_at = now

    def proven(self, now: float) -> None:
        """NATS has just answered."""
        self._proven_at = now

    def hear(self, node: str, beat: Heartbeat, now: float) -> None:
        """``beat`` came from another node."""
        if not self.roll.hear(node, beat, now):
            return
        self._unheard.discard(node)
        asked = {ask.number for ask in beat.asks}
        self._pending = {key: slot for key, slot in self._pending.items() if key[0] != node or key[1] in asked}
        if node == self.warden(now):
            for number in [number for who, number in beat.granted if who == self.node]:
                self._take(number)

    def tick(self, now: float) -> None:
        """Grant what is to be granted by now."""
        self._allow_for_pause(now)
        if self.is_cut_off(now):
            nodes = self._nodes_last_known()
            self._grant(now, self._own_wishes(), self._share(nodes) - len(self.held), self._interval * nodes)
        elif self.rules(now):
            living = self.roll.living(now)
            self._pending = {key: slot for key, slot in self._pending.items() if key[0] in living}
            theirs = [(node, ask) for node, beat in living.items() for ask in beat.asks]
            wishes = [wish for wish in theirs if (wish[0], wish[1].number) not in self._pending]
            self._grant(now, [*self._own_wishes(), *wishes], self.most - self.used(now), self._interval)

    def due(self, now: float) -> float | None:
        """When to tick next, should nothing happen before; None: no sooner than the next beat."""
        return min((at for at in (self._next_start, self._settled_at) if now < at < _NEVER), default=None)

    def beat(self, calls: int) -> Heartbeat:
        """What to tell the others."""
        self._turn += 1
        self.changed = False
        asks = sorted(self._asks.values(), key=lambda ask: ask.since_ms)[:_MOST_ASKS]
        held = tuple(sorted(self.held))
        return Heartbeat(calls, self._turn, self._born_ms, held, tuple(asks), tuple(self._pending))

    def farewell(self) -> Heartbeat:
        """The last thing to tell the others."""
        self._turn += 1
        return Heartbeat(turn=self._turn, gone=True)

    def warden(self, now: float) -> str:
        """The eldest that lives; an elder that comes later (its NATS was away) is it again."""
        others = [(beat.born_ms, node) for node, beat in self.roll.living(now).items() if beat.born_ms]
        mine = [(self._born_ms, self.node)] if self._born_ms else []
        return min([*others, *mine], default=(0, self.node))[1]

    def rules(self, now: float) -> bool:
        """Whether this node is warden and may grant."""
        warden = self.warden(now)
        if warden != self._warden:
            self._warden = warden
            self._pending.clear()
            self._settle(now)
        waits = self._unheard and not self._unheard.isdisjoint(self.roll.living(now))
        doubtful = now - self._proven_at > DOUBT_SECONDS
        return warden == self.node and now >= self._settled_at and not waits and not doubtful

    def used(self, now: float) -> int:
        """Slots held or granted, as far as this node knows, in the whole fleet."""
        others = sum(len(beat.held) for beat in self.roll.living(now).values())
        return len(self.held) + others + sum(self._pending.values())

    def is_full(self, now: float) -> bool:
        """Whether somebody who asks now has to wait until another gives a slot back."""
        if self.is_cut_off(now):
            return len(self.held) >= self._share(self._nodes_last_known())
        return self.used(now) >= self.most

    def is_cut_off(self, now: float) -> bool:
        """Whether NATS has been away for too long to wait for it."""
        return now - self._proven_at > CUT_OFF_SECONDS

    def _settle(self, now: float) -> None:
        """Grant nothing for a while; without NATS, not before it is back."""
        if self._settled_at < _NEVER:
            self._settled_at = now + SETTLE_SECONDS

    def _allow_for_pause(self, now: float) -> None:
        """This process did not run for a while: what others said meanwhile has yet to be read."""
        if now - self._ticked_at > _LATE_SECONDS:
            self.roll.excuse(self._ticked_at, now)
            self._proven_at += now - self._ticked_at
            self._settle(now)
        self._ticked_at = now

    def _nodes_last_known(self) -> int:
        return max(self._least_nodes, 1 + len(self.roll.living(self._proven_at)))

    def _share(self, nodes: int) -> int:
        return max(1, self.most // nodes)

    def _own_wishes(self) -> list[_Wish]:
        return [(self.node, ask) for ask in self._asks.values()]

    def _grant(self, now: float, wishes: list[_Wish], room: int, interval: float) -> None:
        """As many as may start now, slots for no more than ``room`` of them."""
        while now >= self._next_start and (wish := self._choose(wishes, room > 0)) is not None:
            wishes.remove(wish)
            node, ask = wish
            room -= ask.slot
            self._slot_is_next = not ask.slot
            self._next_start = now + interval
            self.changed = True
            if node == self.node:
                self._take(ask.number)
            else:
                self._pending[node, ask.number] = ask.slot

    def _choose(self, wishes: Iterable[_Wish], room: bool) -> _Wish | None:
        """The first of those who wait; of the two kinds in turn, so that a storm of one leaves the other alone."""
        first = min((wish for wish in wishes if wish[1].slot and room), key=_order, default=None)
        again = min((wish for wish in wishes if not wish[1].slot), key=_order, default=None)
        return (first or again) if self._slot_is_next else (again or first)

    def _take(self, number: int) -> None:
        """A grant of ours has come; one that was withdrawn, or came before, is nothing."""
        ask = self._asks.pop(number, None)
        if ask is not None:
            self._granted.append(number)
            self.changed = True
            if ask.slot:
                self.held.add(number)


def _order(wish: _Wish) -> tuple[int, str, int]:
    node, ask = wish
    return ask.since_ms, node, ask.number
