"""AWS's encoding, against AWS's own codec, and the meaning of Transcribe's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from amazon_transcribe.eventstream import EventStreamBuffer, EventStreamMessageSerializer
from hypothesis import given, strategies as st

from media.speech.eventstream import (
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
    ("kind", "text", "expected", "retryable"),
    [
        ("LimitExceededException", "too many", "LimitExceededException", True),
        ("BadRequestException", "bad language", "BadRequestException", True),
        ("BadRequestException", "The requested vocabulary couldn't be found.", "BadRequestException", False),
        ("BadRequestException", "Vocabulary agents was not found", "BadRequestException", False),
        ("BadRequestException", "The requested vocabulary is not ready", "BadRequestException", True),
        (
            "InvalidSignatureException",
            "Credential should be scoped to a valid region.",
            "InvalidSignatureException",
            False,
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 1 is now earlier than 2",
            "InvalidSignatureException",
            True,
        ),
        ("InvalidSignatureException", "Signature not yet current: 2", "InvalidSignatureException", True),
        (
            "AccessDeniedException",
            "User: x is not authorized to perform: transcribe:y",
            "AccessDeniedException",
            False,
        ),
        ("AccessDeniedException", "", "AccessDeniedException", False),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "ExpiredTokenException",
            True,
        ),
        ("HTTP403", "", "HTTP403", True),
        ("Some thing/else", "", "Unknown", True),
        (
            "BadRequestException",
            "Your request timed out because no new audio was received for 15 seconds.",
            "AudioTimeout",
            True,
        ),
        ("InternalFailureException", "oops", "InternalFailureException", True),
        ("ServiceUnavailableException", "later", "ServiceUnavailableException", True),
        ("ConflictException", "again", "ConflictException", True),
        ("UnrecognizedClientException", "who", "UnrecognizedClientException", True),
    ],
)
def test_exceptions_are_distinguished(kind: str, text: str, expected: str, retryable: bool) -> None:
    error = read_exception(
        {":message-type": "exception", ":exception-type": kind}, json.dumps({"Message": text}).encode()
    )
    assert (error.kind, error.retryable) == (expected, retryable)
    assert failure(kind, text).kind == expected


def test_an_exception_without_a_readable_body_is_still_named() -> None:
    assert read_exception({":exception-type": "ConflictException"}, b"\xff").kind == "ConflictException"


def results(*members: dict[str, Any]) -> list[Result]:
    return read_results(json.dumps({"Transcript": {"Results": members}}).encode())


@pytest.mark.parametrize(
    "payload", [b"{}", b'{"Transcript":null}', b'{"Transcript":{}}', b'{"Transcript":{"Results":null}}',
                b'{"Transcript":{"Results":[]}}', b'{"Transcript":{"Results":[null]}}']
)  # fmt: skip
def test_an_event_may_hold_nothing(payload: bytes) -> None:
    assert read_results(payload) == []


WHOLE: dict[str, Any] = {
    "ResultId": "r1", "StartTime": 1.0, "EndTime": 2.0, "IsPartial": True, "ChannelId": "ch_1",
    "LanguageCode": "en-AU",
    "Alternatives": [{"Transcript": "good day", "Entities": [], "Items": [
        {"Content": "good", "Type": "pronunciation", "Stable": True, "Confidence": 0.9, "StartTime": 1.0,
         "EndTime": 1.5, "Speaker": "0", "VocabularyFilterMatch": False},
        {"Content": "day", "Type": "pronunciation", "Stable": False, "StartTime": 1.5, "EndTime": 2.0}]}],
}  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where members stand in ``value``."""
    if isinstance(value, list):
        return [found for index, each in enumerate(value) for found in _paths(each, (*path, index))]
    if isinstance(value, dict):
        return [found for name, each in value.items() for found in ((*path, name), *_paths(each, (*path, name)))]
    return []


def _without(path: tuple[Any, ...], *, null: bool) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(WHOLE))
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    if null:
        place[path[-1]] = None
    else:
        del place[path[-1]]
    return copy


@pytest.mark.parametrize("null", [True, False], ids=["null", "absent"])
@pytest.mark.parametrize("path", _paths(WHOLE), ids=lambda path: ".".join(map(str, path)))
def test_no_member_is_required(path: tuple[Any, ...], null: bool) -> None:
    """As in AWS's service model: no member of Result, Alternative or Item is."""
    (read,) = results(_without(path, null=null))
    whole = results(WHOLE)[0]
    if path == ("Alternatives",):
        assert read.text == ""
    elif path != ("Alternatives", 0, "Items", 0, "Content"):
        assert read.text == whole.text
    if path != ("IsPartial",):
        assert not read.final


def test_times_may_come_from_the_items_or_be_unknown() -> None:
    (read,) = results(_without(("StartTime",), null=True))
    assert (read.start_ms, read.end_ms) == (1000, 2000)
    (read,) = results({"ResultId": "r", "Alternatives": [{"Transcript": "hello"}]})
    assert (read.start_ms, read.end_ms, read.final) == (None, None, True)
    (read,) = results({"StartTime": -1e300, "EndTime": 1e300})
    assert (read.start_ms, read.end_ms, read.id) == (None, None, "")


def test_without_a_transcript_the_items_are_the_text() -> None:
    items = [{"Content": "Good"}, {"Content": "morning"}, {"Content": ",", "Type": "punctuation"}, {"Content": "you"}]
    (read,) = results({"IsPartial": False, "Alternatives": [{"Items": items}]})
    assert (read.text, read.stable_words) == ("Good morning, you", 3)


def test_what_ends_comes_before_what_begins_in_the_same_event() -> None:
    begins, ends = {"ResultId": "b", "IsPartial": True}, {"ResultId": "a", "IsPartial": False}
    assert [read.id for read in results(begins, ends)] == ["a", "b"]
