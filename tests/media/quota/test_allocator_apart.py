"""Slots while NATS is away, or may have been: each node has its share, and nothing is granted twice."""

from __future__ import annotations

from media.quota.allocator import CUT_OFF_SECONDS, DOUBT_SECONDS, SETTLE_SECONDS, Allocator
from media.quota.membership import GONE_SECONDS
from protocol.messages import Heartbeat
from tests.kit.media.quota_cluster import fleet_of

TAKEOVER_SECONDS = GONE_SECONDS + SETTLE_SECONDS + 1.0


def test_without_nats_each_has_its_share_and_keeps_what_it_holds() -> None:
    fleet = fleet_of(7, *"abc")
    for since in range(5):
        fleet.nodes["a"].ask(since)
    fleet.run(1)
    fleet.cut_off(*"abc")
    fleet.run(CUT_OFF_SECONDS + 0.1)
    for name in "abc":
        for since in range(5):
            fleet.nodes[name].ask(since)
    fleet.run(2)
    assert {name: len(slots.held) for name, slots in fleet.nodes.items()} == {"a": 5, "b": 2, "c": 2}
    assert fleet.nodes["b"].is_full(fleet.now)
    fleet.restore(*"abc")
    fleet.run(TAKEOVER_SECONDS)
    assert fleet.held == 9
    for number in list(fleet.nodes["a"].held):
        fleet.nodes["a"].free(number)
    fleet.run(2)
    assert fleet.held == 7


def test_while_nats_may_be_back_in_a_moment_nothing_is_granted() -> None:
    slots = Allocator("a", 4, 0.0)
    slots.connected(0.0, 1)
    slots.receive("b", Heartbeat(turn=1, born_ms=2), 0.5)
    slots.confirmed(2.0)
    for at in (2.0, 2.0 + DOUBT_SECONDS + 0.1, 2.0 + CUT_OFF_SECONDS - 0.1):
        slots.tick(at)
        slots.ask(1)
    slots.tick(2.0 + CUT_OFF_SECONDS - 0.05)
    assert slots.held == set()
    for tick in range(10):
        slots.tick(2.1 + CUT_OFF_SECONDS + tick)
    assert len(slots.held) == 2


def test_a_short_loss_of_nats_grants_nothing_twice() -> None:
    fleet = fleet_of(2, *"abc")
    for name in "abc":
        for since in range(2):
            fleet.nodes[name].ask(since)
    fleet.run(1)
    for number in list(fleet.nodes["a"].held):  # what is given back may be granted again: by one leader
        fleet.nodes["a"].free(number)
    for name in "abc":
        fleet.cut_off(*"abc")
        fleet.run(1.5)
        fleet.restore(name)
        fleet.run(0.5)
        fleet.restore(*"abc")
        fleet.run(0.5)
        assert fleet.held <= 2
    fleet.run(TAKEOVER_SECONDS)
    assert fleet.held == 2


def test_who_comes_back_waits_for_those_it_knew() -> None:
    """The leader's NATS is back first; the others granted themselves slots meanwhile and are not heard yet."""
    fleet = fleet_of(4, "a", "b")
    fleet.cut_off("a", "b")
    for since in range(4):
        fleet.nodes["b"].ask(since)
    fleet.run(10)
    assert len(fleet.nodes["b"].held) == 2
    for since in range(4):
        fleet.nodes["a"].ask(since)
    fleet.restore("a")
    fleet.run(2)
    fleet.restore("b")
    fleet.run(3)
    assert fleet.held == 4


def test_never_connected_a_worker_takes_its_part() -> None:
    slots = Allocator("a", 5, 0.0, least_nodes=2)
    for since in range(5):
        slots.ask(since)
    for tick in range(100):
        slots.tick(tick / 10)
    assert len(slots.held) == 2


def test_a_process_that_was_stopped_looks_around_before_it_grants() -> None:
    fleet = fleet_of(1, "a", "b")
    asleep = fleet.nodes.pop("a")
    fleet.run(TAKEOVER_SECONDS)
    fleet.nodes["b"].ask(0)
    fleet.run(1)
    assert (fleet.leaders(), fleet.held) == (["b"], 1)
    fleet.nodes["a"] = asleep
    asleep.ask(0)
    fleet.run(TAKEOVER_SECONDS)
    assert (fleet.leaders(), fleet.held) == (["a"], 1)
