"""Our TwiML: the order of verbs, the attributes that matter, and escaping of any text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from sandbox.twilio.phone import twiml as sandbox_twiml
from web.calls import twiml
from web.calls.streams.start import StreamStart

CALLBACKS = twiml.Callbacks("https://app.example.au")
START = StreamStart("wss://media.example.au/twilio/stream", "ticket", "https://app.example.au")
CONSENT = "This call is transcribed."
STREAM = twiml.Transcribed(START, CONSENT)
CALL = "CA" + "1" * 32


def verbs(text: str) -> list[ET.Element]:
    root = ET.fromstring(text)
    assert root.tag == "Response"
    return list(root)


def ring(agents: list[str], stream: twiml.Transcribed | None = STREAM, caller: str = "+61412345678") -> str:
    return twiml.ring_agents(agents, call=CALL, caller=caller, stream=stream, callbacks=CALLBACKS)


def test_consent_comes_before_the_stream_and_the_stream_before_the_agents() -> None:
    say, start, dial = verbs(ring(["alice"]))
    assert (say.tag, say.get("language"), say.text) == ("Say", "en-AU", CONSENT)
    stream = start.find("Stream")
    assert stream is not None
    assert stream.attrib == {
        "name": "bilby",
        "url": "wss://media.example.au/twilio/stream",
        "track": "both_tracks",
        "statusCallback": "https://app.example.au/twilio/stream/status#e=sydney&rc=3&rp=5xx,ct,rt",
    }
    assert [parameter.attrib for parameter in stream] == [{"name": "ticket", "value": "ticket"}]
    assert dial.attrib == {
        "answerOnBridge": "true",
        "timeout": "30",
        "action": "https://app.example.au/twilio/voice/dialled#e=sydney&rc=2&rp=5xx,ct",
    }


def test_agents_ring_together_and_see_who_calls_and_which_call_it_is() -> None:
    dial = verbs(ring(["alice", "bob"]))[-1]
    assert [client.findtext("Identity") for client in dial] == ["alice", "bob"]
    client = dial[0]
    assert client.get("statusCallbackEvent") == "answered completed"
    assert client.get("statusCallback") == "https://app.example.au/twilio/voice/answered#e=sydney&rc=3&rp=5xx,ct,rt"
    assert {p.get("name"): p.get("value") for p in client.findall("Parameter")} == {
        "call": CALL,
        "caller": "+61412345678",
    }


def test_without_a_stream_people_are_still_connected_and_nobody_is_asked_for_consent() -> None:
    assert [verb.tag for verb in verbs(ring(["alice"], stream=None))] == ["Dial"]


def test_no_more_agents_ring_than_twilio_allows() -> None:
    assert len(verbs(ring([f"agent-{n}" for n in range(30)]))[-1]) == 10


def test_calling_out_shows_the_organisations_number_and_whispers_the_prompt_to_the_one_called() -> None:
    start, dial = verbs(twiml.call_out("+61293744000", caller_id="+61255550101", stream=STREAM, callbacks=CALLBACKS))
    assert start.tag == "Start"
    assert (dial.get("callerId"), dial.get("answerOnBridge")) == ("+61255550101", "true")
    (number,) = dial
    assert number.text == "+61293744000"
    assert number.get("url") == "https://app.example.au/twilio/voice/whisper#e=sydney&rc=2&rp=5xx,ct"


def test_calling_out_without_a_stream_whispers_nothing() -> None:
    (dial,) = verbs(twiml.call_out("+61293744000", caller_id="+61255550101", stream=None, callbacks=CALLBACKS))
    assert dial[0].get("url") is None


def test_nothing_is_ever_recorded() -> None:
    assert "record" not in ring(["alice"]).lower()


def test_overrides_are_for_the_internet_alone() -> None:
    assert twiml.Callbacks("http://127.0.0.1:8080").at("/x") == "http://127.0.0.1:8080/x"
    assert twiml.Callbacks("http://127.0.0.1:8080").reported("/x") == "http://127.0.0.1:8080/x"


def test_sentences() -> None:
    assert [verb.tag for verb in verbs(twiml.say("Hello."))] == ["Say"]
    assert [verb.tag for verb in verbs(twiml.say_goodbye("Goodbye."))] == ["Say", "Hangup"]
    assert [verb.tag for verb in verbs(twiml.hang_up())] == ["Hangup"]


@pytest.mark.parametrize(
    "text",
    [
        ring(["alice", "bob"]),
        ring(["alice"], stream=None),
        twiml.call_out("+61293744000", caller_id="+61255550101", stream=STREAM, callbacks=CALLBACKS),
        twiml.call_out("+61293744000", caller_id="+61255550101", stream=None, callbacks=CALLBACKS),
        twiml.say("Hello."),
        twiml.say_goodbye("Goodbye."),
        twiml.hang_up(),
    ],
)
def test_twilio_finds_nothing_to_warn_about(text: str) -> None:
    assert sandbox_twiml.parse(text).warnings == ()


@given(st.text(st.characters(), max_size=50), st.text(st.characters(), max_size=50))
def test_any_prompt_and_any_caller_make_good_xml(prompt: str, caller: str) -> None:
    stream = twiml.Transcribed(START, prompt + "<&\x00\ud800")
    text = ring(["alice"], stream, caller)
    say = verbs(text)[0]
    assert (say.text or "").endswith("<&")
    text.encode()


def test_a_prompt_is_cut_at_twilios_limit() -> None:
    say = verbs(twiml.say("é" * 5000))[0]
    assert len(say.text or "") == 4096
