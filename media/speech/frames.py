"""Twilio's Media Streams text to values. Pure: a value or `FrameError`, nothing else leaves `parse`.

Source: Twilio's "Media Streams: WebSocket messages". Numbers come as JSON strings; both forms are taken. Frame sizes
are not documented (20 ms is what everyone sees), so any length up to `MAX_FRAME_BYTES` is good.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

MAX_FRAME_BYTES = 64 * 1024  # a text; 20 ms of sound is about 400 bytes
_MAX_TIMESTAMP_MS = 7 * 24 * 3600 * 1000

Track = Literal["inbound", "outbound"]


class FrameError(ValueError):
    """A frame that says nothing usable. ``kind`` is a short constant, fit for a metric's label."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class MediaBody(Struct, frozen=True):
    """Sound of one track: ``payload`` is mu-law, 8 000 bytes a second; ``timestamp`` in ms of the stream."""

    track: Track
    timestamp: Annotated[int, Meta(ge=0, le=_MAX_TIMESTAMP_MS)]
    payload: bytes


class Media(Struct, frozen=True, rename="camel", tag_field="event", tag="media"):
    """One frame of sound."""

    media: MediaBody
    stream_sid: str
    sequence_number: int = 0


class MediaFormat(Struct, frozen=True, rename="camel"):
    """Always mu-law, 8 kHz, mono, says Twilio; anything else could not be understood."""

    encoding: Literal["audio/x-mulaw"]
    sample_rate: Literal[8000]
    channels: Literal[1]


class StartBody(Struct, frozen=True, rename="camel"):
    """What the stream is about."""

    account_sid: str
    stream_sid: str
    call_sid: str
    tracks: list[Track]
    media_format: MediaFormat
    custom_parameters: dict[str, str] = {}


class Start(Struct, frozen=True, rename="camel", tag_field="event", tag="start"):
    """The second frame of a stream, once."""

    start: StartBody
    stream_sid: str
    sequence_number: int = 0


class Stop(Struct, frozen=True, rename="camel", tag_field="event", tag="stop"):
    """The stream was stopped, or the call ended."""

    stream_sid: str
    sequence_number: int = 0


class Ignored(Struct, frozen=True):
    """A well-formed frame that asks nothing of us: ``connected``, ``mark``, ``dtmf``, or an event not known yet."""

    event: str


Frame: TypeAlias = Media | Start | Stop | Ignored

_decode = msgspec.json.Decoder(Media | Start | Stop, strict=False).decode
_decode_event = msgspec.json.Decoder(Ignored).decode
_OURS = {"media", "start", "stop"}


def parse(text: str | bytes | memoryview) -> Frame:
    """The frame that ``text`` is. Raises `FrameError` alone."""
    if len(text) > MAX_FRAME_BYTES:
        raise FrameError("too_large")
    try:
        frame: Frame = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _unusual(text)
    return frame


def _unusual(text: str | bytes | memoryview) -> Ignored:
    """Tell an event that we do not take part in from one that is broken."""
    try:
        frame = _decode_event(text)
    except msgspec.ValidationError:
        raise FrameError("no_event") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise FrameError("not_json") from None
    if frame.event in _OURS:
        raise FrameError(f"bad_{frame.event}")
    return frame
