"""Whatever the order and repetition of Twilio's callbacks, a call ends in the same row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from db.call_progress import (
    CallProgress,
    CallReport,
    CallStatus,
    DialReport,
    Direction,
    LegReport,
    Reason,
    Report,
    TurnedAway,
    advance,
    is_over,
)

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
BOB, DANA = UUID(int=1), UUID(int=2)

statuses = st.sampled_from(get_args(CallStatus))
times = st.integers(0, 600).map(lambda s: T0 + timedelta(seconds=s))
seconds = st.none() | st.integers(0, 600)
reports: st.SearchStrategy[Report] = st.one_of(
    st.builds(CallReport, statuses, times, seconds),
    st.builds(LegReport, statuses, times, seconds, st.sampled_from([BOB, DANA, None])),
    st.builds(DialReport, statuses, st.booleans()),
    st.builds(TurnedAway, st.sampled_from(get_args(Reason))),
)
fresh = st.builds(CallProgress, st.sampled_from(get_args(Direction)), st.just("ringing"))


def after(start: CallProgress, heard: list[Report]) -> CallProgress:
    return reduce(advance, heard, start)


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


@given(fresh, st.lists(reports, max_size=8), st.data())
def test_order_and_repetition_do_not_matter(start: CallProgress, heard: list[Report], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(heard), max_size=5)) if heard else []
    shuffled = data.draw(st.permutations(heard + again))
    assert after(start, shuffled) == after(start, heard)


@given(fresh, st.lists(reports, max_size=8), reports)
def test_what_is_over_stays_over(start: CallProgress, heard: list[Report], late: Report) -> None:
    before = after(start, heard)
    then = advance(before, late)
    if is_over(before.status):
        assert is_over(then.status)
        assert then.outcome is not None
    assert advance(then, late) == then


@given(fresh, st.lists(reports, max_size=8))
def test_a_call_that_is_over_has_an_end_and_an_outcome(start: CallProgress, heard: list[Report]) -> None:
    row = after(start, heard)
    assert is_over(row.status) == (row.outcome is not None) == (row.ended_at is not None)


ANSWERED_IN: list[Report] = [
    CallReport("ringing", at(0)),
    CallReport("in-progress", at(0)),
    LegReport("ringing", at(4), member_id=BOB),
    LegReport("ringing", at(4), member_id=DANA),
    LegReport("in-progress", at(9), member_id=BOB),
    LegReport("canceled", at(9), member_id=DANA),
    LegReport("completed", at(69), 60, BOB),
    DialReport("completed"),
    CallReport("completed", at(70), 70),
]


@given(st.permutations(ANSWERED_IN + ANSWERED_IN[::2]))
def test_an_answered_call(shuffled: list[Report]) -> None:
    row = after(CallProgress("inbound", "ringing"), shuffled)
    assert row == CallProgress("inbound", "completed", "completed", BOB, at(9), at(70), 70)
    assert row.outcome == "answered"


@pytest.mark.parametrize(
    ("direction", "heard", "outcome"),
    [
        ("inbound", [CallReport("completed", at(30)), DialReport("no-answer")], "missed"),
        ("inbound", [CallReport("completed", at(30)), DialReport("busy")], "missed"),
        ("inbound", [CallReport("canceled", at(3))], "missed"),
        ("inbound", [CallReport("lost", at(3))], "missed"),
        ("inbound", [CallReport("completed", at(30)), LegReport("completed", at(20), 5, BOB)], "answered"),
        ("inbound", [CallReport("completed", at(30)), DialReport("completed")], "answered"),
        ("inbound", [CallReport("in-progress", at(3)), DialReport("no-answer")], None),
        ("outbound", [CallReport("completed", at(30)), DialReport("busy")], "busy"),
        ("outbound", [CallReport("completed", at(30)), DialReport("no-answer")], "unanswered"),
        ("outbound", [CallReport("completed", at(30)), DialReport("failed")], "failed"),
        ("outbound", [CallReport("completed", at(30)), DialReport("canceled")], "unanswered"),
        ("outbound", [CallReport("completed", at(30)), LegReport("in-progress", at(9))], "answered"),
        ("outbound", [CallReport("completed", at(3))], "unanswered"),
        ("outbound", [CallReport("lost", at(3))], "failed"),
        ("outbound", [], None),
    ],
)
def test_outcomes(direction: Direction, heard: list[Report], outcome: str | None) -> None:
    assert after(CallProgress(direction, "ringing"), heard).outcome == outcome


def test_a_lost_callback_of_the_answer_is_made_up_for_by_the_end() -> None:
    row = after(CallProgress("inbound", "in-progress"), [LegReport("completed", at(69), 60, BOB)])
    assert (row.agent_id, row.answered_at) == (BOB, at(9))


def test_whoever_dialled_out_stays_its_agent() -> None:
    dialled = CallProgress("outbound", "in-progress", agent_id=BOB)
    assert after(dialled, [LegReport("in-progress", at(9), member_id=DANA)]).agent_id == BOB


def test_a_call_given_up_for_lost_may_still_turn_out_otherwise() -> None:
    row = after(
        CallProgress("inbound", "in-progress"), [CallReport("lost", at(5)), CallReport("completed", at(900), 900)]
    )
    assert (row.status, row.ended_at, row.duration_s) == ("completed", at(900), 900)


# -- why no agent took it ----------------------------------------------------------------------------------------

OVER = CallReport("completed", at(60))
WAITING = CallProgress("inbound", "ringing")


@pytest.mark.parametrize(
    ("heard", "reason"),
    [
        ([], "caller_left"),  # while the prompt was spoken
        ([DialReport("canceled")], "caller_left"),
        ([DialReport("no-answer", caller_left=True)], "caller_left"),
        ([DialReport("no-answer")], "nobody_answered"),
        ([DialReport("busy")], "declined"),
        ([DialReport("failed")], "nobody_available"),
        ([TurnedAway("nobody_available")], "nobody_available"),
        ([TurnedAway("outside_hours")], "outside_hours"),
        ([TurnedAway("outside_hours"), DialReport("no-answer")], "outside_hours"),  # at the overflow number
    ],
)
def test_a_missed_call_has_a_reason(heard: list[Report], reason: Reason) -> None:
    ended = after(WAITING, [*heard, OVER])
    assert (ended.outcome, ended.settled_reason) == ("missed", reason)


def test_a_call_that_an_agent_took_has_no_reason() -> None:
    answered = LegReport("in-progress", at(5), None, BOB)
    for before in (TurnedAway("nobody_available"), DialReport("canceled"), DialReport("no-answer")):
        assert after(WAITING, [before, answered, OVER]).settled_reason is None


def test_a_call_that_the_overflow_number_took_keeps_its_reason() -> None:
    answered = LegReport("in-progress", at(40), None, None)
    ended = after(WAITING, [DialReport("no-answer"), answered, DialReport("completed"), OVER])
    assert (ended.outcome, ended.agent_id, ended.settled_reason) == ("answered", None, "nobody_answered")
    assert after(WAITING, [answered, DialReport("completed"), OVER]).settled_reason is None


def test_an_outgoing_call_has_no_reason() -> None:
    ended = after(CallProgress("outbound", "ringing"), [DialReport("no-answer"), OVER])
    assert (ended.outcome, ended.settled_reason) == ("unanswered", None)
