"""Frames, sounds and faults: the pure parts of a Media Stream."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, strategies as st
from twilio.request_validator import RequestValidator

from media.speech.frames import Media, Start, Stop, parse
from sandbox.audio import voice as audio_voice
from sandbox.audio.voice import SILENCE, Voice
from sandbox.twilio.faults import NONE, Faults, Mangler
from sandbox.twilio.phone.media_stream import CONNECTED, FrameWriter, StreamFacts, signature

FACTS = StreamFacts(
    "wss://media.example.au/twilio/stream", "AC1", "CA1", "MZ1", ("inbound", "outbound"), {"ticket": 'a"<ü'}
)


def test_texts_are_those_that_twilio_documents() -> None:
    writer = FrameWriter(FACTS)
    assert json.loads(CONNECTED) == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert json.loads(writer.start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"ticket": 'a"<ü'},
        },
        "streamSid": "MZ1",
    }  # fmt: skip
    assert json.loads(writer.media("outbound", 20, SILENCE)) == {
        "event": "media",
        "sequenceNumber": "2",
        "media": {"track": "outbound", "chunk": "1", "timestamp": "20", "payload": SILENCE},
        "streamSid": "MZ1",
    }
    assert json.loads(writer.stop()) == {
        "event": "stop",
        "sequenceNumber": "3",
        "stop": {"accountSid": "AC1", "callSid": "CA1"},
        "streamSid": "MZ1",
    }


def test_the_products_parser_reads_them() -> None:
    writer = FrameWriter(FACTS)
    texts = [writer.start(), writer.media("inbound", 40, SILENCE), writer.stop()]
    start, media, stop = (parse(text) for text in texts)
    assert isinstance(start, Start)
    assert isinstance(media, Media)
    assert isinstance(stop, Stop)
    assert (media.media.timestamp, media.media.payload) == (40, b"\xff" * 160)
    assert start.start.custom_parameters == {"ticket": 'a"<ü'}


def test_the_signature_is_over_the_url_as_written() -> None:
    validator = RequestValidator("token")
    assert validator.validate(FACTS.url, {}, signature("token", FACTS.url))
    assert not validator.validate(FACTS.url.replace("wss", "https"), {}, signature("token", FACTS.url))


@given(st.binary(max_size=1000))
def test_frames_hold_the_whole_sound(ulaw: bytes) -> None:
    joined = b"".join(base64.b64decode(frame) for frame in audio_voice.frames(ulaw))
    assert joined[: len(ulaw)] == ulaw
    assert set(joined[len(ulaw) :]) <= {0xFF}
    assert len(joined) % 160 == 0


def test_a_voice_is_silent_before_it_begins_and_after_it_ends() -> None:
    voice = Voice(("a", "b"))
    assert (voice.frame(0), voice.ends) == (SILENCE, None)
    voice.begin(10)
    voice.begin(20)  # once begun, it goes on
    assert [voice.frame(tick) for tick in (9, 10, 11, 12)] == [SILENCE, "a", "b", SILENCE]
    assert voice.ends == 12
    voice.muted = True
    assert voice.frame(10) == SILENCE


def test_ringing_and_prompts_repeat_without_end() -> None:
    for tone in (audio_voice.ringing(), audio_voice.prompt()):
        voice = Voice(tone, repeats=True)
        voice.begin(0)
        assert voice.ends is None
        assert voice.frame(0) == voice.frame(len(tone)) != SILENCE
    assert len(audio_voice.ringing()) == 150


_streams = st.lists(st.lists(st.text("xyz", min_size=1, max_size=3), max_size=3), max_size=40)
_rates = st.floats(0, 1)


def _through(faults: Faults, stream: list[list[str]]) -> list[str]:
    mangler = Mangler(faults)
    return [text for tick, frames in enumerate(stream) for text in mangler.pass_on(frames, tick)] + mangler.flush()


@given(_streams)
def test_without_faults_nothing_changes(stream: list[list[str]]) -> None:
    assert _through(NONE, stream) == [frame for frames in stream for frame in frames]


@given(_streams, _rates, _rates, st.integers(0, 9))
def test_delayed_and_reordered_frames_all_arrive(
    stream: list[list[str]], delay: float, reorder: float, seed: int
) -> None:
    faults = Faults(delay=delay, reorder=reorder, seed=seed, stall_at=0.1, stall_for=0.2)
    assert sorted(_through(faults, stream)) == sorted(frame for frames in stream for frame in frames)


@given(_streams, _rates, st.integers(0, 9))
def test_the_same_seed_makes_the_same_faults(stream: list[list[str]], rate: float, seed: int) -> None:
    faults = Faults(lose=rate, duplicate=rate, delay=rate, reorder=rate, seed=seed)
    assert _through(faults, stream) == _through(faults, stream)


def test_each_fault_does_what_it_says() -> None:
    stream = [[str(n)] for n in range(10)]
    assert _through(Faults(lose=1), stream) == []
    assert _through(Faults(duplicate=1), [["a"], ["b"]]) == ["a", "a", "b", "b"]
    assert _through(Faults(reorder=1), [["a"], ["b"], ["c"], ["d"]]) == ["b", "a", "d", "c"]
    late = Mangler(Faults(delay=1, delay_by=0.04))
    assert [late.pass_on([str(n)], n) for n in range(4)] == [[], [], ["0"], ["1"]]
    stalled = Mangler(Faults(stall_at=0.02, stall_for=0.04))
    assert [stalled.pass_on([str(n)], n) for n in range(4)] == [["0"], [], [], ["1", "2", "3"]]


@pytest.mark.parametrize("at", [0.0, 1.0, 5.0])
def test_a_track_may_be_late_or_missing(at: float) -> None:
    late = Faults(late_track="outbound", late_by=1)
    assert late.silent("outbound", at) == (at < 1)
    assert not late.silent("inbound", at)
    assert Faults(omit_track="inbound").silent("inbound", at)
