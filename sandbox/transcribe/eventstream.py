"""AWS's event-stream encoding (``application/vnd.amazon.eventstream``), one event to a WebSocket frame.

amazon-transcribe's own codec does the work, so what is written and read here is what AWS's client expects.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from amazon_transcribe.eventstream import EventStreamBuffer, EventStreamMessageSerializer, ParserError

_SERIALIZER = EventStreamMessageSerializer()
_LEAST_BYTES = 16  # a prelude of 12 bytes and a checksum of 4


class EventStreamError(ValueError):
    """These bytes are not exactly one event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its headers (``:event-type`` and such) and its payload."""

    headers: Mapping[str, object]
    payload: bytes


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one event, checksums included, its headers in the order given."""
    encoded: bytes = _SERIALIZER.serialize(dict(headers), payload)
    return encoded


def decode(frame: bytes) -> Event:
    """Return the one event in ``frame``. Raise `EventStreamError`."""
    if len(frame) < _LEAST_BYTES or int.from_bytes(frame[:4], "big") != len(frame):
        raise EventStreamError("not the length it says")
    buffer = EventStreamBuffer()
    buffer.add_data(frame)
    try:
        event = buffer.next()
    except (ParserError, StopIteration, struct.error, KeyError, UnicodeDecodeError, IndexError) as error:
        raise EventStreamError(type(error).__name__) from None
    return Event(event.headers, cast(bytes, event.payload))  # its annotation is wrong
