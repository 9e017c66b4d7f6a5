"""Stories of a call that is handed over: without a word, after a consultation, or by adding somebody to it."""

from __future__ import annotations

import pytest

from tests.kit.web.room_script import ANN, BEN, CAT, THIRD, Story, talking
from web.conferences.machine.due import Bind, CallOut, Kick
from web.conferences.machine.events import (
    AcknowledgeHelp,
    BeginTransfer,
    BringIn,
    CallStatus,
    Cancel,
    Claim,
    Complete,
    Event,
    HangUp,
    Hold,
    Leave,
    NobodyTook,
    Remove,
    Resume,
)
from web.conferences.machine.room import CUSTOMER, RefusedError, Target, TransferKind, from_json, to_json

TO_BEN = Target("member", BEN)
TO_THIRD = Target("number", number=THIRD)


def _transfer(story: Story, kind: TransferKind, target: Target = TO_BEN) -> None:
    story.happens(BeginTransfer(ANN, kind, target))
    story.perform()


def test_a_blind_transfer_holds_first_then_lets_the_agent_go_then_rings_through() -> None:
    story = talking()
    story.happens(BeginTransfer(ANN, "blind", TO_BEN))
    assert not story.leg(ANN).removed
    story.perform()
    assert story.room.held
    assert story.room.held_words == "ringing"
    assert story.leg(ANN).state == "ended"
    assert story.room.wants_target
    story.happens(Claim(BEN))
    story.joins(BEN)
    story.perform()
    assert (story.room.phase, story.room.agent, story.room.transfer) == ("talking", BEN, None)
    assert not story.room.held


@pytest.mark.parametrize("how", ["declined", "time"])
def test_a_blind_transfer_that_nobody_takes_comes_back_then_apologises(how: str) -> None:
    story = talking()
    _transfer(story, "blind")
    if how == "time":
        story.passes(31)
    else:
        story.happens(NobodyTook("declined"))
    story.perform()
    room = story.room
    assert (room.phase, room.returning_to, room.rings, room.held) == ("alone", ANN, True, False)
    assert room.problem == ("no_answer" if how == "time" else "declined")
    story.passes(61)
    assert story.room.phase == "elsewhere"


def test_a_blind_transfer_that_comes_back_is_taken_by_the_first_agent() -> None:
    story = talking()
    _transfer(story, "blind")
    story.happens(NobodyTook("declined"))
    story.happens(Claim(ANN))
    story.joins(ANN)
    story.perform()
    assert (story.room.phase, story.room.agent, story.room.held) == ("talking", ANN, False)


def test_a_blind_transfer_to_a_number_binds_the_call_to_it() -> None:
    story = talking()
    _transfer(story, "blind", TO_THIRD)
    assert any(isinstance(action, CallOut) and action.leg.number == THIRD for action in story.done)
    story.joins("outside-1")
    story.perform()
    assert (story.room.phase, story.room.agent, story.room.transfer, story.room.held) == (
        "talking",
        None,
        None,
        False,
    )
    assert any(isinstance(action, Bind) for action in story.done)
    story.leaves("outside-1")
    assert story.room.is_over


@pytest.mark.parametrize(
    ("status", "code"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "not_reached")]
)
def test_a_number_that_does_not_answer_brings_the_customer_back(status: str, code: str) -> None:
    story = talking()
    _transfer(story, "blind", TO_THIRD)
    story.happens(CallStatus("outside-1", story.leg("outside-1").call_sid, status))
    story.perform()
    assert (story.room.phase, story.room.problem, story.room.held) == ("alone", code, False)


def test_a_blind_transfer_can_be_cancelled_before_and_after_the_agent_went() -> None:
    story = talking()
    story.happens(BeginTransfer(ANN, "blind", TO_BEN))
    story.happens(Cancel(ANN))
    story.perform()
    assert (story.room.phase, story.room.transfer, story.room.held) == ("talking", None, False)
    assert not story.leg(ANN).removed
    _transfer(story, "blind")
    story.happens(Cancel(ANN))
    assert (story.room.phase, story.room.agent) == ("claimed", ANN)
    story.joins(ANN)
    story.perform()
    assert (story.room.phase, story.room.held) == ("talking", False)


def _consulting() -> Story:
    story = talking()
    _transfer(story, "warm")
    story.happens(Claim(BEN))
    story.joins(BEN)
    story.perform()
    assert story.room.transfer is not None
    assert (story.room.transfer.state, story.room.held) == ("consulting", True)
    return story


def test_a_warm_transfer_consults_brings_in_and_completes() -> None:
    story = _consulting()
    story.happens(BringIn(ANN))
    story.perform()
    assert story.room.transfer is not None
    assert (story.room.transfer.state, story.room.held) == ("three_way", False)
    story.happens(Complete(ANN))
    assert [type(action) for action in story.perform()] == [Kick]
    assert story.room.transfer is None
    assert [leg.member for leg in story.room.agents] == [story.room.agent] == [BEN]


def test_a_warm_transfer_completes_from_the_consultation() -> None:
    story = _consulting()
    story.happens(Complete(ANN))
    story.perform()
    assert (story.room.agent, story.room.held, story.room.phase) == (BEN, False, "talking")


def test_a_warm_transfer_is_cancelled() -> None:
    story = _consulting()
    story.happens(Cancel(ANN))
    story.perform()
    assert (story.room.agent, story.room.held, [leg.member for leg in story.room.agents]) == (ANN, False, [ANN])


