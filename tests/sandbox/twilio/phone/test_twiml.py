"""TwiML read as Twilio reads it."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st
from twilio.twiml import voice_response

from sandbox.twilio.phone import twiml
from sandbox.twilio.phone.verbs import (
    Dial,
    Hangup,
    Noun,
    Pause,
    Redirect,
    Reject,
    Say,
    StartStream,
    StopStream,
)
from web.calls.streams.start import StreamStart
from web.calls.twiml import Callbacks, Transcribed, call_out, ring_agents


def verbs(inside: str) -> tuple[object, ...]:
    document = twiml.parse(f"<Response>{inside}</Response>")
    assert document.warnings == ()
    return document.verbs


def warned(inside: str) -> list[tuple[int, str]]:
    return [(warning.code, warning.text) for warning in twiml.parse(f"<Response>{inside}</Response>").warnings]


def test_every_verb_is_read() -> None:
    assert verbs("<Say language='en-AU'>Good\n  day</Say>") == (Say("Good day"),)
    assert verbs("<Pause/><Pause length='3'/>") == (Pause(1), Pause(3))
    assert verbs("<Hangup/><Reject/><Reject reason='busy'/>") == (Hangup(), Reject(), Reject("busy"))
    assert verbs("<Redirect method='GET'> /next </Redirect>") == (Redirect("/next", "GET"),)
    assert verbs("<Stop><Stream name='bilby'/></Stop>") == (StopStream("bilby"),)


def test_a_stream_is_read_with_its_parameters_in_order() -> None:
    inside = (
        "<Start><Stream name='n' url='wss://m/s' track='both_tracks' statusCallback='https://w/s'>"
        "<Parameter name='b' value='2'/><Parameter name='a' value='1'/></Stream></Start>"
    )
    assert verbs(inside) == (
        StartStream("wss://m/s", "n", ("inbound", "outbound"), (("b", "2"), ("a", "1")), "https://w/s"),
    )
    assert verbs("<Start><Stream url='wss://m/s'/></Start>") == (StartStream("wss://m/s"),)


def test_a_dial_is_read_with_its_nouns() -> None:
    inside = (
        "<Dial action='/done' answerOnBridge='true' callerId='+61255501234' timeout='20' timeLimit='60'>"
        "<Client statusCallback='/leg' statusCallbackEvent='answered completed'><Identity>bob</Identity>"
        "<Parameter name='call' value='CA1'/></Client><Number url='/whisper'>+61491570156</Number>"
        "<Client>dana</Client></Dial>"
    )
    bob = Noun(
        "client:bob",
        parameters=(("call", "CA1"),),
        status_callback="/leg",
        status_callback_events=frozenset({"answered", "completed"}),
    )
    nouns = (bob, Noun("+61491570156", url="/whisper"), Noun("client:dana"))
    assert verbs(inside) == (Dial(nouns, "/done", "POST", True, "+61255501234", 20, 60),)
    assert verbs("<Dial>+61491570156</Dial>") == (Dial((Noun("+61491570156"),)),)


def test_what_twilios_library_writes_is_understood() -> None:
    response = voice_response.VoiceResponse()
    response.say("Hello", language="en-AU")
    dial = voice_response.Dial(action="/done", answer_on_bridge=True, timeout=20)
    dial.client("bob", status_callback_event="initiated ringing answered completed", status_callback="/leg")
    response.append(dial)
    document = twiml.parse(str(response))
    assert (len(document.verbs), document.warnings) == (2, ())


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("Conference", voice_response.Dial.conference),
        ("Gather", voice_response.VoiceResponse.gather),
        ("Play", voice_response.VoiceResponse.play),
    ],
)
def test_the_attributes_are_those_that_twilios_library_writes(tag: str, written: Callable[..., object]) -> None:
    content = {"self", "name", "url", "kwargs"}
    names = [name for name in inspect.signature(written).parameters if name not in content]
    camel = {re.sub("_([a-z])", lambda found: found[1].upper(), name) for name in names}
    assert set(twiml.ATTRIBUTES[tag].split()) == camel


def test_what_the_product_writes_is_understood_without_a_warning() -> None:
    callbacks, stream = (
        Callbacks("https://w"),
        Transcribed(StreamStart("wss://m/twilio/stream", "t" * 300, "https://w"), "You may be transcribed."),
    )
    inbound = ring_agents(["bob", "dana"], call="CA1", caller="+61491570156", stream=stream, callbacks=callbacks)
    outbound = call_out("+61491570156", caller_id="+61255501234", stream=stream, callbacks=callbacks)
    for text, count in ((inbound, 3), (outbound, 2)):
        document = twiml.parse(text)
        assert (len(document.verbs), document.warnings) == (count, ())


@pytest.mark.parametrize(
    ("inside", "code", "text"),
    [
        ("<Sing/>", 12200, "element 'Sing'"),
        ("<Stream url='wss://m'/>", 12200, "element 'Stream'"),
        ("<Say>Hello</Say><Say/>", 13520, "Invalid text"),
        ("<Start/>", 12200, "not one 'Stream'"),
        ("<Start><Stream url='wss://m' track='all'/></Start>", 31941, "all"),
        ("<Start><Stream url='wss://m' colour='red'/></Start>", 12200, "'colour'"),
        ("<Dial/>", 12200, "0 nouns"),
        ("<Dial><Client/></Dial>", 12200, "not complete"),
        ("<Dial><Queue>wait</Queue></Dial>", 12200, "'Queue'"),
        ("<Dial><Conference/></Dial>", 12200, "not complete"),
        ("<Dial><Conference>room</Conference><Client>bob</Client></Dial>", 13000, "cannot be mixed"),
        ("<Dial><Conference>one</Conference><Conference>two</Conference></Dial>", 13000, "cannot be mixed"),
        ("<Dial><Conference musik='x'>room</Conference></Dial>", 12200, "'musik'"),
        ("<Dial><Conference muted='yes'>room</Conference></Dial>", 13230, "'yes'"),
        ("<Dial><Conference endConferenceOnExit='1'>room</Conference></Dial>", 13231, "'1'"),
        ("<Dial><Conference startConferenceOnEnter='no'>room</Conference></Dial>", 13232, "'no'"),
        ("<Dial><Conference waitMethod='PUT'>room</Conference></Dial>", 13234, "'PUT'"),
        ("<Dial><Conference beep='loud'>room</Conference></Dial>", 13235, "'loud'"),
        ("<Dial><Conference region='au2'>room</Conference></Dial>", 12200, "'au2'"),
        ("<Dial><Conference jitterBufferSize='tiny'>room</Conference></Dial>", 12200, "'tiny'"),
        ("<Dial><Conference maxParticipants='251'>room</Conference></Dial>", 12200, "'251'"),
        ("<Dial><Conference statusCallbackEvent='start rung'>room</Conference></Dial>", 12200, "'rung'"),
        ("<Dial><Conference participantLabel='a/b'>room</Conference></Dial>", 16023, "label"),
        ("<Play/>", 12200, "not complete"),
        ("<Play digits='x'/>", 12200, "'x'"),
        ("<Gather input='speech'/>", 12200, "keys"),
        ("<Gather numDigits='0'/>", 12200, "'0'"),
        ("<Gather finishOnKey='##'/>", 13310, "'##'"),
        ("<Gather><Dial>+61491570156</Dial></Gather>", 12200, "'Dial'"),
        ("<Dial timeout='soon'>+61491570156</Dial>", 12200, "'soon'"),
        ("<Dial answerOnBridge='yes'>+61491570156</Dial>", 12200, "'yes'"),
        ("<Dial><Client statusCallbackEvent='rung'>bob</Client></Dial>", 12200, "'rung'"),
        ("<Pause length='-1'/>", 12200, "'-1'"),
        ("<Pause length='²'/>", 12200, "'²'"),
        ("<Redirect method='PUT'>/x</Redirect>", 12200, "'PUT'"),
    ],
)
def test_what_the_schema_does_not_know_is_a_warning(inside: str, code: int, text: str) -> None:
    first = warned(inside)[0]
    assert first[0] == code
    assert text in first[1]


def test_eleven_nouns_are_one_too_many() -> None:
    document = twiml.parse(f"<Response><Dial>{'<Client>bob</Client>' * 11}</Dial></Response>")
    (dial,) = document.verbs
    assert isinstance(dial, Dial)
    assert (len(dial.nouns), len(document.warnings)) == (10, 1)


def test_a_parameter_of_500_characters_is_left_out() -> None:
    for length, kept in ((494, 1), (495, 0)):
        inside = f"<Start><Stream url='wss://m'><Parameter name='names' value='{'x' * length}'/></Stream></Start>"
        (stream,) = twiml.parse(f"<Response>{inside}</Response>").verbs
        assert isinstance(stream, StartStream)
        assert len(stream.parameters) == kept


@pytest.mark.parametrize("text", ["", "<Response>", "<response/>", "hello", "<?xml version='1.0'?>", "\0"])
def test_what_is_no_document_is_an_error(text: str) -> None:
    with pytest.raises(twiml.TwimlError, match="Document parse failure"):
        twiml.parse(text)


_names = st.sampled_from(
    ["Say", "Dial", "Client", "Number", "Start", "Stream", "Stop", "Parameter", "Pause", "Identity"]
)
_attributes = st.dictionaries(
    st.sampled_from(["url", "name", "value", "timeout", "length", "track"]), st.text("a1 ²-", max_size=5), max_size=3
)


def _element(name: str, attributes: dict[str, str], inside: str) -> str:
    written = " ".join(f"{key}='{value}'" for key, value in attributes.items())
    return f"<{name} {written}>{inside}</{name}>"


_trees = st.recursive(
    st.text("ab +", max_size=4),
    lambda inside: st.builds(_element, _names, _attributes, st.lists(inside, max_size=3).map("".join)),
    max_leaves=12,
)


@given(_trees | st.text())
def test_any_text_is_a_document_or_the_one_error(inside: str) -> None:
    with contextlib.suppress(twiml.TwimlError):
        assert isinstance(twiml.parse(f"<Response>{inside}</Response>"), twiml.Document)
