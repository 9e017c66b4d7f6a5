"""`<Dial><Conference>`: coming, waiting, leaving, and what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kit.vendors.twilio_customer import codes
from tests.kit.vendors.twilio_room import ROOM, Meeting, meeting


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Meeting]:
    async with meeting() as opened:
        yield opened


async def talk(place: Meeting) -> None:
    """The customer and an agent, as the product puts them into a room."""
    await place.join("customer", startConferenceOnEnter="false", endConferenceOnExit="true")
    await place.join("agent")


async def test_a_conference_begins_with_two_of_whom_one_may_start_it(place: Meeting) -> None:
    await place.join("customer", startConferenceOnEnter="false", endConferenceOnExit="true")
    first = place.room.status
    await place.join("agent")
    await place.told("conference-start")
    assert (first, place.room.status) == ("init", "in-progress")
    told = [(form["StatusCallbackEvent"], form["SequenceNumber"]) for form in place.events()]
    assert told == [("participant-join", "1"), ("participant-join", "2"), ("conference-start", "3")]


async def test_one_alone_does_not_start_it(place: Meeting) -> None:
    await place.join("agent")
    assert place.room.status == "init"
    assert place.present("agent").hears == "wait"


async def test_a_callback_says_who_and_how(place: Meeting) -> None:
    await talk(place)
    joined = await place.told("participant-join", ParticipantLabel="customer")
    assert joined == {
        "AccountSid": f"AC{'1' * 32}",
        "ConferenceSid": place.room.sid,
        "FriendlyName": ROOM,
        "StatusCallbackEvent": "participant-join",
        "SequenceNumber": "1",
        "Timestamp": joined["Timestamp"],
        "CallSid": place.legs["customer"].sid,
        "ParticipantLabel": "customer",
        "Muted": "false",
        "Hold": "false",
        "Coaching": "false",
        "StartConferenceOnEnter": "false",
        "EndConferenceOnExit": "true",
    }


async def test_the_conference_ends_with_who_ends_it(place: Meeting) -> None:
    await talk(place)
    place.legs["customer"].hang_up()
    end = await place.told("conference-end")
    assert (end["ReasonConferenceEnded"], end["CallSidEndingConference"]) == (
        "participant-with-end-conference-on-exit-left",
        place.legs["customer"].sid,
    )
    assert end["ParticipantLabelEndingConference"] == "customer"
    assert "CallSid" not in end
    left = {form["ParticipantLabel"]: form for form in place.events("participant-leave")}
    reasons = {who: (form["ReasonParticipantLeft"], form["ParticipantCallStatus"]) for who, form in left.items()}
    assert reasons == {
        "customer": ("participant_hung_up", "completed"),
        "agent": ("moderator_ended_conference", "in-progress"),
    }
    done = await place.customer.until_asked("/done", CallSid=place.legs["agent"].sid)
    assert done["DialCallStatus"] == "answered"
    assert "DialCallSid" not in done


async def test_an_agent_who_leaves_leaves_the_customer_waiting(place: Meeting) -> None:
    await talk(place)
    place.legs["agent"].hang_up()
    await place.told("participant-leave", ParticipantLabel="agent")
    assert (place.present("customer").hears, place.room.status) == ("wait", "in-progress")
    await place.join("second")
    assert place.present("customer").hears == "room"
    assert len(place.events("conference-start")) == 1


async def test_the_last_to_leave_ends_it(place: Meeting) -> None:
    await place.join("agent")
    first = place.room
    place.legs["agent"].hang_up()
    end = await place.told("conference-end")
    assert (end["ReasonConferenceEnded"], first.is_over) == ("last-participant-left", True)
    await place.join("second")
    assert place.room is not first  # the name is free again


async def test_only_the_first_participants_callback_counts(place: Meeting) -> None:
    await place.join("customer", statusCallback="", startConferenceOnEnter="false")
    await place.join("agent")
    place.legs["agent"].hang_up()
    await place.customer.until_asked("/done")
    assert place.customer.of("/room") == []


async def test_only_the_events_asked_for_are_told(place: Meeting) -> None:
    await place.join("customer", statusCallbackEvent="leave end")
    await place.join("agent")
    place.legs["agent"].hang_up()
    await place.told("participant-leave", SequenceNumber="1")
    assert len(place.events()) == 1


async def test_sent_elsewhere_by_rest_it_leaves_the_room(place: Meeting) -> None:
    await talk(place)
    place.customer.says("/elsewhere", "<Pause length='600'/>")
    leg = place.legs["agent"]
    leg.redirect(leg.webhook(f"{place.customer.url}/elsewhere"))
    await place.customer.until_asked("/elsewhere", CallSid=leg.sid)
    left = await place.told("participant-leave")
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == (
        "participant_updated_via_api",
        "in-progress",
    )
    paths = [asked.path for asked in place.customer.asked if asked.form.get("CallSid") == leg.sid]
    assert paths.index("/done") < paths.index("/elsewhere")
    assert not leg.over.is_set()


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"participantLabel": "customer"}, 16025),
        ({"maxParticipants": "2"}, 16020),
        ({"coach": f"CA{'0' * 32}"}, 13240),
    ],
)
async def test_who_cannot_be_let_in_goes_on(place: Meeting, attributes: dict[str, str], code: int) -> None:
    await talk(place)
    leg = await place.join("second", **attributes)
    done = await place.customer.until_asked("/done", CallSid=leg.sid)
    assert (done["DialCallStatus"], done["ErrorCode"]) == ("failed", str(code))
    assert codes(place.emulator) == [code]


async def test_nobody_coaches_without_agent_conference(place: Meeting) -> None:
    await talk(place)
    place.emulator.exchange.agent_conference = False
    leg = await place.join("supervisor", coach=place.legs["agent"].sid)
    assert (await place.customer.until_asked("/done", CallSid=leg.sid))["ErrorCode"] == "16000"
    assert codes(place.emulator) == [16000]


async def test_a_coach_comes_in_as_one(place: Meeting) -> None:
    await talk(place)
    await place.join("supervisor", coach=place.legs["agent"].sid)
    assert (await place.told("participant-join", ParticipantLabel="supervisor"))["Coaching"] == "true"
    await place.speaking()
    assert [who for who, heard in place.heard().items() if "supervisor" in heard] == ["agent"]


async def test_a_stream_stays_with_its_leg_through_rooms_and_documents(place: Meeting) -> None:
    stream = f"<Start><Stream url='{place.customer.media_url}/s' track='both_tracks'/></Start>"
    await place.join("customer", before=stream, startConferenceOnEnter="false", waitUrl="")
    place.customer.says("/done", "<Pause length='2'/><Dial><Conference beep='false'>second_room</Conference></Dial>")
    await place.join("agent")
    heard = await place.customer.until_streaming()
    await place.speaking()
    await place.customer.until(lambda: len(heard.media("outbound")) > 50)
    place.room.leave(place.present("customer"), "participant_updated_via_api", kicked=True)
    again = "second_room"
    await place.until(lambda: place.emulator.exchange.rooms.find(again) is not None)
    so_far = len(heard.texts)
    await place.customer.until(lambda: len(heard.texts) > so_far + 100)
    assert len(place.customer.streams) == 1
    numbers = [int(text["sequenceNumber"]) for text in heard.texts if "sequenceNumber" in text]
    assert numbers == list(range(1, len(numbers) + 1))  # late at the boundaries, but none lost
    for track in ("inbound", "outbound"):
        times = [int(media["timestamp"]) for media in heard.media(track)]
        assert times == list(range(0, 20 * len(times), 20))
