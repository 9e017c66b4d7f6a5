"""REST of participants, asked by Twilio's own client and judged by Twilio's OpenAPI file."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from twilio.rest.api.v2010.account.conference.participant import ParticipantList

from provisioning.twilio.client import connected
from sandbox.twilio.emulator import Behaviour
from sandbox.twilio.phone.leg import CallSound
from sandbox.twilio.phone.twiml import JITTER_BUFFERS, REGIONS, ROOM_EVENTS
from sandbox.twilio.rest import calls, conferences, participants
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, codes
from tests.kit.vendors.twilio_room import ROOM, Meeting, meeting, sound_file
from tests.kit.vendors.twilio_specification import Judge
from tests.sandbox.twilio.rest.test_conferences import refused

Official = Any
SPECIFICATION = Path(__file__).parents[3] / "specifications" / "twilio_api_v2010.json"
BOB = "client:bob"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Meeting]:
    """A customer and an agent in a room; every answer is judged."""
    async with meeting(calls_per_second=1000) as opened:
        judge = Judge()
        opened.emulator.registry.watchers.append(judge.watch)
        opened.emulator.exchange.sounds |= {MOBILE: CallSound(), BOB: CallSound()}
        await opened.join("customer", startConferenceOnEnter="false", endConferenceOnExit="true", waitUrl="")
        await opened.join("agent", waitUrl="")
        yield opened
        assert judge.faults == []


@pytest.fixture
def room(client: Official) -> Official:
    """The room as Twilio's client sees it."""
    return client.conferences(ROOM)


# -- reading ------------------------------------------------------------------------------------------------


async def test_participants_are_listed_and_fetched_by_call_and_by_label(place: Meeting, room: Official) -> None:
    await room.participants("customer").update_async(hold=True, hold_url=f"{place.customer.url}/music")
    listed = await room.participants.list_async()
    assert [(each.label, each.status, each.hold) for each in listed] == [
        ("customer", "connected", True),
        ("agent", "connected", False),
    ]
    assert [each.label for each in await room.participants.list_async(hold=True)] == ["customer"]
    assert await room.participants.list_async(muted=True) == []
    for key in ("agent", place.legs["agent"].sid):
        fetched = await room.participants(key).fetch_async()
        assert (fetched.call_sid, fetched.conference_sid) == (place.legs["agent"].sid, place.room.sid)
        assert (fetched.start_conference_on_enter, fetched.queue_time) == (True, None)


async def test_who_has_left_is_not_there(place: Meeting, room: Official) -> None:
    place.legs["agent"].hang_up()
    assert await refused(room.participants("agent").fetch_async()) == (404, 20404)
    assert await refused(room.participants("agent").update_async(muted=True)) == (404, 20404)
    assert await refused(room.participants("agent").delete_async()) == (404, 20404)


# -- changing -----------------------------------------------------------------------------------------------


async def test_hold_and_resume(place: Meeting, room: Official) -> None:
    place.customer.says("/music", "<Play>tone.wav</Play><Redirect method='GET'/>")
    place.customer.says("/tone.wav", lambda _: sound_file())
    held = await room.participants("customer").update_async(hold=True, hold_url=f"{place.customer.url}/music")
    assert (held.hold, held.muted) == (True, False)
    assert (await place.told("participant-hold"))["Hold"] == "true"
    await place.until(lambda: place.heard() == {"customer": {"other"}, "agent": set()})
    asked = next(each for each in place.customer.asked if each.path == "/music")
    assert (asked.method, asked.form["CallSid"]) == ("GET", place.legs["customer"].sid)
    assert not (await room.participants("customer").update_async(hold=False)).hold
    assert (await place.told("participant-unhold"))["Hold"] == "false"
    await place.speaking()
    assert place.heard() == {"customer": {"agent"}, "agent": {"customer"}}


async def test_held_again_it_is_told_once(place: Meeting, room: Official) -> None:
    for _ in range(2):
        await room.participants("customer").update_async(hold=True, hold_url="")
    await room.participants("customer").update_async(hold=True)
    await room.participants("customer").update_async(hold=False)
    await place.told("participant-unhold")
    assert len(place.events("participant-hold")) == 1


async def test_mute(place: Meeting, room: Official) -> None:
    assert (await room.participants("agent").update_async(muted=True)).muted
    await place.speaking()
    assert place.heard()["customer"] == set()
    assert not (await room.participants("agent").update_async(muted=False)).muted
    assert place.heard()["customer"] == {"agent"}
    assert (await place.told("participant-unmute"))["Muted"] == "false"
    assert len(place.events("participant-mute")) == 1


