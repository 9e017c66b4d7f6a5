"""Stories of one call: what each event and each wish makes of a room, and what is asked of Twilio then."""

from __future__ import annotations

import pytest

from tests.kit.web.room_script import ANN, BEN, CALLER, CAT, THIRD, Story, sid, talking
from web.conferences.machine import due
from web.conferences.machine.due import Action, Bind, BringBack, CallOut, EndCall, Kick, Redirect, SetHold
from web.conferences.machine.events import (
    AcknowledgeHelp,
    AskForHelp,
    BeginTransfer,
    BringIn,
    CallStatus,
    Cancel,
    Claim,
    Complete,
    Event,
    Failed,
    HangUp,
    Hold,
    Leave,
    Mute,
    NobodyTook,
    Rejoin,
    Release,
    Remove,
    Resume,
    SendElsewhere,
    Truth,
)
from web.conferences.machine.room import CUSTOMER, RefusedError, Room, Target, TransferKind, from_json, to_json

TO_BEN = Target("member", BEN)
TO_THIRD = Target("number", number=THIRD)


def _transfer(story: Story, kind: TransferKind, target: Target = TO_BEN) -> None:
    story.happens(BeginTransfer(ANN, kind, target))
    story.perform()


def test_a_caller_rings_once_in_the_room_and_the_first_to_claim_wins() -> None:
    story = Story()
    assert not story.room.rings
    story.joins(CUSTOMER)
    assert story.room.rings
    story.happens(Claim(ANN))
    assert (story.room.phase, story.room.agent) == ("claimed", ANN)
    with pytest.raises(RefusedError) as refused:
        story.happens(Claim(BEN))
    assert (refused.value.code, refused.value.by) == ("taken", ANN)
    story.joins(ANN)
    assert story.room.phase == "talking"
    assert story.perform() == []


def test_a_claim_is_repeatable_and_lapses() -> None:
    story = Story()
    story.joins(CUSTOMER)
    story.happens(Claim(ANN))
    assert story.happens(Claim(ANN)).agent == ANN
    story.passes(9)
    assert story.room.phase == "claimed"
    story.passes(2)
    assert (story.room.phase, story.room.rings) == ("waiting", True)


def test_a_claim_that_cannot_join_is_given_back_at_once() -> None:
    story = Story()
    story.joins(CUSTOMER)
    story.happens(Claim(ANN))
    story.happens(Release(ANN))
    assert story.room.rings


def test_who_comes_after_their_claim_has_lapsed_is_welcome() -> None:
    story = Story()
    story.joins(CUSTOMER)
    story.happens(Claim(ANN))
    story.passes(60)
    story.joins(ANN)
    assert (story.room.phase, story.room.agent) == ("talking", ANN)


def test_a_caller_who_hangs_up_ends_it_in_every_phase() -> None:
    for story in (Story(), talking()):
        if story.room.customer.state != "joined":
            story.joins(CUSTOMER)
        story.leaves(CUSTOMER)
        assert story.room.is_over
        with pytest.raises(RefusedError, match="over"):
            story.happens(Claim(CAT))


def test_hold_is_shown_only_when_twilio_has_shown_it() -> None:
    story = talking()
    story.happens(Hold(ANN))
    assert (story.room.customer.held_wanted, story.room.held) == (True, False)
    assert [type(action) for action in story.perform()] == [SetHold]
    assert story.room.held
    assert story.room.customer.held_since == story.now
    story.happens(Resume(ANN))
    assert story.room.held
    story.perform()
    assert not story.room.held


def test_a_failed_hold_is_tried_again_and_twilio_is_asked_if_it_contradicts() -> None:
    story = talking()
    story.happens(Hold(ANN))
    story.room, [action] = _taken(story)
    story.happens(Failed(action.key, "HTTP 404", contradicts=True))
    assert story.room.in_doubt
    assert not story.room.held
    assert _taken(story)[1] == []
    story.now += 600
    assert [type(again) for again in _taken(story)[1]] == [SetHold]


def _taken(story: Story) -> tuple[Room, list[Action]]:
    return due.take(story.room, story.now)


def test_an_agent_whose_line_breaks_leaves_the_customer_alone_and_may_rejoin() -> None:
    story = talking()
    story.happens(Hold(ANN))
    story.perform()
    story.leaves(ANN)
    assert (story.room.phase, story.room.returning_to, story.room.rings) == ("alone", ANN, True)
    assert [type(action) for action in story.perform()] == [SetHold]  # nobody is left in music
    assert not story.room.held
    story.happens(Rejoin(ANN))
    story.joins(ANN)
    assert (story.room.phase, story.room.agent) == ("talking", ANN)


def test_a_customer_left_alone_hears_an_apology_when_nobody_comes() -> None:
    story = talking()
    story.leaves(ANN)
    story.passes(61)
    assert (story.room.phase, story.room.reason) == ("elsewhere", "nobody_answered")
    assert [type(action) for action in story.perform()] == [Redirect]


def test_a_customer_who_drops_out_of_the_conference_is_led_back() -> None:
    story = talking()
    story.leaves(CUSTOMER, call_over=False)
    assert not story.room.is_over
    assert story.perform() == []  # the document that follows their `<Dial>` does it
    story.passes(4)
    assert [type(action) for action in story.perform()] == [BringBack]


def test_who_leaves_last_must_hang_up() -> None:
    story = talking()
    with pytest.raises(RefusedError, match="last"):
        story.happens(Leave(ANN))
    story.happens(HangUp(ANN))
    assert story.room.is_over
    assert next((type(action), action.leg.label) for action in story.perform()) == (EndCall, CUSTOMER)
    assert not any(leg.is_alive for leg in story.room.every)


def test_mute() -> None:
    story = talking()
    story.happens(Mute(ANN))
    story.perform()
    assert story.leg(ANN).muted
    story.happens(Mute(ANN, on=False))
    story.perform()
    assert not story.leg(ANN).muted


# -- transfers ------------------------------------------------------------------------------------------------------


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


def test_raising_a_hand() -> None:
    story = talking()
    assert story.happens(AskForHelp(ANN)).help == "asked"
    assert story.happens(AcknowledgeHelp(CAT)).help == "acknowledged"
    assert story.room.helper == CAT
    assert story.happens(AskForHelp(ANN)).help == "acknowledged"


# -- calling out ----------------------------------------------------------------------------------------------------


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


# -- truth ----------------------------------------------------------------------------------------------------------


def test_twilio_is_asked_after_a_minute_of_silence_and_believed() -> None:
    story = talking()
    assert not due.must_ask(story.room, story.now + 59_000)
    assert due.must_ask(story.room, story.now + 60_000)
    story.happens(Truth(story.room.heard, "", (), "completed"))
    assert story.room.is_over


def test_an_outdated_answer_is_ignored() -> None:
    story = talking()
    outdated = Truth(story.room.heard - 1, "", (), "completed")
    assert story.happens(outdated).phase == "talking"


def test_ringing_may_send_a_caller_elsewhere_but_not_a_claimed_one() -> None:
    story = Story()
    story.joins(CUSTOMER)
    story.happens(Claim(ANN))
    assert story.happens(SendElsewhere("nobody_answered")).phase == "claimed"
    story.happens(Release(ANN))
    assert story.happens(SendElsewhere("nobody_answered")).phase == "elsewhere"
    story.leaves(CUSTOMER, call_over=False)
    assert story.perform() == []
    story.happens(CallStatus(CUSTOMER, sid(1), "completed"))
    assert story.room.is_over


def test_a_room_is_stored_whole() -> None:
    story = _consulting()
    assert from_json(to_json(story.room)) == story.room
