"""Parse Twilio's Media Streams messages. Pure: `parse` returns a value or raises `FrameError`, nothing else.

Source: Twilio's "Media Streams: WebSocket messages". Numbers come as JSON strings; both forms are accepted. Frame
sizes are not documented (20 ms in practice), so any length up to `MAX_FRAME_BYTES` is accepted.

Frames of audio, a hundred a second, are kept out of garbage collection (``gc=False``): they refer to plain values.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

MAX_FRAME_BYTES = 64 * 1024  # of text; 20 ms of audio is about 400 bytes
_MAX_TIMESTAMP_MS = 7 * 24 * 3600 * 1000

Track = Literal["inbound", "outbound"]


class FrameError(ValueError):
    """A frame that cannot be used. ``kind`` is a short constant, fit for a metric's label."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class MediaBody(Struct, frozen=True, gc=False):
    """Audio of one track: ``payload`` is mu-law, 8,000 bytes a second; ``timestamp`` in ms of the stream."""

    track: Track
    timestamp: Annotated[int, Meta(ge=0, le=_MAX_TIMESTAMP_MS)]
    payload: bytes


class Media(Struct, frozen=True, gc=False, rename="camel", tag_field="event", tag="media"):
    """One frame of audio."""

    media: MediaBody
    stream_sid: str
    sequence_number: int = 0


class MediaFormat(Struct, frozen=True, rename="camel"):
    """Always mu-law, 8 kHz, mono, as Twilio documents; anything else is refused."""

    encoding: Literal["audio/x-mulaw"]
    sample_rate: Literal[8000]
    channels: Literal[1]


class StartBody(Struct, frozen=True, rename="camel"):
    """The stream's call, account, tracks and parameters."""

    account_sid: str
    stream_sid: str
    call_sid: str
    tracks: list[Track]
    media_format: MediaFormat
    custom_parameters: dict[str, str] = {}


class Start(Struct, frozen=True, rename="camel", tag_field="event", tag="start"):
    """The second frame of a stream, sent once."""

    start: StartBody
    stream_sid: str
    sequence_number: int = 0


class Stop(Struct, frozen=True, rename="camel", tag_field="event", tag="stop"):
    """The stream was stopped, or the call ended."""

    stream_sid: str
    sequence_number: int = 0


class Ignored(Struct, frozen=True):
    """A well-formed frame that needs no action: ``connected``, ``mark``, ``dtmf``, or an unknown event."""

    event: str


Frame: TypeAlias = Media | Start | Stop | Ignored

_decode = msgspec.json.Decoder(Media | Start | Stop, strict=False).decode
_decode_event = msgspec.json.Decoder(Ignored).decode
_OURS = {"media", "start", "stop"}


def parse(text: str | bytes | memoryview) -> Frame:
    """Return the frame in ``text``. Raise `FrameError`, and nothing else."""
    if len(text) > MAX_FRAME_BYTES:
        raise FrameError("too_large")
    try:
        frame: Frame = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _unusual(text)
    return frame


def _unusual(text: str | bytes | memoryview) -> Ignored:
    """Return an event that we ignore; raise for one that is malformed."""
    try:
        frame = _decode_event(text)
    except msgspec.ValidationError:
        raise FrameError("no_event") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise FrameError("not_json") from None
    if frame.event in _OURS:
        raise FrameError(f"bad_{frame.event}")
    return frame