async def test_end_on_exit_is_silently_kept_while_held(place: Meeting, room: Official) -> None:
    await room.participants("customer").update_async(hold=True, hold_url="")
    kept = await room.participants("customer").update_async(end_conference_on_exit=False)
    assert kept.end_conference_on_exit is True
    await room.participants("customer").update_async(hold=False)
    changed = await room.participants("customer").update_async(end_conference_on_exit=False)
    assert changed.end_conference_on_exit is False
    assert (await place.told("participant-modify"))["EndConferenceOnExit"] == "false"
    assert len(place.events("participant-modify")) == 1


async def test_whisper_and_barge(place: Meeting, room: Official) -> None:
    await place.join("supervisor", muted="true")
    agent = place.legs["agent"].sid
    await place.speaking()
    supervisor = room.participants("supervisor")
    coaching = await supervisor.update_async(coaching=True, call_sid_to_coach=agent, muted=False)
    assert (coaching.coaching, coaching.call_sid_to_coach, coaching.muted) == (True, agent, False)
    assert [who for who, heard in place.heard().items() if "supervisor" in heard] == ["agent"]
    assert (await place.told("participant-modify"))["Coaching"] == "true"
    assert [each.label for each in await room.participants.list_async(coaching=True)] == ["supervisor"]
    await supervisor.update_async(coaching=False, muted=False)
    assert "supervisor" in place.heard()["customer"]
    await supervisor.update_async(coaching=False, muted=True)
    assert [who for who, heard in place.heard().items() if "supervisor" in heard] == []


async def test_coaching_needs_somebody_and_the_accounts_setting(place: Meeting, room: Official) -> None:
    supervisor = room.participants("agent")
    assert await refused(supervisor.update_async(coaching=True)) == (400, 16002)
    assert await refused(supervisor.update_async(call_sid_to_coach=f"CA{'0' * 32}")) == (400, 16002)
    place.emulator.exchange.agent_conference = False
    whom = place.legs["customer"].sid
    assert await refused(supervisor.update_async(coaching=True, call_sid_to_coach=whom)) == (400, 16000)
    assert not place.present("agent").coaching


async def test_an_announcement_is_heard_by_one(place: Meeting, room: Official) -> None:
    place.customer.says("/note", lambda _: sound_file())
    place.customer.says("/over", "<Pause/>")
    await place.speaking()
    await room.participants("customer").update_async(announce_url=f"{place.customer.url}/note")
    await place.until(lambda: place.heard() == {"customer": {"agent", "other"}, "agent": {"customer"}})
    await room.participants("agent").update_async(announce_url=f"{place.customer.url}/over")
    assert (await place.told("announcement-end"))["ParticipantLabel"] == "agent"


async def test_other_music_while_waiting(place: Meeting, room: Official) -> None:
    place.legs["agent"].hang_up()
    place.customer.says("/queue", lambda _: sound_file())
    await room.participants("customer").update_async(wait_url=f"{place.customer.url}/queue", wait_method="POST")
    await place.until(lambda: place.heard() == {"customer": {"other"}})
    assert await place.told("participant-modify")


async def test_a_removed_participants_call_goes_on(place: Meeting, room: Official) -> None:
    place.customer.says("/done", "<Pause length='600'/>")
    assert await room.participants("agent").delete_async() is True
    left = await place.told("participant-leave")
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == (
        "participant_updated_via_api",
        "in-progress",
    )
    done = await place.customer.until_asked("/done")
    assert (done["CallSid"], done["DialCallStatus"]) == (place.legs["agent"].sid, "answered")
    assert not place.legs["agent"].over.is_set()
    assert place.present("customer").hears == "wait"


async def test_removing_who_ends_it_ends_it(place: Meeting, room: Official) -> None:
    await room.participants("customer").delete_async()
    end = await place.told("conference-end")
    assert end["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-kicked"


async def test_removing_the_last_ends_it(place: Meeting, room: Official) -> None:
    place.present("customer").end_on_exit = False
    place.legs["customer"].hang_up()
    await room.participants("agent").delete_async()
    assert (await place.told("conference-end"))["ReasonConferenceEnded"] == "last-participant-kicked"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"hold": True, "hold_url": "music.wav"},
        {"hold_method": "PUT", "hold_url": "http://x", "hold": True},
        {"end_conference_on_exit": "perhaps"},
    ],
)
async def test_what_cannot_be_done_is_refused(place: Meeting, room: Official, fields: dict[str, Any]) -> None:
    place.emulator.registry.watchers.clear()  # the judge would complain as well
    status, _ = await refused(room.participants("customer").update_async(**fields))
    assert (status, place.present("customer").held) == (400, False)


