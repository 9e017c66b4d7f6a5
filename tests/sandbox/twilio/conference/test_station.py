"""What is heard instead of the room: documents and files for those who wait or are held."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from sandbox.twilio.conference.participant import Music
from tests.kit.vendors.twilio_customer import codes
from tests.kit.vendors.twilio_room import Meeting, meeting, sound_file


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Meeting]:
    async with meeting() as opened:
        opened.customer.says("/tone.wav", lambda _: sound_file(1))
        yield opened


async def wait(place: Meeting, document: str, **attributes: str) -> None:
    """Let the customer wait with a document."""
    place.customer.says("/queue/wait", document)
    given = {"waitUrl": f"{place.customer.url}/queue/wait", "startConferenceOnEnter": "false"} | attributes
    await place.join("customer", **given)
    await place.customer.until_asked("/queue/wait")


async def test_a_document_is_asked_for_about_the_one_who_waits(place: Meeting) -> None:
    await wait(place, "<Pause length='600'/>")
    asked = next(each for each in place.customer.asked if each.path == "/queue/wait")
    assert (asked.method, asked.form["CallSid"]) == ("POST", place.legs["customer"].sid)


async def test_a_file_plays_once(place: Meeting) -> None:
    place.customer.says("/file", lambda _: sound_file(3))
    await place.join("customer", waitUrl=f"{place.customer.url}/file", waitMethod="GET")
    await place.until(lambda: place.heard()["customer"] == {"other"})
    await place.until(lambda: place.heard()["customer"] == set())
    assert len(place.customer.of("/file")) == 1


async def test_a_document_that_leads_to_itself_goes_on_for_good(place: Meeting) -> None:
    await wait(place, "<Play>../tone.wav</Play><Redirect/>")
    await place.customer.until_asked("/queue/wait", times=3)
    await place.until(lambda: place.heard()["customer"] == {"other"})
    assert codes(place.emulator) == []


async def test_it_stops_when_the_room_is_entered(place: Meeting) -> None:
    await wait(place, "<Play>/tone.wav</Play><Redirect/>")
    await place.join("agent", waitUrl="")
    await place.speaking()
    assert place.heard()["customer"] == {"agent"}
    asked = len(place.customer.of("/queue/wait"))
    place.room.hold(place.present("customer"), Music(f"{place.customer.url}/tone.wav", "GET"))
    await place.until(lambda: place.heard()["customer"] == {"other"})
    assert len(place.customer.of("/queue/wait")) == asked


@pytest.mark.parametrize(
    "verb", ["<Gather/>", "<Dial>+61491570156</Dial>", "<Hangup/>", "<Dial><Conference>x</Conference></Dial>"]
)
async def test_only_four_verbs_are_allowed(place: Meeting, verb: str) -> None:
    await wait(place, f"<Pause/>{verb}<Play>/tone.wav</Play>")
    await place.until(lambda: codes(place.emulator))
    assert codes(place.emulator) == [13238]
    alert = place.emulator.exchange.alerts[0]
    assert (alert.call, alert.url) == (place.legs["customer"].sid, f"{place.customer.url}/queue/wait")
    assert place.participant("customer") is not None
    assert place.customer.of("/tone.wav") == []


async def test_who_cannot_be_given_anything_to_hear_while_waiting_is_not_let_in(place: Meeting) -> None:
    place.customer.says("/queue/wait", lambda _: web.Response(status=500))
    await place.join("customer", waitUrl=f"{place.customer.url}/queue/wait")
    done = await place.customer.until_asked("/done")
    assert (done["DialCallStatus"], done["ErrorCode"]) == ("failed", "11200")
    assert (await place.told("participant-leave"))["ReasonParticipantLeft"] == "participant_add_failed"


async def test_held_without_music_it_is_silent_and_stays(place: Meeting) -> None:
    await place.join("customer", waitUrl="")
    await place.join("agent", waitUrl="")
    place.customer.says("/music", lambda _: web.Response(status=500))
    place.room.hold(place.present("customer"), Music(f"{place.customer.url}/music", "GET"))
    await place.until(lambda: codes(place.emulator))
    assert (codes(place.emulator), place.heard()["customer"]) == ([11200], set())
    assert place.present("customer").held


async def test_what_is_no_sound_is_not_played(place: Meeting) -> None:
    place.customer.says("/words", lambda _: web.Response(text="la la", content_type="text/plain"))
    await wait(place, "<Play>/words</Play><Play>/broken</Play><Redirect/>")
    place.customer.says("/broken", lambda _: web.Response(body=b"RIFF", content_type="audio/wav"))
    await place.customer.until_asked("/queue/wait", times=2)
    assert set(codes(place.emulator)) <= {13420, 11205, 12300}
    assert codes(place.emulator)[0] == 13420
