"""What the emulated Transcribe says, read by amazon-transcribe's own parser where it matters."""

from __future__ import annotations

from typing import Any

import msgspec

from sandbox.recognition.recogniser import Result, Word
from sandbox.transcribe import answer as transcribe_answer, eventstream
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.request import Stability
from tests.sandbox.transcribe.test_eventstream import CAPTURED

WORDS = (Word("Hello,", 0.5, 0.9), Word("it's", 1.0, 1.2, 0.8), Word("me.", 1.3, 1.5))


def described(final: bool, heard: float = 2.0, stability: Stability | None = None, stable: int = 3) -> dict[str, Any]:
    result = Result(0, WORDS, final=final, stable=stable)
    return transcribe_answer.describe(result, result_id="r", channel=1, heard=heard, stability=stability)


def items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer["Alternatives"][0]["Items"]
    return found


def test_an_exception_is_the_very_bytes_of_the_service() -> None:
    assert (
        transcribe_answer.exception(AwsError("BadRequestException", "Unexpected WebSocket frame received."))
        == CAPTURED
    )


def test_a_final_in_full() -> None:
    assert described(final=True) | {"Alternatives": []} == {
        "Alternatives": [],
        "ChannelId": "ch_1",
        "EndTime": 1.5,
        "IsPartial": False,
        "ResultId": "r",
        "StartTime": 0.5,
    }
    assert described(final=True)["Alternatives"][0]["Transcript"] == "Hello, it's me."


def test_a_mark_of_punctuation_is_an_item_of_its_own() -> None:
    assert [
        (item["Content"], item["Type"], item["StartTime"], item["EndTime"]) for item in items(described(True))
    ] == [
        ("Hello", "pronunciation", 0.5, 0.9),
        (",", "punctuation", 0.9, 0.9),
        ("it's", "pronunciation", 1.0, 1.2),
        ("me", "pronunciation", 1.3, 1.5),
        (".", "punctuation", 1.5, 1.5),
    ]


def test_only_spoken_items_of_finals_have_a_confidence() -> None:
    assert [item.get("Confidence") for item in items(described(True))] == [1.0, None, 0.8, 1.0, None]
    assert not any("Confidence" in item for item in items(described(False)))


def test_stability_is_told_only_to_those_who_ask() -> None:
    assert not any("Stable" in item for item in items(described(False)))


def stable(**conditions: Any) -> list[bool]:
    return [item["Stable"] for item in items(described(**conditions)) if item["Type"] == "pronunciation"]


def test_older_words_are_stable_sooner_at_higher_levels() -> None:
    assert stable(final=False, stability="high") == [True, True, True]
    assert stable(final=False, stability="medium") == [True, False, False]
    assert stable(final=False, stability="low") == [False, False, False]
    assert stable(final=True, stability="low") == [True, True, True]


def test_a_word_that_the_recogniser_does_not_stand_by_is_not_stable() -> None:
    assert stable(final=False, stability="high", heard=99.0, stable=1) == [True, False, False]


def test_a_transcript_event_may_be_empty() -> None:
    event = eventstream.decode(transcribe_answer.transcript())
    assert event.headers[":event-type"] == "TranscriptEvent"
    assert msgspec.json.decode(event.payload) == {"Transcript": {"Results": []}}