# -- calling in ---------------------------------------------------------------------------------------------


async def test_somebody_is_called_in(place: Meeting, room: Official) -> None:
    place.emulator.exchange.behaviours[MOBILE] = Behaviour(
        after=20
    )  # simulated seconds: it must still ring when it is looked at
    created = await room.participants.create_async(
        from_=NUMBER,
        to=MOBILE,
        label="outside",
        beep="false",
        end_conference_on_exit=True,
        status_callback=f"{place.customer.url}/leg",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert (created.status, created.label, created.queue_time) == ("queued", "outside", "0")
    await place.customer.until_asked("/leg", CallStatus="ringing")
    ringing = await room.participants("outside").fetch_async()
    assert (ringing.status, ringing.end_conference_on_exit, ringing.queue_time) == ("ringing", True, None)
    leg = place.emulator.exchange.legs[created.call_sid]
    await place.until(lambda: "other" in place.heard()["agent"])  # early media: its ringing, which has pauses
    assert leg.status == "ringing"
    await place.told("participant-join", ParticipantLabel="outside")
    assert (leg.direction, leg.status) == ("outbound-api", "in-progress")
    leg.hang_up()
    assert (await place.told("conference-end"))["CallSidEndingConference"] == leg.sid
    statuses = [form["CallStatus"] for form in place.customer.of("/leg")]
    assert statuses == ["initiated", "ringing", "in-progress", "completed"]


async def test_without_early_media_nobody_hears_it_ring(place: Meeting, room: Official) -> None:
    place.emulator.exchange.behaviours[MOBILE] = Behaviour("never")
    await room.participants.create_async(
        from_=NUMBER, to=MOBILE, label="outside", early_media=False, status_callback=f"{place.customer.url}/leg",
        status_callback_event=["ringing"],
    )  # fmt: skip
    await place.customer.until_asked("/leg", CallStatus="ringing")
    await place.speaking()
    assert place.heard()["agent"] == {"customer"}


@pytest.mark.parametrize(("does", "status"), [("busy", "busy"), ("fails", "failed"), ("never", "no-answer")])
async def test_who_does_not_come_has_left_all_the_same(
    place: Meeting, room: Official, does: str, status: str
) -> None:
    place.emulator.exchange.behaviours[MOBILE] = Behaviour(does)  # type: ignore[arg-type]
    await room.participants.create_async(from_=NUMBER, to=MOBILE, label="outside", timeout=5)
    left = await place.told("participant-leave")
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == ("participant_add_failed", status)
    assert await refused(room.participants("outside").fetch_async()) == (404, 20404)
    assert place.heard().keys() == {"customer", "agent"}


async def test_who_still_rings_is_removed(place: Meeting, room: Official) -> None:
    place.emulator.exchange.behaviours[MOBILE] = Behaviour("never")
    created = await room.participants.create_async(from_=NUMBER, to=MOBILE, label="outside")
    leg = place.emulator.exchange.legs[created.call_sid]
    await place.until(lambda: leg.status == "ringing")
    await room.participants("outside").delete_async()
    left = await place.told("participant-leave")
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == (
        "participant_updated_via_api",
        "canceled",
    )
    assert leg.status == "canceled"


async def test_an_agent_who_leaves_while_somebody_rings_orphans_nobody(place: Meeting, room: Official) -> None:
    await room.participants("customer").update_async(hold=True, hold_url="")
    created = await room.participants.create_async(from_=NUMBER, to=MOBILE, label="outside")
    place.legs["agent"].hang_up()
    await place.told("participant-join", ParticipantLabel="outside")
    assert place.room.find(created.call_sid) is not None
    assert place.present("customer").held


async def test_a_conference_is_opened_by_whoever_is_called_into_it(place: Meeting, client: Official) -> None:
    await client.conferences("another").participants.create_async(
        from_=NUMBER,
        to=f"{BOB}?mood=good&x=1",
        conference_status_callback=f"{place.customer.url}/other",
        conference_status_callback_event=["join", "leave"],
    )
    joined = await place.customer.until_asked("/other", StatusCallbackEvent="participant-join")
    assert joined["FriendlyName"] == "another"
    leg = place.emulator.exchange.legs[joined["CallSid"]]
    assert (leg.to, leg.parameters_in) == (BOB, (("mood", "good"), ("x", "1")))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"label": "agent"}, 16025),
        ({"label": "a/b"}, 16024),
        ({"max_participants": 2}, 16020),
        ({"call_sid_to_coach": f"CA{'0' * 32}"}, 13240),
        ({"coaching": True}, 16002),
        ({"timeout": 4}, 20001),
        ({"from_": "+61299998888"}, 21210),
        ({"to": "nobody"}, 21211),
        ({"conference_status_callback_event": ["joined"]}, 20001),
        ({"jitter_buffer_size": "tiny"}, 20001),
    ],
)
async def test_who_cannot_be_called_in_is_refused(
    place: Meeting, room: Official, fields: dict[str, Any], code: int
) -> None:
    before = len(place.emulator.exchange.legs)
    request = {"from_": NUMBER, "to": MOBILE} | fields
    assert await refused(room.participants.create_async(**request)) == (400, code)
    assert len(place.emulator.exchange.legs) == before
    assert codes(place.emulator) == []


