"""Nodes that share slots on a clock of the test's own, over a wire that is late, repeats itself and jumbles."""

from __future__ import annotations

import random
from collections.abc import Iterable

from media.quota.allocator import Allocator
from protocol.messages import Heartbeat

STEP_SECONDS = 0.05
MOST_DELAY_SECONDS = 0.3


class Fleet:
    """``taken`` is what was granted, as it connected_once its node: (at, node, number)."""

    def __init__(self, most: int, *, jumbled: int | None = None) -> None:
        self.most = most
        self.now = 1000.0
        self.nodes: dict[str, Allocator] = {}
        self.taken: list[tuple[float, str, int]] = []
        self._cut_off: set[str] = set()
        self._sent_at: dict[str, float] = {}
        self._in_flight: list[tuple[float, str, str, Heartbeat]] = []  # (when, to whom, from whom, what)
        self._rng = None if jumbled is None else random.Random(jumbled)

    @property
    def held(self) -> int:
        return sum(len(slots.held) for slots in self.nodes.values())

    def leaders(self) -> list[str]:
        return [name for name, slots in self.nodes.items() if slots.is_leader(self.now)]

    def join(self, name: str) -> Allocator:
        """A node starts and finds its NATS."""
        self.nodes[name] = slots = Allocator(name, self.most, self.now)
        self._connect(name)
        return slots

    def crash(self, name: str) -> None:
        """``kill -9``: what it held is free, and nobody is told."""
        del self.nodes[name]

    def leave(self, name: str) -> None:
        """An orderly end."""
        self._publish(name, self.nodes.pop(name).last_heartbeat())

    def cut_off(self, *names: str) -> None:
        self._cut_off |= set(names)
        for name in names:
            self.nodes[name].lost()

    def restore(self, *names: str) -> None:
        self._cut_off -= set(names)
        for name in names:
            self._connect(name)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now += STEP_SECONDS
            self._deliver()
            for name, slots in self.nodes.items():
                self._live(name, slots)

    def _connect(self, name: str) -> None:
        """It hears who is there, and all hear that it is."""
        slots = self.nodes[name]
        slots.connected(self.now, round(self.now * 1000))
        others = [other for other in self._reachable() if other != name]
        if not others:
            slots.no_other_nodes(self.now)
        for other in others:
            self._publish(other, self.nodes[other].heartbeat(0))
        self._publish(name, slots.heartbeat(0))

    def _live(self, name: str, slots: Allocator) -> None:
        slots.tick(self.now)
        self.taken += [(self.now, name, number) for number in slots.take_granted()]
        if self.now - self._sent_at.get(name, 0.0) >= 1.0:
            self._sent_at[name] = self.now
            slots.changed = True
            if name not in self._cut_off:
                slots.confirmed(self.now)
        if slots.changed:
            self._publish(name, slots.heartbeat(0))

    def _publish(self, name: str, heartbeat: Heartbeat) -> None:
        if name not in self._cut_off:
            for other in self._reachable():
                if other != name:
                    self._in_flight += [(at, other, name, heartbeat) for at in self._arrivals()]

    def _reachable(self) -> Iterable[str]:
        return [name for name in self.nodes if name not in self._cut_off]

    def _arrivals(self) -> Iterable[float]:
        """When a text arrives: once, soon; or late, and perhaps twice."""
        if self._rng is None:
            return [self.now + STEP_SECONDS / 2]
        times = self._rng.choice([1, 1, 2])
        return [self.now + self._rng.uniform(0, MOST_DELAY_SECONDS) for _ in range(times)]

    def _deliver(self) -> None:
        due = [message for message in self._in_flight if message[0] <= self.now]
        self._in_flight = [message for message in self._in_flight if message[0] > self.now]
        for _, to, sender, heartbeat in sorted(due, key=lambda message: message[0]):
            if to in self.nodes and to not in self._cut_off:
                self.nodes[to].receive(sender, heartbeat, self.now)


def fleet_of(most: int, *names: str, jumbled: int | None = None) -> Fleet:
    """So many nodes that have found each other."""
    fleet = Fleet(most, jumbled=jumbled)
    for name in names:
        fleet.join(name)
        fleet.run(0.1)
    fleet.run(2)
    return fleet
