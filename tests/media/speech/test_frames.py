"""Twilio's messages: a value or `FrameError`, nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from media.speech.frames import MAX_FRAME_BYTES, FrameError, Ignored, Media, Start, Stop, parse

# As Twilio's documentation prints them.
CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
START = json.dumps(
    {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": "ACXX",
            "streamSid": "MZ18",
            "callSid": "CA77",
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"FirstName": "Jane"},
        },
        "streamSid": "MZ18",
    }
)
MEDIA = (
    '{"event":"media","sequenceNumber":"3","media":{"track":"outbound","chunk":"1","timestamp":"5",'
    '"payload":"//8A"},"streamSid":"MZ18"}'
)
STOP = '{"event":"stop","sequenceNumber":"5","stop":{"accountSid":"ACXX","callSid":"CA77"},"streamSid":"MZ18"}'
DTMF = '{"event":"dtmf","streamSid":"MZ18","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}'


def test_media() -> None:
    frame = parse(MEDIA)
    assert isinstance(frame, Media)
    assert (frame.media.track, frame.media.timestamp, frame.media.payload) == ("outbound", 5, b"\xff\xff\x00")
    assert (frame.sequence_number, frame.stream_sid) == (3, "MZ18")


def test_start() -> None:
    frame = parse(START.encode())
    assert isinstance(frame, Start)
    assert frame.start.call_sid == "CA77"
    assert frame.start.custom_parameters == {"FirstName": "Jane"}


def test_stop_and_the_ignored() -> None:
    assert parse(memoryview(STOP.encode())) == Stop("MZ18", 5)
    assert parse(CONNECTED) == Ignored("connected")
    assert parse(DTMF) == Ignored("dtmf")
    assert parse('{"event":"something new","x":[1,2]}') == Ignored("something new")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "not_json"),
        ("nonsense", "not_json"),
        ("[" * 10_000, "no_event"),
        ("[]", "no_event"),
        ("null", "no_event"),
        ('{"event":5}', "no_event"),
        ('{"event":"media"}', "bad_media"),
        (MEDIA.replace("outbound", "sideways"), "bad_media"),
        (MEDIA.replace('"5"', '"-5"'), "bad_media"),
        (MEDIA.replace('"5"', '"1e99"'), "bad_media"),
        (MEDIA.replace("//8A", "not base64"), "bad_media"),
        (START.replace("audio/x-mulaw", "audio/opus"), "bad_start"),
        (START.replace('"callSid": "CA77"', '"callSid": 7'), "bad_start"),
        (START.replace('"Jane"', '{"a":1}'), "bad_start"),
        ('{"event":"stop"}', "bad_stop"),
        ("x" * (MAX_FRAME_BYTES + 1), "too_large"),
    ],
)
def test_the_broken_are_told_apart(text: str, kind: str) -> None:
    with pytest.raises(FrameError) as error:
        parse(text)
    assert error.value.kind == kind


@given(st.sampled_from([CONNECTED, START, MEDIA, STOP, DTMF]), st.data())
def test_truncated_and_garbled_twins(text: str, data: st.DataObject) -> None:
    """A real beginning and anything after it: a frame or `FrameError`."""
    cut = data.draw(st.integers(0, len(text)))
    for twin in (text[:cut].encode() + data.draw(st.binary(max_size=40)), text[:cut]):
        try:
            frame = parse(twin)
        except FrameError:
            continue
        else:
            assert isinstance(frame, Start | Media | Stop | Ignored)
