"""Which node has which stream: reports in any order and from any source cause one start for each loss."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from protocol.facts import Fact
from web.calls.streams.registry import ARRIVE_SECONDS, DELAYS, GRACE_SECONDS, SILENT_SECONDS, StreamRegistry

ORG = UUID(int=1)


def started(stream: str, node: str, at: int = 1, *, again: bool = False, call: str = "CA1") -> Fact:
    return Fact(ORG, call, None, kind="started", stream=stream, node=node, at=at, began=1, again=again)


def handover(stream: str, node: str = "a") -> Fact:
    return Fact(ORG, "CA1", None, kind="handover", stream=stream, node=node, at=1, began=1)


def ended(node: str, reason: str = "completed") -> Fact:
    return Fact(ORG, "CA1", "ended", reason, "ended", node=node)


@pytest.fixture
def known() -> StreamRegistry:
    """Call CA1 on node a."""
    registry = StreamRegistry()
    registry.alive("a", 0)
    registry.note(started("MZ1", "a"))
    return registry


@given(st.lists(st.sampled_from(["twilio", "silence", "handover", "answer", "broken"]), max_size=12))
def test_one_loss_is_one_start(reports: list[str]) -> None:
    """However often a loss is reported until the call has another stream; losing that one is a new loss."""
    registry = StreamRegistry()
    registry.alive("a", 0)
    registry.note(started("MZ0", "a"))
    starts, streams, asked = 0, 0, False
    for number, report in enumerate(reports):
        stream = f"MZ{streams}"
        if report == "answer" and asked:
            streams += 1
            assert not registry.started("CA1", stream, f"MZ{streams}", number)
            asked = False
            continue
        if report == "broken":
            assert registry.mark_lost("CA1", number, "MZ of another call's") is None
            continue
        if report == "handover":
            assert registry.note(handover(stream))
        delay = registry.mark_lost("CA1", number, stream if report == "twilio" else None)
        starts += delay is not None
        assert (delay is None) == asked
        asked = True
    assert starts == streams + asked


def test_a_silent_nodes_calls_are_orphans_once(known: StreamRegistry) -> None:
    known.note(started("MZ2", "b", call="CA2"))
    known.alive("b", SILENT_SECONDS)
    assert known.orphans(SILENT_SECONDS - 0.1) == []
    assert known.orphans(SILENT_SECONDS) == ["CA1"]
    assert known.orphans(SILENT_SECONDS + 1) == []


def test_a_node_that_never_beat_is_not_missed() -> None:
    registry = StreamRegistry()
    registry.note(started("MZ1", "older version"))
    assert registry.orphans(1000) == []


def test_after_our_own_absence_others_get_time(known: StreamRegistry) -> None:
    known.extend_deadlines(100)
    assert known.orphans(100 + GRACE_SECONDS) == []
    known.alive("a", 101)
    assert known.orphans(100 + GRACE_SECONDS + SILENT_SECONDS) == ["CA1"]


def test_a_call_that_moved_is_no_orphan_of_its_old_node(known: StreamRegistry) -> None:
    known.note(started("MZ2", "b"))
    assert known.orphans(SILENT_SECONDS) == []
    assert known.mark_lost("CA1", 1, "MZ1") is None
    assert known.is_past("CA1", "MZ1")
    assert not known.is_past("CA1", "MZ2")


def test_a_stream_that_breaks_before_we_know_it_is_replaced(known: StreamRegistry) -> None:
    assert known.mark_lost("CA1", 1, "MZ1") == 0
    assert known.mark_lost("CA1", 1, "MZ2") is None
    assert known.started("CA1", "MZ1", "MZ2", 1)
    assert known.mark_lost("CA1", 1, "MZ2") == DELAYS[1]


def test_media_may_be_quicker_than_twilios_answer(known: StreamRegistry) -> None:
    known.mark_lost("CA1", 1, "MZ1")
    known.note(started("MZ2", "b"))
    assert not known.started("CA1", "MZ1", "MZ2", 1)
    live = known.find("CA1")
    assert live is not None
    assert (live.stream, live.node) == ("MZ2", "b")


def test_an_order_that_twilio_refused_is_tried_again_unless_another_stream_comes(known: StreamRegistry) -> None:
    known.mark_lost("CA1", 1)
    known.refused("CA1", "MZ1", 1)
    assert known.missing(1 + ARRIVE_SECONDS - 0.1) == []
    assert known.missing(1 + ARRIVE_SECONDS) == ["CA1"]
    assert known.mark_lost("CA1", 5) == DELAYS[1]
    known.refused("CA1", "MZ1", 5)
    known.note(started("MZ2", "b"))
    assert known.missing(100) == []


def test_a_stream_that_was_missed_and_comes_late_can_be_lost_again(known: StreamRegistry) -> None:
    known.mark_lost("CA1", 1)
    known.started("CA1", "MZ1", "MZ2", 1)
    assert known.missing(1 + ARRIVE_SECONDS) == ["CA1"]
    assert known.mark_lost("CA1", 5) == DELAYS[1]
    known.note(started("MZ2", "b", at=2))
    live = known.find("CA1")
    assert live is not None
    assert live.leaving != "MZ2", "it is no loss any more"
    assert known.mark_lost("CA1", 6, "MZ2") == DELAYS[2]


@given(st.permutations([started("MZ2", "b", at=2), started("MZ3", "a", at=3)]))
def test_what_came_last_has_the_call_in_whatever_order_it_is_said(facts: list[Fact]) -> None:
    registry = StreamRegistry()
    registry.note(started("MZ1", "a"))
    for fact in facts:
        registry.note(fact)
    live = registry.find("CA1")
    assert live is not None
    assert (live.stream, live.node) == ("MZ3", "a")


def lost(stream: str, node: str = "a") -> Fact:
    return Fact(ORG, "CA1", None, kind="lost", stream=stream, node=node, at=1, began=1)


def test_media_says_that_a_socket_broke_and_only_the_newest_counts(known: StreamRegistry) -> None:
    assert known.note(lost("MZ1"))
    assert known.mark_lost("CA1", 1) == 0
    assert known.note(lost("MZ1")), "said again, for the first may have been lost"
    assert known.mark_lost("CA1", 6) is None
    known.note(started("MZ2", "b"))
    assert not known.note(lost("MZ1")), "another has come for it"
    assert known.note(lost("MZ2", "b"))
    assert known.mark_lost("CA1", 7) == DELAYS[1]


def test_a_lost_stream_that_we_never_heard_of_is_replaced_too() -> None:
    registry = StreamRegistry()
    assert registry.note(lost("MZ1"))
    assert registry.mark_lost("CA1", 1) == 0
    live = registry.find("CA1")
    assert live is not None
    assert live.began == 1


def test_a_stream_that_was_ordered_and_does_not_arrive_is_missing_once(known: StreamRegistry) -> None:
    known.mark_lost("CA1", 0)
    known.started("CA1", "MZ1", "MZ2", 1)
    assert known.missing(ARRIVE_SECONDS) == []
    assert known.missing(1 + ARRIVE_SECONDS) == ["CA1"]
    assert known.missing(2 + ARRIVE_SECONDS) == []
    assert known.mark_lost("CA1", 2 + ARRIVE_SECONDS) == DELAYS[1]
    known.started("CA1", "MZ2", "MZ3", 10)
    known.note(started("MZ3", "b"))
    assert known.missing(100) == [], "it has come"


def test_nothing_is_missing_while_we_hear_nothing(known: StreamRegistry) -> None:
    known.mark_lost("CA1", 0)
    known.started("CA1", "MZ1", "MZ2", 1)
    known.extend_deadlines(100)
    assert known.missing(100 + GRACE_SECONDS) == []
    assert known.missing(100 + GRACE_SECONDS + ARRIVE_SECONDS) == ["CA1"]


def test_starts_of_one_call_grow_rarer_and_never_cease(known: StreamRegistry) -> None:
    delays = []
    for number in range(10):
        delays.append(known.mark_lost("CA1", number, f"MZ{number + 1}"))
        known.note(started(f"MZ{number + 2}", "b"))
    assert delays[: len(DELAYS)] == list(DELAYS)
    assert set(delays[len(DELAYS) :]) == {DELAYS[-1]}
    assert known.mark_lost("CA1", 1000, "MZ11") == 0


def test_what_is_said_again_does_not_bring_the_past_back(known: StreamRegistry) -> None:
    known.note(started("MZ2", "b", 2))
    known.note(started("MZ1", "a", 1, again=True))
    live = known.find("CA1")
    assert live is not None
    assert (live.stream, live.node) == ("MZ2", "b")
    known.note(started("MZ3", "c", 3, again=True))
    assert (live.stream, live.node) == ("MZ3", "c")


def test_only_a_completed_call_is_over(known: StreamRegistry) -> None:
    assert known.note(ended("a", "stream lost"))
    assert not known.note(ended("another", "stream lost"))
    assert not known.note(ended("another"))
    assert known.find("CA1") is not None
    assert not known.note(ended("a"))
    assert known.find("CA1") is None
    assert known.mark_lost("CA1", 1, "MZ1") is None
    assert not known.started("CA1", "MZ1", "MZ2", 1)


def test_twilio_may_name_a_call_that_media_never_told_of() -> None:
    registry = StreamRegistry()
    registry.register("CA1", ORG, "MZ1", None)
    assert registry.mark_lost("CA1", 1, "MZ1") == 0
    registry.release_claim("CA1")
    assert registry.mark_lost("CA1", 2, "MZ1") == DELAYS[1]


def test_no_more_calls_are_kept_than_there_is_room_for() -> None:
    registry = StreamRegistry()
    for number in range(20_001):
        registry.note(started("MZ1", "a", call=f"CA{number}"))
    assert registry.find("CA0") is None
    assert registry.find("CA20000") is not None
