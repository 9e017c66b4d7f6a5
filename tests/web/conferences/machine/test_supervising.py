"""Stories of supervisors in a call: who hears them, in which order Twilio is asked, and when they are muted."""

from __future__ import annotations

import pytest

from tests.kit.web.room_script import ANN, BEN, CAT, THIRD, Story, talking
from web.conferences.machine import due
from web.conferences.machine.due import Action, Announce, Kick, SetCoach, SetHold, SetMute
from web.conferences.machine.events import (
    AskForHelp,
    BeginTransfer,
    Claim,
    EndForAll,
    Failed,
    Hold,
    StopSupervising,
    Supervise,
    Tick,
)
from web.conferences.machine.room import (
    CUSTOMER,
    UNKNOWN,
    Leg,
    RefusedError,
    SupervisorMode,
    Target,
    from_json,
    supervisor_label,
    to_json,
)
from web.conferences.machine.step import step

CATS = supervisor_label(CAT)


def _helps(mode: SupervisorMode = "listen") -> Story:
    story = talking()
    story.happens(Supervise(CAT, mode))
    story.joins(CATS)
    story.perform()
    return story


def _heard_by(leg: Leg) -> str:
    return "nobody" if leg.muted else leg.coach or "everybody"


def _kinds(actions: list[Action]) -> list[type[Action]]:
    return [type(action) for action in actions]


def test_who_listens_comes_in_muted_and_stays_so() -> None:
    story = talking()
    story.happens(Supervise(CAT, "listen"))
    assert story.room.may_join(CAT)
    assert story.room.label_of(CAT) == CATS
    story.joins(CATS)
    assert story.perform() == []
    assert _heard_by(story.leg(CATS)) == "nobody"
    assert (story.room.agent, story.room.phase) == (ANN, "talking")


def test_a_whisper_is_for_the_agent_before_it_is_heard() -> None:
    story = _helps()
    story.happens(Supervise(CAT, "whisper"))
    assert _kinds(story.perform()) == [SetCoach, SetMute]
    assert _heard_by(story.leg(CATS)) == story.leg(ANN).call_sid


def test_who_is_heard_by_others_is_muted_first() -> None:
    story = _helps("whisper")
    story.happens(Supervise(CAT, "barge"))
    assert _kinds(story.perform()) == [SetMute, SetCoach, SetMute]
    assert _heard_by(story.leg(CATS)) == "everybody"
    story.happens(Supervise(CAT, "whisper"))
    assert _kinds(story.perform()) == [SetMute, SetCoach, SetMute]
    story.happens(Supervise(CAT, "listen"))
    assert _kinds(story.perform()) == [SetMute, SetCoach]
    assert _heard_by(story.leg(CATS)) == "nobody"


def test_a_transfer_ends_a_whisper_before_the_agent_leaves() -> None:
    story = _helps("whisper")
    story.happens(BeginTransfer(ANN, "blind", Target("member", BEN)))
    assert _kinds(story.perform()) == [SetHold, SetMute, Kick, SetCoach]
    assert [(each.mode, each.was_muted) for each in story.room.supervisors] == [("listen", True)]
    story.happens(Claim(BEN))
    story.joins(BEN)
    story.perform()
    assert _heard_by(story.leg(CATS)) == "nobody"
    story.happens(Supervise(CAT, "whisper"))
    story.perform()
    assert _heard_by(story.leg(CATS)) == story.leg(BEN).call_sid


def test_a_second_agent_ends_a_whisper_until_it_is_wished_for_again() -> None:
    story = _helps("whisper")
    story.happens(BeginTransfer(ANN, "warm", Target("member", BEN)))
    story.perform()
    assert story.room.supervisors[0].mode == "whisper"
    story.happens(Claim(BEN))
    story.joins(BEN)
    assert SetMute in _kinds(story.perform())
    assert story.room.supervisors[0].was_muted
    story.happens(Supervise(CAT, "whisper"))
    story.perform()
    assert _heard_by(story.leg(CATS)) == story.leg(ANN).call_sid
    assert not story.room.supervisors[0].was_muted


def test_holding_changes_nothing_for_who_whispers() -> None:
    story = _helps("whisper")
    story.happens(Hold(ANN))
    assert _kinds(story.perform()) == [SetHold]
    assert _heard_by(story.leg(CATS)) == story.leg(ANN).call_sid


def test_taking_over_waits_until_everybody_hears_the_supervisor() -> None:
    story = _helps("whisper")
    story.happens(AskForHelp(ANN))
    story.happens(Hold(ANN))
    story.perform()
    story.happens(Supervise(CAT, "take_over"))
    assert story.room.agent == ANN
    asked = story.perform()
    assert _kinds(asked)[:3] == [SetMute, SetCoach, SetMute]
    assert {type(action) for action in asked[3:]} == {Kick, SetHold}
    assert (story.room.agent, story.room.phase, story.room.held, story.room.help) == (CAT, "talking", False, None)
    assert [leg.member for leg in story.room.agents] == [CAT]
    assert story.room.supervisors == ()
    story.happens(Hold(CAT))
    story.perform()
    assert story.room.held


