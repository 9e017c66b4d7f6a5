"""The vendors' own messages, whole, cut off anywhere and broken, through every parser of ours that reads them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from amazon_transcribe.eventstream import EventStreamMessageSerializer

from media.speech import eventstream
from media.speech.eventstream import Result, TranscribeError, read_event, read_exception, read_results
from media.speech.frames import FrameError, Ignored, Media, MediaBody, Start, Stop, parse
from media.speech.utterances import Utterances

_AWS = Path(__file__).parents[1] / "captured" / "aws"
_TWILIO = Path(__file__).parents[1] / "captured" / "twilio_streams"
_BROKEN = sorted(path.name for path in _AWS.glob("*.broken.hex"))
_MESSAGES = sorted(path.name for path in _AWS.glob("*.hex") if path.name not in _BROKEN)
_EVENTS = ("channel", "complete_segment", "incomplete_segment", "stable_partial")
_FRAMES = sorted(path.stem for path in _TWILIO.glob("*.json"))
_SILENT_LINE = base64.b64decode(json.loads((_TWILIO / "recorded_media.json").read_bytes())["media"]["payload"])

_JSON = "application/json"
_HEADERS: dict[str, dict[str, Any]] = {
    "empty.hex": {},
    "error.hex": {":message-type": "error", ":error-code": "code", ":error-message": "message"},
    "every_type_of_header.hex": dict(
        zip("0123456789", (True, False, 2, 3, 4, 5, b"bytes", "utf8", 8, b"0123456789abcdef"), strict=True)
    ),
    "exception.hex": {
        ":exception-type": "BadRequestException",
        ":content-type": _JSON,
        ":message-type": "exception",
    },
    "initial_response.hex": {
        ":message-type": "event",
        ":event-type": "initial-response",
        ":content-type": "text/json",
    },
    "one_header.hex": {"content-type": _JSON},
    "payload_without_headers.hex": {},
}
_MZ, _CA, _AC = (f"{kind}{'X' * 32}" for kind in ("MZ", "CA", "AC"))
_MEANT: dict[str, Any] = {
    "connected": Ignored("connected"),
    "dtmf": Ignored("dtmf"),
    "mark": Ignored("mark"),
    "media_inbound": Media(MediaBody("inbound", 5, bytes.fromhex("9e8f898686898e9cd2")), _MZ, 4),
    "media_outbound": Media(MediaBody("outbound", 5, bytes.fromhex("9e8f898686898e9c")), _MZ, 3),
    "recorded_connected": Ignored("connected"),
    "recorded_media": Media(MediaBody("inbound", 1593, _SILENT_LINE), _MZ, 74),
    "recorded_stop": Stop(_MZ, 352),
    "stop": Stop(_MZ, 5),
}
_PARAMETERS = {
    "start": {"FirstName": "Jane", "LastName": "Doe", "RemoteParty": "Bob"},
    "recorded_start": {"hello": "HelloValue"},
}


def message(name: str) -> bytes:
    """The event-stream message of that file."""
    return bytes.fromhex((_AWS / name).read_text())


def event(name: str) -> bytes:
    """The TranscriptEvent of that name, as a payload."""
    return (_AWS / f"{name}.json").read_bytes()


def truncated(folder: Path, name: str) -> bytes:
    """The truncated twin of the file ``name``."""
    return (folder / "truncated" / name).read_bytes()


def cuts(whole: bytes) -> Iterator[bytes]:
    """Everything that may have come of ``whole`` before it was cut off."""
    return (whole[:length] for length in range(len(whole)))


@pytest.mark.parametrize("name", _MESSAGES)
def test_a_message_of_awss_codec_is_read(name: str) -> None:
    headers, _ = read_event(message(name))
    assert headers == _HEADERS[name]


@pytest.mark.parametrize("name", _MESSAGES)
def test_a_message_that_is_cut_off_is_refused(name: str) -> None:
    for cut in (bytes.fromhex(truncated(_AWS, name).decode()), *cuts(message(name))):
        with pytest.raises(TranscribeError):
            read_event(cut)


@pytest.mark.parametrize("name", _BROKEN)
def test_a_broken_message_is_refused(name: str) -> None:
    for cut in (message(name), *cuts(message(name))):
        with pytest.raises(TranscribeError):
            read_event(cut)


@pytest.mark.parametrize(
    ("name", "kind"), [("exception.hex", "BadRequestException"), ("error.hex", "code"), ("empty.hex", "Unknown")]
)
def test_an_exception_says_what_went_wrong(name: str, kind: str) -> None:
    headers, payload = read_event(message(name))
    for said in (payload, *cuts(payload)):
        assert read_exception(headers, said).kind == kind


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("channel", Result("XXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXX", 0, 110, 660, "Left.", final=True, stable_words=1)),
        (
            "stable_partial",
            Result("foobar83-265d-4c95-9056-50d14db14710", 0, 110, 860, "Wanted Chief", final=False, stable_words=0),
        ),
        (
            "incomplete_segment",
            Result(
                "12345a67-8bc9-0de1-2f34-a5b678c90d12",
                0,
                25,
                4_545,
                "The Amazon is the largest rainforest.",
                final=False,
                stable_words=0,
            ),
        ),
        (
            "complete_segment",
            Result(
                "34567e89-0fa1-2bc3-4d56-78e90123456f",
                0,
                25,
                6_025,
                "The Amazon is the largest rainforest on the planet.",
                final=True,
                stable_words=9,
            ),
        ),
    ],
)
def test_a_transcript_event_is_read(name: str, result: Result) -> None:
    headers: dict[str, Any] = {":message-type": "event", ":event-type": "TranscriptEvent", ":content-type": _JSON}
    _, payload = read_event(EventStreamMessageSerializer().serialize(headers, event(name)))
    assert read_results(payload) == [result]


@pytest.mark.parametrize("name", _EVENTS)
def test_a_transcript_event_that_is_cut_off_is_refused(name: str) -> None:
    for cut in (truncated(_AWS, f"{name}.json"), *cuts(event(name).rstrip())):
        with pytest.raises(TranscribeError):
            read_results(cut)


@pytest.mark.parametrize("name", _EVENTS)
def test_an_event_that_lacks_any_of_its_members_still_shows_what_it_says(name: str) -> None:
    """Each member away, and each null: AWS's model requires none."""
    for lacking in _lacking(json.loads(event(name))):
        utterances = Utterances("customer")
        for result in read_results(json.dumps(lacking).encode()):
            shown = utterances.revise(result, 0, 1_000)
            assert [each.text for each in shown] == ([result.text] if result.text else [])
            assert all(0 <= each.stable_words <= len(each.text.split()) for each in shown)
            assert utterances.all_finished == (result.final or not result.text)


