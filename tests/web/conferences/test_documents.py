"""What leads each leg into a room, as Twilio reads it."""

from __future__ import annotations

from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from web.calls.streams.start import StreamStart
from web.calls.twiml import Callbacks, Transcribed
from web.conferences import documents
from web.conferences.documents import RoomUrls
from web.conferences.machine.room import CUSTOMER, agent_label

CALL, MEMBER = UUID(int=7), UUID(int=8)
URLS = RoomUrls(CALL, Callbacks("https://app.example.au"))
STREAM = Transcribed(StreamStart("wss://media.example.au/twilio/stream", "ticket", "https://app.example.au"), "Hear!")
FORBIDDEN_IN_A_ROOM = {"Dial", "Gather", "Hangup", "Start", "Stop", "Record", "Reject"}


def _verbs(text: str) -> list[ET.Element]:
    return list(ET.fromstring(text))


def _conference(text: str) -> ET.Element:
    noun = ET.fromstring(text).find("Dial/Conference")
    assert noun is not None
    return noun


@pytest.mark.parametrize(
    ("text", "label", "starts", "ends"),
    [
        (documents.customer(URLS), CUSTOMER, "false", "true"),
        (documents.agent(URLS, agent_label(MEMBER), waits=None), agent_label(MEMBER), "true", "false"),
        (documents.outside(URLS, "outside-1", prompt=None), "outside-1", "true", "false"),
    ],
)
def test_everybody_comes_into_the_same_room(text: str, label: str, starts: str, ends: str) -> None:
    noun = _conference(text)
    assert noun.text == CALL.hex
    given = noun.attrib
    assert (given["participantLabel"], given["startConferenceOnEnter"], given["endConferenceOnExit"]) == (
        label,
        starts,
        ends,
    )
    assert (given["beep"], given["region"], given["jitterBufferSize"]) == ("false", "au1", "small")
    assert set(given["statusCallbackEvent"].split()) == {"start", "end", "join", "leave", "mute", "hold", "modify"}
    assert "record" not in given


def test_the_customer_hears_the_prompt_before_the_stream_and_the_stream_before_the_room() -> None:
    assert [verb.tag for verb in _verbs(documents.customer(URLS, stream=STREAM))] == ["Say", "Start", "Dial"]
    assert [verb.tag for verb in _verbs(documents.customer(URLS))] == ["Dial"]
    asked = _verbs(documents.customer(URLS, stream=STREAM, asks_consent=True))
    assert [verb.tag for verb in asked] == ["Gather", "Start", "Dial"]
    assert [verb.tag for verb in asked[0]] == ["Say"]
    after = documents.customer(URLS, stream=STREAM, asks_consent=True, spoken=True)
    assert [verb.tag for verb in _verbs(after)] == ["Start", "Dial"]


def test_an_outside_party_hears_the_prompt_too() -> None:
    assert [verb.tag for verb in _verbs(documents.outside(URLS, "outside-1", prompt="Hear!"))] == ["Say", "Dial"]


def test_who_waits_hears_without_asking_again_and_without_what_a_room_forbids() -> None:
    [play] = _verbs(documents.waiting(URLS, "music", "https://app.example.au/static/x/waiting/music.wav"))
    assert (play.tag, play.attrib["loop"]) == ("Play", "0")
    told = _verbs(documents.waiting(URLS, "music", "https://app.example.au/m.wav", sentence="You are next."))
    assert [verb.tag for verb in told] == ["Say", "Play", "Redirect"]
    assert not FORBIDDEN_IN_A_ROOM & {verb.tag for verb in told}


def test_an_agent_alone_hears_nothing_unless_calling_out() -> None:
    assert _conference(documents.agent(URLS, "agent-x", waits=None)).attrib["waitUrl"] == ""
    assert "sound=ringing" in _conference(documents.agent(URLS, "agent-x", waits="ringing")).attrib["waitUrl"]


def test_a_test_call_is_answered_before_it_waits() -> None:
    assert [verb.tag for verb in _verbs(documents.preflight())] == ["Say", "Pause", "Hangup"]


def test_web_is_asked_and_told_through_sydney() -> None:
    noun = _conference(documents.customer(URLS))
    for url in (noun.attrib["waitUrl"], noun.attrib["statusCallback"]):
        assert "#e=sydney" in url
