"""Stories of one call and its agent: what each event and wish makes of a room, and what is asked of Twilio then."""

from __future__ import annotations

import pytest

from tests.kit.web.room_script import ANN, BEN, CAT, Story, sid, talking
from web.conferences.machine import due
from web.conferences.machine.due import Action, BringBack, EndCall, Redirect, SetHold
from web.conferences.machine.events import (
    AcknowledgeHelp,
    AskForHelp,
    CallStatus,
    Claim,
    Failed,
    HangUp,
    Hold,
    Leave,
    Mute,
    Rejoin,
    Release,
    Resume,
    SendElsewhere,
    Truth,
)
from web.conferences.machine.room import CUSTOMER, RefusedError, Room


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


def test_raising_a_hand() -> None:
    story = talking()
    assert story.happens(AskForHelp(ANN)).help == "asked"
    assert story.happens(AcknowledgeHelp(CAT)).help == "acknowledged"
    assert story.room.helper == CAT
    assert story.happens(AskForHelp(ANN)).help == "acknowledged"


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