async def test_who_was_called_in_is_sent_elsewhere_and_hung_up(
    place: Meeting, room: Official, client: Official
) -> None:
    place.customer.says("/elsewhere", "<Pause length='600'/>")
    created = await room.participants.create_async(from_=NUMBER, to=MOBILE, label="outside")
    await place.told("participant-join", ParticipantLabel="outside")
    await client.calls(created.call_sid).update_async(url=f"{place.customer.url}/elsewhere")
    await place.customer.until_asked("/elsewhere", CallSid=created.call_sid)
    left = await place.told("participant-leave", ParticipantLabel="outside")
    assert left["ReasonParticipantLeft"] == "participant_updated_via_api"
    await client.calls(place.legs["agent"].sid).update_async(status="completed")
    left = await place.told("participant-leave", ParticipantLabel="agent")
    assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == (
        "participant_updated_via_api",
        "completed",
    )


async def test_a_time_limit_ends_the_call(place: Meeting, room: Official) -> None:
    created = await room.participants.create_async(from_=NUMBER, to=MOBILE, label="outside", time_limit=2)
    await place.told("participant-leave", ParticipantLabel="outside")
    leg = place.emulator.exchange.legs[created.call_sid]
    assert (leg.status, leg.seconds() >= 2) == ("completed", True)


async def test_a_conference_that_is_over_takes_nobody(place: Meeting, client: Official) -> None:
    over = place.room
    over.end()
    assert await refused(client.conferences(over.sid).participants.create_async(from_=NUMBER, to=MOBILE)) == (
        404,
        20404,
    )


async def test_calls_by_rest_wait_for_their_turn() -> None:
    async with meeting(speed=1.0, calls_per_second=0.5) as place:
        await place.join("customer")
        account, base = place.emulator.exchange.settings.account_sid, place.emulator.url
        async with connected(account=account, key=f"SK{'2' * 32}", secret="s" * 32, base=base) as typed:
            official: Official = typed
            first = await official.calls.create_async(from_=NUMBER, to=MOBILE, twiml="<Response/>")
            second = await official.conferences(ROOM).participants.create_async(from_=NUMBER, to=MOBILE)
            third = await official.calls.create_async(from_=NUMBER, to=MOBILE, twiml="<Response/>")
            waits = [int(each.queue_time) for each in (first, second, third)]
            assert waits[0] == 0
            assert 1000 < waits[1] <= 2000
            assert 3000 < waits[2] <= 4000
            assert (await official.calls(third.sid).fetch_async()).status == "queued"
            await official.calls(third.sid).update_async(status="canceled")
            assert (await official.calls(third.sid).fetch_async()).status == "canceled"


# -- the specification --------------------------------------------------------------------------------------


def _operation(path: str) -> dict[str, Any]:
    paths = json.loads(SPECIFICATION.read_text())["paths"]
    body = paths[f"/2010-04-01/Accounts/{{AccountSid}}{path}.json"]["post"]["requestBody"]
    properties: dict[str, Any] = body["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    return properties


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/Calls", calls.CREATE),
        ("/Calls/{Sid}", calls.UPDATE),
        ("/Conferences/{Sid}", conferences.UPDATE),
        ("/Conferences/{ConferenceSid}/Participants", participants.CREATE),
        ("/Conferences/{ConferenceSid}/Participants/{CallSid}", participants.UPDATE),
    ],
)
def test_the_parameters_are_those_of_the_specification(path: str, names: str) -> None:
    assert set(names.split()) == set(_operation(path))
    assert len(names.split()) == len(set(names.split()))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("conference_status_callback_event", ROOM_EVENTS),
        ("region", REGIONS),
        ("jitter_buffer_size", JITTER_BUFFERS),
    ],
)
def test_the_words_are_those_of_twilios_client(name: str, words: Any) -> None:
    described = re.search(rf":param {name}: .*?Can be:\s*(.*?)\. ?", f"{ParticipantList.create.__doc__} ")
    assert described is not None
    assert set(re.findall(r"`([\w-]+)`", described[1])) == set(words)