@pytest.mark.parametrize("how", ["hangs up", "line breaks"])
def test_a_consulted_colleague_who_goes_leaves_the_customer_to_the_first_agent(how: str) -> None:
    story = _consulting()
    if how == "hangs up":
        story.happens(HangUp(BEN))
    else:
        story.leaves(BEN)
    story.perform()
    _is_back_with_the_first_agent(story, "target_left")


def _is_back_with_the_first_agent(story: Story, problem: str) -> None:
    """Make sure that the customer waits on hold for the first agent, who is told why, and comes back by resuming."""
    room = story.room
    assert (room.phase, room.agent, room.transfer, room.held, room.problem) == ("talking", ANN, None, True, problem)
    assert [leg.member for leg in room.agents] == [ANN]
    story.happens(Resume(ANN))
    story.perform()
    assert (story.room.phase, story.room.held, story.room.problem) == ("talking", False, "")


def test_the_first_agent_whose_line_breaks_in_the_consultation_leaves_the_customer_to_the_second() -> None:
    story = _consulting()
    story.leaves(ANN)
    story.perform()
    assert (story.room.phase, story.room.agent, story.room.held) == ("talking", BEN, False)


@pytest.mark.parametrize("event", [NobodyTook("declined"), NobodyTook("nobody_available")])
def test_a_consultation_that_nobody_takes_stays_with_the_first_agent(event: NobodyTook) -> None:
    story = talking()
    _transfer(story, "warm")
    story.happens(event)
    story.perform()
    _is_back_with_the_first_agent(story, event.code)


@pytest.mark.parametrize("was_claimed", [False, True])
def test_a_consultation_to_which_nobody_comes_stays_with_the_first_agent(was_claimed: bool) -> None:
    story = talking()
    _transfer(story, "warm")
    if was_claimed:  # by somebody whose softphone never joins
        story.happens(Claim(BEN))
    for _ in range(2):
        story.passes(31)
    story.perform()
    _is_back_with_the_first_agent(story, "no_answer")


@pytest.mark.parametrize(
    ("status", "code"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "not_reached")]
)
def test_a_consulted_number_that_does_not_answer_leaves_the_customer_to_the_first_agent(
    status: str, code: str
) -> None:
    story = talking()
    _transfer(story, "warm", TO_THIRD)
    story.happens(CallStatus("outside-1", story.leg("outside-1").call_sid, status))
    story.perform()
    _is_back_with_the_first_agent(story, code)


def test_a_consulted_number_that_hangs_up_leaves_the_customer_to_the_first_agent() -> None:
    story = talking()
    _transfer(story, "warm", TO_THIRD)
    story.joins("outside-1")
    story.perform()
    story.leaves("outside-1")
    story.perform()
    _is_back_with_the_first_agent(story, "target_left")


def test_who_declined_is_forgotten_once_somebody_else_is_asked() -> None:
    story = talking()
    _transfer(story, "warm")
    story.happens(NobodyTook("declined"))
    story.happens(BeginTransfer(ANN, "warm", TO_THIRD))
    story.perform()
    assert (story.room.problem, story.room.held) == ("", True)


def test_a_warm_transfer_completed_while_it_rings_is_a_blind_one() -> None:
    story = talking()
    _transfer(story, "warm")
    story.happens(Complete(ANN))
    story.perform()
    assert story.room.agents == ()
    assert story.room.held
    story.happens(Claim(BEN))
    story.joins(BEN)
    story.perform()
    assert (story.room.agent, story.room.held) == (BEN, False)


def test_an_added_party_hears_the_customer_and_can_be_removed() -> None:
    story = talking()
    story.happens(BeginTransfer(ANN, "add", TO_THIRD))
    story.perform()
    assert not story.room.held
    story.joins("outside-1")
    assert (story.room.transfer, len(story.room.talkers)) == (None, 2)
    story.happens(Remove(ANN, "outside-1"))
    assert [type(action) for action in story.perform()] == [Kick]
    with pytest.raises(RefusedError, match="not_removable"):
        story.happens(Remove(ANN, CUSTOMER))


def test_an_agent_may_leave_the_customer_with_an_outside_party() -> None:
    story = talking()
    story.happens(BeginTransfer(ANN, "add", TO_THIRD))
    story.perform()
    story.joins("outside-1")
    story.happens(Leave(ANN))
    story.perform()
    assert (story.room.phase, story.room.agent) == ("talking", None)
    story.leaves("outside-1")
    assert story.room.is_over


def test_refusals_change_nothing() -> None:
    story = talking()
    before = story.room
    refused: list[tuple[Event, str]] = [
        (Hold(BEN), "not_in_call"),
        (BringIn(ANN), "no_target"),
        (Complete(ANN), "no_target"),
        (Cancel(ANN), "no_transfer"),
        (Remove(ANN, "outside-9"), "not_there"),
        (BeginTransfer(ANN, "warm", Target("member", ANN)), "in_call"),
        (AcknowledgeHelp(CAT), "no_help_asked"),
    ]
    for event, code in refused:
        with pytest.raises(RefusedError, match=code):
            story.happens(event)
    assert story.room == before
    _transfer(story, "warm")
    with pytest.raises(RefusedError, match="busy"):
        story.happens(BeginTransfer(ANN, "warm", TO_THIRD))


def test_only_the_member_who_is_asked_takes_a_transfer() -> None:
    story = talking()
    _transfer(story, "warm")
    with pytest.raises(RefusedError, match="not_invited"):
        story.happens(Claim(CAT))
    story.happens(Claim(BEN))
    assert story.room.may_join(BEN)
    assert not story.room.may_join(CAT)


def test_a_room_is_stored_whole() -> None:
    story = _consulting()
    assert from_json(to_json(story.room)) == story.room