def test_a_segment_that_goes_on_under_another_id_closes_the_one_before() -> None:
    utterances = Utterances("customer")
    (partial,) = read_results(event("incomplete_segment"))
    (final,) = read_results(event("complete_segment"))
    (first,) = utterances.revise(partial, 25, 4_545)
    closed, shown = utterances.revise(final, 25, 6_025)
    assert (closed.id, closed.final, closed.text) == (first.id, True, partial.text)
    assert (shown.final, shown.text) == (True, final.text)
    assert shown.id != first.id
    assert utterances.all_finished


@pytest.mark.parametrize(
    ("shape", "ours"),
    [
        ("TranscriptEvent", eventstream._Transcript),
        ("Transcript", eventstream._Results),
        ("Result", eventstream._Result),
        ("Alternative", eventstream._Alternative),
        ("Item", eventstream._Item),
        ("BadRequestException", eventstream._Failure),
    ],
)
def test_what_is_read_has_the_names_of_awss_service_model(shape: str, ours: Any) -> None:
    model = json.loads(event("service_model"))[shape]
    assert set(ours.__struct_encode_fields__) <= set(model)
    ours()  # and may lack all of it


@pytest.mark.parametrize("name", _FRAMES)
def test_a_frame_of_twilio_is_read(name: str) -> None:
    frame = parse((_TWILIO / f"{name}.json").read_bytes())
    if name.endswith("start"):
        assert isinstance(frame, Start)
        assert (frame.sequence_number, frame.stream_sid) == (1, _MZ)
        assert (frame.start.account_sid, frame.start.call_sid, frame.start.stream_sid) == (_AC, _CA, _MZ)
        assert frame.start.tracks == ["inbound"]
        assert frame.start.custom_parameters == _PARAMETERS[name]
    else:
        assert frame == _MEANT[name]


def test_a_payload_as_the_documentation_abbreviates_it_is_refused() -> None:
    text = (_TWILIO / "media_inbound.json").read_text()
    with pytest.raises(FrameError):
        parse(text.replace("no+JhoaJjpzS", "no+JhoaJjpzS..."))


@pytest.mark.parametrize("name", _FRAMES)
def test_a_frame_that_is_cut_off_is_refused(name: str) -> None:
    for cut in (truncated(_TWILIO, f"{name}.json"), *cuts((_TWILIO / f"{name}.json").read_bytes().rstrip())):
        with pytest.raises(FrameError):
            parse(cut)
        with pytest.raises(FrameError):
            parse(cut.decode())


@pytest.mark.parametrize("name", _FRAMES)
def test_a_frame_that_lacks_a_member_is_read_or_refused_and_nothing_else(name: str) -> None:
    for lacking in _lacking(json.loads((_TWILIO / f"{name}.json").read_bytes())):
        with suppress(FrameError):
            parse(json.dumps(lacking))


def _lacking(whole: Any) -> Iterator[Any]:
    """``whole`` without each of its members in turn, and with each null, at any depth."""
    members = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    for key, value in list(members):
        for other in _lacking(value):
            yield _with(whole, key, other)
        yield _with(whole, key, None)
        if isinstance(whole, dict):
            yield {name: each for name, each in whole.items() if name != key}


def _with(whole: Any, key: Any, value: Any) -> Any:
    changed = whole.copy()
    changed[key] = value
    return changed
