"""Slots shared by many nodes: never too many, in order of the calls, none forgotten, whichever node dies and when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from media.quota.allocator import SETTLE_SECONDS, STARTS_PER_SECOND, Allocator
from media.quota.membership import GONE_SECONDS
from protocol.messages import Ask, Heartbeat
from tests.kit.media.quota_cluster import MOST_DELAY_SECONDS, Fleet, fleet_of

TAKEOVER_SECONDS = GONE_SECONDS + SETTLE_SECONDS + 1.0
_seeds = st.integers(0, 1 << 16)
_deeds = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "call", "hang up", "reopen", "crash", "leave", "depose", "join"]),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.4, 1.0, 2.0]),
    ),
    max_size=40,
)


def _do(fleet: Fleet, deed: str, which: int, since: int) -> None:
    if deed == "join":
        fleet.join(f"n{since}")
    if not fleet.nodes:
        return
    name = sorted(fleet.nodes)[which % len(fleet.nodes)]
    slots = fleet.nodes[name]
    match deed:
        case "call":
            slots.ask(since)
        case "hang up" if slots.held:
            slots.free(min(slots.held))
        case "reopen" if slots.held:
            slots.ask(since, slot=False)
        case "crash":
            fleet.crash(name)
        case "leave":
            fleet.leave(name)
        case "depose":
            for leader in fleet.leaders():
                fleet.leave(leader)


@given(most=st.integers(1, 6), deeds=_deeds, seed=_seeds)
@settings(max_examples=150)
def test_never_too_many_and_nobody_starves_whoever_comes_and_goes(
    most: int, deeds: list[tuple[str, int, float]], seed: int
) -> None:
    fleet = fleet_of(most, "a", "b", "c", jumbled=seed)
    for since, (deed, which, pause) in enumerate(deeds):
        _do(fleet, deed, which, since)
        fleet.run(pause)
        assert fleet.held <= most
        assert len(fleet.leaders()) <= 1 or pause < MOST_DELAY_SECONDS
    fleet.run(TAKEOVER_SECONDS)
    for _ in range(len(deeds)):
        for slots in fleet.nodes.values():
            for number in list(slots.held):
                slots.free(number)
        fleet.run(1.5)
        assert fleet.held <= most
    assert [slots.waiting for slots in fleet.nodes.values()] == [0] * len(fleet.nodes)
    assert len(fleet.leaders()) == min(1, len(fleet.nodes))


@given(callers=st.permutations(range(8)), where=st.lists(st.sampled_from("abc"), min_size=8, max_size=8), seed=_seeds)
@settings(max_examples=50)
def test_whose_call_began_first_is_served_first_wherever_it_is(
    callers: list[int], where: list[str], seed: int
) -> None:
    fleet = fleet_of(1, *"abc", jumbled=seed)
    holder = fleet.nodes["b"].ask(0)
    fleet.run(1)
    began = {}
    for since, node in zip(callers, where, strict=True):
        began[node, fleet.nodes[node].ask(1 + since)] = since
    fleet.run(1)
    assert [taken[1:] for taken in fleet.taken] == [("b", holder)]
    order = []
    for _ in callers:
        _, node, number = fleet.taken[-1]
        fleet.nodes[node].free(number)
        fleet.run(1)
        order.append(began[fleet.taken[-1][1:]])
    assert order == sorted(callers)


@pytest.mark.parametrize("kinds", [(True,), (False,), (True, False)], ids=["first", "again", "both"])
def test_starts_are_spread_over_the_whole_fleet(kinds: tuple[bool, ...]) -> None:
    fleet = fleet_of(100, *"abc")
    for number in range(60):
        fleet.nodes["abc"[number % 3]].ask(number, slot=kinds[number % len(kinds)])
    fleet.run(5)
    times = [at for at, _, _ in fleet.taken]
    assert len(times) == 60
    assert all(later - sooner >= 1 / STARTS_PER_SECOND - 1e-6 for sooner, later in pairwise(times[::3]))
    assert times[-1] - times[0] >= 59 / STARTS_PER_SECOND - 0.2


def test_a_storm_of_reopenings_leaves_room_for_who_is_new() -> None:
    fleet = fleet_of(10, "a", "b")
    for number in range(200):
        fleet.nodes["a"].ask(number, slot=False)
    new = fleet.nodes["b"].ask(1_000)
    fleet.run(1)
    assert new in fleet.nodes["b"].held


def test_a_slot_given_back_is_taken_at_once() -> None:
    fleet = fleet_of(1, *"abc")
    first = fleet.nodes["b"].ask(0)
    fleet.run(1)
    second = fleet.nodes["c"].ask(1)
    fleet.run(1)
    assert fleet.nodes["c"].is_full(fleet.now)
    fleet.nodes["b"].free(first)
    fleet.run(0.2)  # three texts, one after the other
    assert fleet.nodes["c"].held == {second}


def test_alone_a_slot_is_granted_without_a_word() -> None:
    slots = Allocator("a", 1, 0.0)
    slots.connected(0.1, 1)
    slots.no_other_nodes(0.1)
    number = slots.ask(5)
    slots.tick(0.1)
    assert slots.take_granted() == [number]
    assert slots.is_full(0.1)


def test_the_next_leader_knows_what_the_last_one_granted() -> None:
    fleet = fleet_of(2, *"abc")
    for since in range(3):
        fleet.nodes["c"].ask(since)
    fleet.run(1)
    assert (fleet.leaders(), fleet.held) == (["a"], 2)
    fleet.crash("a")
    fleet.run(TAKEOVER_SECONDS)
    assert (fleet.leaders(), fleet.held) == (["b"], 2)
    fleet.nodes["c"].free(min(fleet.nodes["c"].held))
    fleet.run(0.2)
    assert fleet.held == 2


@given(pause=st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]), seed=_seeds)
def test_a_grant_on_its_way_when_the_leader_leaves_is_not_given_twice(pause: float, seed: int) -> None:
    fleet = fleet_of(1, *"abc", jumbled=seed)
    for name in "bc":
        fleet.nodes[name].ask(0)
    fleet.run(pause)
    fleet.leave("a")
    fleet.run(3)
    assert fleet.held == 1


def test_what_a_dead_node_held_is_free_soon_and_what_a_leaving_one_held_at_once() -> None:
    fleet = fleet_of(2, *"abc")
    for name in "bc":
        fleet.nodes[name].ask(0)
    fleet.run(1)
    fleet.nodes["a"].ask(1)
    fleet.nodes["a"].ask(2)
    fleet.leave("b")
    fleet.run(0.2)
    assert len(fleet.nodes["a"].held) == 1
    fleet.crash("c")
    fleet.run(GONE_SECONDS + 0.2)
    assert len(fleet.nodes["a"].held) == 2


def test_what_comes_twice_or_late_changes_nothing() -> None:
    slots = Allocator("b", 1, 0.0)
    slots.connected(0.0, 9)
    number = slots.ask(0)
    grant = Heartbeat(turn=2, born_ms=1, granted=(("b", number),))
    slots.receive("a", grant, 0.1)
    slots.receive("a", grant, 0.1)
    slots.receive("a", Heartbeat(turn=1, born_ms=1, held=(1, 2, 3)), 0.2)
    assert slots.take_granted() == [number]
    assert slots.used(0.2) == 1
    slots.free(number)
    slots.receive("a", Heartbeat(turn=3, born_ms=1, granted=(("b", number),)), 0.3)
    assert (slots.take_granted(), slots.held) == ([], set())


def test_only_the_leader_grants() -> None:
    slots = Allocator("a", 1, 0.0)
    slots.connected(0.0, 1)
    number = slots.ask(0)
    slots.receive("b", Heartbeat(turn=1, born_ms=5, granted=(("a", number),)), 0.1)
    assert slots.take_granted() == []


def test_of_very_many_who_wait_the_first_are_told() -> None:
    slots = Allocator("a", 1, 0.0)
    for since in range(2_000, 0, -1):
        slots.ask(since)
    asks = slots.heartbeat(0).asks
    assert asks[0] == Ask(2_000, 1)
    assert len(asks) == 500