def test_who_took_over_may_transfer_and_come_back() -> None:
    story = _helps("take_over")
    assert story.room.agent == CAT
    story.happens(BeginTransfer(CAT, "blind", Target("member", BEN)))
    story.perform()
    story.passes(31)
    story.perform()
    assert (story.room.phase, story.room.returning_to) == ("alone", CAT)
    story.happens(Claim(CAT))
    story.joins(CAT)
    assert (story.room.phase, story.room.agent) == ("talking", CAT)


def test_taking_over_ends_the_transfer_that_the_agent_had_begun() -> None:
    story = _helps()
    story.happens(BeginTransfer(ANN, "warm", Target("number", number=THIRD)))
    story.perform()
    story.happens(Supervise(CAT, "take_over"))
    story.perform()
    assert (story.room.agent, story.room.transfer, story.room.held) == (CAT, None, False)
    third = story.room.leg("outside-1")
    assert third is not None
    assert third.state == "ended"


def test_a_supervisor_who_speaks_keeps_a_customer_whose_agent_is_cut_off() -> None:
    story = _helps("barge")
    story.leaves(ANN)
    assert (story.room.phase, story.room.agent) == ("talking", CAT)


@pytest.mark.parametrize("mode", ["listen", "whisper"])
def test_who_is_not_heard_leaves_a_customer_who_is_alone(mode: SupervisorMode) -> None:
    story = _helps(mode)
    story.leaves(ANN)
    assert story.room.phase == "alone"
    assert Kick in _kinds(story.perform())
    assert not story.room.leg(CATS) or story.leg(CATS).state == "ended"


def test_supervisors_come_and_go_without_the_call() -> None:
    story = _helps()
    story.happens(StopSupervising(CAT))
    assert _kinds(story.perform()) == [Kick]
    assert (story.room.phase, story.room.supervisors) == ("talking", ())
    story.happens(Supervise(CAT, "listen"))
    story.passes(11)
    assert story.room.supervisors == ()
    assert not story.room.may_join(CAT)


def test_an_agent_stays_until_a_supervisor_who_whispered_to_them_has_gone() -> None:
    story = _helps("whisper")
    story.happens(StopSupervising(CAT))
    story.happens(BeginTransfer(ANN, "blind", Target("member", BEN)))
    kicked = [action.leg.label for action in story.perform() if isinstance(action, Kick)]
    assert kicked == [CATS, story.leg(ANN).label]


def test_a_supervisor_whose_line_breaks_is_gone() -> None:
    story = _helps("barge")
    story.now += 1000
    story.leaves(CATS)
    assert (story.room.phase, story.room.agent, story.room.supervisors) == ("talking", ANN, ())


def test_they_are_announced_once() -> None:
    story = talking()
    story.happens(Supervise(CAT, "listen", "words"))
    story.joins(CATS)
    assert _kinds(story.perform()) == [Announce]
    story.happens(Supervise(CAT, "whisper", "words"))
    assert _kinds(story.perform()) == [SetCoach, SetMute]


def test_several_listen_and_one_speaks() -> None:
    story = _helps("whisper")
    story.happens(Supervise(BEN, "listen"))
    story.joins(supervisor_label(BEN))
    with pytest.raises(RefusedError) as refused:
        story.happens(Supervise(BEN, "barge"))
    assert (refused.value.code, refused.value.by) == ("helped", CAT)
    story.happens(Supervise(CAT, "listen"))
    story.happens(Supervise(BEN, "barge"))


@pytest.mark.parametrize(
    ("story", "event", "code"),
    [
        (talking(), Supervise(ANN, "listen"), "own_call"),
        (Story(), Supervise(CAT, "listen"), "no_agent"),
        (_helps(), Claim(CAT), "busy"),
    ],
)
def test_what_is_refused(story: Story, event: Supervise | Claim, code: str) -> None:
    before = story.room
    with pytest.raises(RefusedError) as refused:
        story.happens(event)
    assert refused.value.code == code
    assert story.room == before


def test_a_supervisor_ends_the_call_for_everybody() -> None:
    story = talking()
    story.happens(EndForAll(CAT))
    story.perform()
    assert story.room.is_over
    assert story.leg(CUSTOMER).state == "ended"
    with pytest.raises(RefusedError):
        story.happens(EndForAll(CAT))


def test_nothing_is_asked_of_twilio_before_it_has_answered_who_is_muted() -> None:
    story = _helps()
    story.happens(Supervise(CAT, "whisper"))
    story.perform()
    story.happens(Supervise(CAT, "barge"))
    room, actions = due.take(story.room, story.now)
    assert _kinds(actions) == [SetMute]
    assert from_json(to_json(room)) == room
    assert due.take(step(room, Tick(), story.now), story.now)[1] == []
    later = story.now + due.LEASE
    assert _kinds(due.take(step(room, Tick(), later), later)[1]) == [SetMute]
    failed = step(room, Failed(actions[0].key, "HTTP 500"), story.now)
    assert SetCoach not in _kinds(due.wanted(failed))


def test_whom_a_coach_reaches_is_unknown_until_twilio_has_answered() -> None:
    story = _helps()
    story.happens(Supervise(CAT, "whisper"))
    room, actions = due.take(story.room, story.now)
    assert _kinds(actions) == [SetCoach]
    leg = room.leg(CATS)
    assert leg is not None
    assert leg.coach == UNKNOWN
    changed = step(room, Supervise(CAT, "listen"), story.now)
    assert _kinds(due.wanted(changed)) == [SetCoach]
