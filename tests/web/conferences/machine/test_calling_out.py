"""Stories of an agent who calls a customer."""

from __future__ import annotations

import pytest

from tests.kit.web.room_script import ANN, CALLER, Story
from web.conferences.machine.due import CallOut
from web.conferences.machine.events import (
    CallStatus,
    HangUp,
)
from web.conferences.machine.room import CUSTOMER


def test_calling_out_calls_the_customer_when_the_agent_is_there() -> None:
    story = Story("outbound")
    assert story.perform() == []
    story.joins(ANN)
    assert [(type(action), action.leg.number) for action in story.perform()] == [(CallOut, CALLER)]
    assert story.perform() == []
    customer = story.room.customer
    assert (customer.state, bool(customer.call_sid)) == ("ringing", True)
    story.happens(CallStatus(CUSTOMER, customer.call_sid, "in-progress"))
    story.joins(CUSTOMER)
    assert story.room.phase == "talking"


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_calling_out_in_vain_ends_the_call(status: str) -> None:
    story = Story("outbound")
    story.joins(ANN)
    story.perform()
    story.happens(CallStatus(CUSTOMER, story.room.customer.call_sid, status))
    assert (story.room.phase, story.room.customer.end) == ("over", status)
    assert [action.leg.member for action in story.perform()] == [ANN]


def test_calling_out_with_a_phone_that_never_comes_is_given_up() -> None:
    story = Story("outbound")
    story.passes(21)
    assert story.room.is_over


def test_who_calls_out_may_reload_but_not_stay_away() -> None:
    story = Story("outbound")
    story.joins(ANN)
    story.perform()
    story.leaves(ANN)
    story.passes(5)
    assert story.room.phase == "dialling"
    story.passes(6)
    assert story.room.is_over
    assert [action.leg.label for action in story.perform()] == [CUSTOMER]


def test_a_customer_who_answers_nobody_is_rung_through() -> None:
    story = Story("outbound")
    story.joins(ANN)
    story.perform()
    story.happens(CallStatus(CUSTOMER, story.room.customer.call_sid, "in-progress"))
    story.leaves(ANN)
    story.passes(30)
    story.joins(CUSTOMER)
    assert (story.room.phase, story.room.returning_to, story.room.rings) == ("alone", ANN, True)


def test_hanging_up_before_the_customer_answers_cancels_the_call() -> None:
    story = Story("outbound")
    story.joins(ANN)
    story.perform()
    story.happens(HangUp(ANN))
    assert CUSTOMER in [action.leg.label for action in story.perform()]
    assert not any(leg.is_alive for leg in story.room.every)
