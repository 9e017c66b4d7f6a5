"""AWS's encoding, against AWS's own codec; and what Transcribe's JSON means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from amazon_transcribe.eventstream import EventStreamBuffer, EventStreamMessageSerializer
from hypothesis import given
from hypothesis import strategies as st

from media.eventstream import (
    Result,
    TranscribeError,
    audio_event,
    failure,
    read_event,
    read_exception,
    read_results,
)

HEADERS = {":message-type": "event", ":event-type": "TranscriptEvent", ":content-type": "application/json"}
PARTIAL = {
    "Transcript": {
        "Results": [
            {
                "ResultId": "r1",
                "StartTime": 1.25,
                "EndTime": 2.5,
                "IsPartial": True,
                "ChannelId": "ch_1",
                "Alternatives": [
                    {
                        "Transcript": "Good morning, you",
                        "Items": [
                            {"Content": "Good", "Type": "pronunciation", "Stable": True},
                            {"Content": "morning", "Type": "pronunciation", "Stable": True},
                            {"Content": ",", "Type": "punctuation", "Stable": True},
                            {"Content": "you", "Type": "pronunciation", "Stable": False},
                        ],
                    }
                ],
            }
        ]
    }
}


def encoded(headers: dict[str, Any], payload: bytes) -> bytes:
    event: bytes = EventStreamMessageSerializer().serialize(headers, payload)
    return event


@given(st.binary(max_size=4000))
def test_an_audio_event_is_what_awss_codec_reads(pcm: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(audio_event(pcm))
    event = next(buffer)
    assert event.payload == pcm
    assert event.headers[":event-type"] == "AudioEvent"
    assert event.headers[":message-type"] == "event"
    assert event.headers[":content-type"] == "application/octet-stream"


def test_an_answer_is_read() -> None:
    headers, payload = read_event(encoded(HEADERS, json.dumps(PARTIAL).encode()))
    assert headers == HEADERS
    assert read_results(payload) == [Result("r1", 1, 1250, 2500, "Good morning, you", final=False, stable_words=2)]


@given(st.data())
def test_a_damaged_answer_is_an_error_of_ours(data: st.DataObject) -> None:
    event = bytearray(encoded(HEADERS, json.dumps(PARTIAL).encode()))
    position = data.draw(st.integers(0, len(event) - 1))
    event[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TranscribeError):
        read_event(bytes(event))
    with pytest.raises(TranscribeError):
        read_event(bytes(event[:position]))


@given(st.binary(max_size=200))
def test_any_payload_is_results_or_an_error_of_ours(payload: bytes) -> None:
    try:
        results = read_results(payload)
    except TranscribeError:
        return
    assert all(isinstance(result, Result) for result in results)


@pytest.mark.parametrize(
    ("kind", "text", "told", "permanent"),
    [
        ("LimitExceededException", "too many", "LimitExceededException", False),
        ("BadRequestException", "bad language", "BadRequestException", True),
        (
            "BadRequestException",
            "Your request timed out because no new audio was received for 15 seconds.",
            "AudioTimeout",
            False,
        ),
        ("InternalFailureException", "oops", "InternalFailureException", False),
        ("ServiceUnavailableException", "later", "ServiceUnavailableException", False),
        ("ConflictException", "again", "ConflictException", False),
        ("UnrecognizedClientException", "who", "UnrecognizedClientException", True),
    ],
)
def test_exceptions_are_told_apart(kind: str, text: str, told: str, permanent: bool) -> None:
    error = read_exception(
        {":message-type": "exception", ":exception-type": kind}, json.dumps({"Message": text}).encode()
    )
    assert (error.kind, error.permanent) == (told, permanent)
    assert failure(kind, text).kind == told


def test_an_exception_without_a_readable_body_is_still_named() -> None:
    assert read_exception({":exception-type": "ConflictException"}, b"\xff").kind == "ConflictException"
