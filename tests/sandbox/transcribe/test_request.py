"""What a client may ask of the emulated Transcribe."""

from __future__ import annotations

import pytest

from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.request import StreamRequest, parse
from tests.kit.media.transcribe_client import MONO, STABLE, STEREO

_ID = "3a1f9c52-0d5e-4d8b-9a39-7d1f3f6e2b11"


def refusal(query: dict[str, str]) -> str:
    with pytest.raises(AwsError) as refused:
        parse(query, {})
    assert refused.value.type == "BadRequestException"
    return str(refused.value)


def test_the_least_that_can_be_asked() -> None:
    assert parse(MONO, {}) == StreamRequest("en-AU", 8000, channels=1, stability=None, session_id=None)


def test_two_channels_that_settle() -> None:
    asked = parse(STEREO | STABLE | {"partial-results-stability": "low", "session-id": _ID}, {})
    assert asked == StreamRequest("en-AU", 8000, channels=2, stability="low", session_id=_ID)


def test_stability_is_high_unless_asked_otherwise_and_off_unless_asked_for() -> None:
    assert parse(MONO | STABLE, {}).stability == "high"
    assert parse(MONO | {"partial-results-stability": "low"}, {}).stability is None


def test_parameters_it_does_not_know_are_nothing_to_it() -> None:
    assert parse(MONO | {"X-Amz-Date": "x", "colour": "red"}, {}) == parse(MONO, {})


@pytest.mark.parametrize("rate", ["8000", "16000", "48000"])
def test_rates_that_are_taken(rate: str) -> None:
    assert parse(MONO | {"sample-rate": rate}, {}).rate == int(rate)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        # The first two are in the service's own words, as reported to awslabs/amazon-transcribe-streaming-sdk.
        (
            {"number-of-channels": "1", "enable-channel-identification": "true"},
            "1 validation error detected: Value '1' at 'numberOfChannels' failed to satisfy constraint: "
            "Member must have value greater than or equal to 2",
        ),
        (
            {"language-code": "xx-XX"},
            "1 validation error detected: Value 'xx-XX' at 'languageCode' failed to satisfy",
        ),
        ({"number-of-channels": "3", "enable-channel-identification": "true"}, "less than or equal to 2"),
        ({"sample-rate": "7999"}, "greater than or equal to 8000"),
        ({"sample-rate": "48001"}, "less than or equal to 48000"),
        ({"sample-rate": "8k"}, "must be an integer"),
        ({"media-encoding": "mulaw"}, "[flac, ogg-opus, pcm]"),
        ({"media-encoding": "flac"}, "Could not decode the audio stream"),
        ({"number-of-channels": "2"}, "must be set together"),
        ({"enable-channel-identification": "true"}, "must be set together"),
        ({"session-id": "1"}, "'sessionId'"),
        (STABLE | {"partial-results-stability": "huge"}, "[high, low, medium]"),
        ({"vocabulary-name": "ours"}, "vocabulary couldn't be found"),
        ({"content-identification-type": "PII", "content-redaction-type": "PII"}, "can't set both"),
        (STEREO | {"show-speaker-label": "true"}, "can't use ShowSpeakerLabel"),
    ],
)
def test_what_cannot_be_asked(changes: dict[str, str], says: str) -> None:
    assert says in refusal(MONO | changes)


@pytest.mark.parametrize("name", list(MONO))
def test_what_must_be_asked(name: str) -> None:
    assert "must not be null" in refusal({key: value for key, value in MONO.items() if key != name})
