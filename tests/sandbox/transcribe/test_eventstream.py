"""The event-stream codec against a frame that the real service sent."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sandbox.transcribe import eventstream
from sandbox.transcribe.eventstream import EventStreamError

CAPTURED = bytes.fromhex((Path(__file__).parents[2] / "captured" / "aws" / "exception.hex").read_text())
AUDIO = eventstream.encode({":message-type": "event", ":event-type": "AudioEvent"}, bytes(64))


def test_a_captured_frame_is_read() -> None:
    event = eventstream.decode(CAPTURED)
    assert event.headers == {
        ":exception-type": "BadRequestException",
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    assert event.payload == b'{"Message":"Unexpected WebSocket frame received."}'


@pytest.mark.parametrize("cut", [0, 4, 11, 15, 40, len(CAPTURED) - 1])
def test_a_truncated_frame_is_refused(cut: int) -> None:
    with pytest.raises(EventStreamError):
        eventstream.decode(CAPTURED[:cut])


def test_two_events_in_one_frame_are_refused() -> None:
    with pytest.raises(EventStreamError):
        eventstream.decode(AUDIO + AUDIO)


@given(st.data())
def test_a_damaged_frame_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    frame = bytearray(AUDIO)
    for _ in range(data.draw(st.integers(1, 6))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    with suppress(EventStreamError):
        eventstream.decode(bytes(frame))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(EventStreamError):
        eventstream.decode(noise)


@given(st.dictionaries(st.text("abc:-", min_size=1, max_size=20), st.text(max_size=30)), st.binary(max_size=99))
def test_what_is_encoded_is_decoded(headers: dict[str, str], payload: bytes) -> None:
    event = eventstream.decode(eventstream.encode(headers, payload))
    assert (event.headers, event.payload) == (headers, payload)
