"""A leg of a call. What a softphone says in it: what was recorded for that call's agent, unless somebody talks."""

from __future__ import annotations

import pytest

from sandbox.audio.clock import Clock
from sandbox.audio.live_voice import LiveVoice
from sandbox.audio.voice import SILENCE, Frames
from sandbox.twilio.phone.leg import CallSound, Leg

DEMO = CallSound(("c0", "c1"), ("demo0", "demo1"), stand_in=True)
RECORDED = CallSound(("c0", "c1"), ("own0", "own1"))
NOTHING = CallSound(("c0", "c1"))


def leg(sound: CallSound, *, customer: bool = False) -> Leg:
    return Leg("AC1", "inbound", "somebody", "somebody else", Clock(1.0), sound=sound, customer=customer)


def says(one: Leg) -> Frames:
    return tuple(one.said(tick) for tick in range(12))


@pytest.mark.parametrize(
    ("sound", "said"),
    [(DEMO, ("demo0", "demo1")), (RECORDED, ("own0", "own1")), (NOTHING, (SILENCE, SILENCE))],
)
async def test_the_recording_is_the_calls(sound: CallSound, said: Frames) -> None:
    agent = leg(DEMO)
    agent.accompany(leg(sound, customer=True))
    agent.voice.begin(10)
    assert says(agent)[10:] == said


async def test_who_joins_late_goes_on_where_the_call_is() -> None:
    agent, customer = leg(DEMO), leg(RECORDED, customer=True)
    customer.voice.begin(10)
    agent.accompany(customer)
    assert says(agent)[10:] == ("own0", "own1")


@pytest.mark.parametrize(("sound", "is_live"), [(DEMO, True), (NOTHING, True), (RECORDED, False)])
async def test_a_microphone_is_heard_unless_the_call_has_a_recording_of_its_own(
    sound: CallSound, is_live: bool
) -> None:
    agent = leg(DEMO)
    agent.speak_live(microphone=True)
    agent.accompany(leg(sound, customer=True))
    assert isinstance(agent.voice, LiveVoice) == is_live


async def test_who_was_given_a_recording_keeps_it() -> None:
    agent = leg(RECORDED)
    agent.accompany(leg(DEMO, customer=True))
    agent.voice.begin(10)
    assert says(agent)[10:] == ("own0", "own1")
