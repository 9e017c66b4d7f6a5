"""Callbacks come twice, late and in any order; the room is the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from hypothesis import given, strategies as st

from tests.kit.web.room_script import ANN, CONFERENCE, Story, sid, talking
from web.conferences.machine.due import BringBack, wanted
from web.conferences.machine.events import CallStatus, ConferenceEnded, Event, InRoom, Parted, Seen
from web.conferences.machine.room import CUSTOMER, Leg, agent_label
from web.conferences.machine.step import step

What = Literal["join", "leave", "change"]


def _seen(what: What, sequence: int, call: str, label: str, *, held: bool = False, muted: bool = False) -> Seen:
    return Seen(what, CONFERENCE, sequence, call, label, held, muted)


CUSTOMERS = [
    _seen("join", 1, sid(1), CUSTOMER),
    _seen("change", 3, sid(1), CUSTOMER, held=True),
    _seen("change", 4, sid(1), CUSTOMER),
    _seen("change", 6, sid(1), CUSTOMER, held=True),
]
AGENTS = [
    _seen("join", 2, sid(2), agent_label(ANN)),
    _seen("change", 5, sid(2), agent_label(ANN), muted=True),
]


def _facts(leg: Leg | None) -> tuple[str, bool, bool]:
    assert leg is not None
    return leg.state, leg.held, leg.muted


@given(st.permutations([*CUSTOMERS, *CUSTOMERS, *AGENTS]))
def test_the_last_numbered_event_counts_in_whatever_order_they_come(events: list[Seen]) -> None:
    story = Story()
    for event in sorted(events, key=lambda event: event.what != "join"):
        story.happens(event)
    assert _facts(story.room.customer) == ("joined", True, False)
    assert _facts(story.room.leg(agent_label(ANN))) == ("joined", False, True)


@given(st.permutations([*AGENTS, _seen("leave", 7, sid(2), agent_label(ANN)), *AGENTS]))
def test_who_has_left_does_not_come_back_by_a_late_callback(events: list[Seen]) -> None:
    story = Story()
    story.joins(CUSTOMER)
    for event in events:
        story.happens(event)
    leg = story.room.leg(agent_label(ANN))
    assert leg is not None
    assert leg.state == "left"


def test_a_repeated_callback_changes_nothing() -> None:
    story = talking()
    event = story.seen("change", story.leg(ANN).call_sid)
    once = story.happens(event)
    twice = step(once, event, story.now)
    assert replace(twice, heard=once.heard) == once


_PARTED = Parted(sid(2))  # of the agent, as the next two
_ENDED_LEAVE = replace(_seen("leave", 8, sid(2), agent_label(ANN)), conference_over=True)
_GONE = replace(_seen("leave", 7, sid(1), CUSTOMER), call_over=True)


@given(st.permutations([_PARTED, _ENDED_LEAVE, ConferenceEnded(CONFERENCE), _GONE]))
def test_nobody_is_rung_whatever_comes_first_of_a_customer_who_hangs_up(events: list[Event]) -> None:
    story = talking()
    assert story.leg(ANN).call_sid == sid(2)
    for event in events:
        assert not story.happens(event).rings
    assert story.room.is_over


def test_an_agent_who_leaves_alone_leaves_a_customer_for_whom_others_are_rung() -> None:
    story = talking()
    story.happens(replace(_ENDED_LEAVE, conference_over=False))
    assert (story.room.phase, story.room.rings) == ("alone", True)


def test_a_customer_whose_conference_broke_down_is_led_back() -> None:
    story = talking()
    story.happens(Parted(story.leg(ANN).call_sid))
    assert [type(action) for action in wanted(story.room)] == [BringBack]
    story.happens(_seen("join", 1, sid(1), CUSTOMER))  # late: of the conference that has ended
    assert not story.room.rings
    story.happens(InRoom(sid(1), "CF2"))
    assert story.room.rings


def test_a_call_that_is_over_stays_over() -> None:
    story = talking()
    story.happens(CallStatus(CUSTOMER, sid(1), "completed"))
    story.happens(_seen("join", 99, sid(1), CUSTOMER))
    assert story.room.is_over
    assert story.room.customer.state == "ended"


def test_a_second_customer_and_foreign_labels_are_ignored() -> None:
    story = talking()
    before = story.room
    story.happens(_seen("join", 50, sid(90), CUSTOMER))
    story.happens(_seen("join", 51, sid(91), "stranger"))
    story.happens(_seen("join", 52, sid(92), "outside-7"))
    assert [leg.call_sid for leg in story.room.every] == [leg.call_sid for leg in before.every]


def test_who_is_known_to_wait_only_by_the_waiting_document_leaves_by_the_callback() -> None:
    story = Story()
    story.happens(InRoom(sid(1)))
    assert story.room.rings
    story.happens(_seen("leave", 2, sid(1), CUSTOMER))
    assert story.room.customer.state == "left"
    story.happens(InRoom(sid(1), CONFERENCE))
    assert story.room.customer.state == "left"
