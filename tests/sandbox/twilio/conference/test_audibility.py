"""Who hears whom, in every state of a conversation, measured in what each leg is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.twilio.conference.participant import Music
from tests.kit.vendors.twilio_room import Meeting, meeting

SILENCE = Music("")
Heard = dict[str, set[str]]


@pytest_asyncio.fixture
async def people() -> AsyncIterator[Meeting]:
    """A customer, two agents and a supervisor who listens, all in one room and talking."""
    async with meeting() as place:
        await place.join("customer", startConferenceOnEnter="false", endConferenceOnExit="true", waitUrl="")
        for who in ("agent", "second"):
            await place.join(who, waitUrl="")
        await place.join("supervisor", muted="true", waitUrl="")
        await place.speaking()
        yield place


def talking(place: Meeting) -> None:
    """The second agent is not there yet."""
    place.room.leave(place.present("second"), "participant_hung_up")


def muted_agent(place: Meeting) -> None:
    talking(place)
    place.room.mute(place.present("agent"), True)


def held(place: Meeting) -> None:
    talking(place)
    place.room.hold(place.present("customer"), SILENCE)


def whisper(place: Meeting) -> None:
    talking(place)
    place.room.coach(place.present("supervisor"), True, place.legs["agent"].sid)
    place.room.mute(place.present("supervisor"), False)


def whisper_while_held(place: Meeting) -> None:
    whisper(place)
    place.room.hold(place.present("customer"), SILENCE)


def barge(place: Meeting) -> None:
    talking(place)
    place.room.mute(place.present("supervisor"), False)


def consult(place: Meeting) -> None:
    place.room.hold(place.present("customer"), SILENCE)


def three_way(place: Meeting) -> None:
    consult(place)
    place.room.resume(place.present("customer"))


def handed_over(place: Meeting) -> None:
    place.room.leave(place.present("agent"), "participant_hung_up")


def lost_coach(place: Meeting) -> None:
    """Whoever was coached has gone: nobody should rely on the coach's silence."""
    whisper(place)
    place.room.mute(place.present("supervisor"), False)
    place.room.leave(place.present("agent"), "participant_hung_up")


EVERY: dict[object, Heard] = {
    talking: {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    muted_agent: {"customer": set(), "agent": {"customer"}, "supervisor": {"customer"}},
    held: {"customer": set(), "agent": set(), "supervisor": {"agent"}},
    whisper: {"customer": {"agent"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    whisper_while_held: {"customer": set(), "agent": {"supervisor"}, "supervisor": {"agent"}},
    barge: {
        "customer": {"agent", "supervisor"},
        "agent": {"customer", "supervisor"},
        "supervisor": {"customer", "agent"},
    },
    consult: {"customer": set(), "agent": {"second"}, "second": {"agent"}, "supervisor": {"agent", "second"}},
    three_way: {
        "customer": {"agent", "second"},
        "agent": {"customer", "second"},
        "second": {"customer", "agent"},
        "supervisor": {"customer", "agent", "second"},
    },
    handed_over: {"customer": {"second"}, "second": {"customer"}, "supervisor": {"customer", "second"}},
    lost_coach: {"customer": {"supervisor"}, "supervisor": {"customer"}},
}


@pytest.mark.parametrize("state", EVERY, ids=lambda state: state.__name__)
async def test_who_hears_whom(people: Meeting, state: object) -> None:
    state(people)  # type: ignore[operator]
    assert people.heard() == EVERY[state]


async def test_a_coach_without_anybody_to_coach_may_be_silent() -> None:
    async with meeting(coach_without_target="nobody") as place:
        for who in ("customer", "agent", "supervisor"):
            await place.join(who, waitUrl="")
        await place.speaking()
        place.room.coach(place.present("supervisor"), True, place.legs["agent"].sid)
        place.room.leave(place.present("agent"), "participant_hung_up")
        assert place.heard()["customer"] == set()


async def test_hold_music_is_heard_by_who_is_held_alone(people: Meeting) -> None:
    people.room.hold(people.present("customer"), Music(None))
    assert people.heard() == EVERY[consult] | {"customer": {"other"}}


async def test_who_waits_hears_the_music_and_is_heard_by_nobody() -> None:
    async with meeting() as place:
        await place.join("customer", startConferenceOnEnter="false")
        await place.until(lambda: place.heard() == {"customer": {"other"}})
        await place.join("second", startConferenceOnEnter="false", waitUrl="")
        assert place.heard() == {"customer": {"other"}, "second": set()}
        assert place.room.status == "init"
        await place.join("agent")
        await place.speaking()
        assert place.heard()["customer"] == {"second", "agent"}


async def test_a_beep_tells_the_others(people: Meeting) -> None:
    people.present("second").beep_on_exit = True
    people.room.leave(people.present("second"), "participant_hung_up")
    assert people.heard()["customer"] == {"agent", "other"}
