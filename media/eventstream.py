"""What Transcribe says and is told, as bytes: AWS's event-stream encoding and the JSON inside it. Pure.

Audio events are not signed over WebSocket. The 104 bytes around the sound are always the same but for their
checksum, so they are built once a length; response headers repeat too, so parsing them is remembered.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec
from amazon_transcribe.eventstream import EventStreamHeaderParser, EventStreamMessageSerializer
from msgspec import Struct


@dataclass(frozen=True, slots=True)
class Result:
    """What Transcribe makes of one stretch of speech so far. Times in ms of this connection's audio."""

    id: str
    channel: int
    start_ms: int
    end_ms: int
    text: str
    final: bool
    stable_words: int


class TranscribeError(Exception):
    """Transcribe refused, failed or went away. ``kind`` is its exception's name, or one of ours, fit for a label.

    ``permanent``: trying again cannot help (credentials, permissions, a request that it does not understand).
    """

    def __init__(self, kind: str, *, permanent: bool = False) -> None:
        super().__init__(kind)
        self.kind = kind
        self.permanent = permanent


_PERMANENT = {
    "AccessDeniedException",
    "BadRequestException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "UnrecognizedClientException",
}
_TIMED_OUT = "no new audio was received"


def failure(kind: str, text: str = "") -> TranscribeError:
    """The error for AWS's exception ``kind``. The 15-second rule is a BadRequest that a new connection does mend."""
    if _TIMED_OUT in text:
        return TranscribeError("AudioTimeout")
    return TranscribeError(kind, permanent=kind in _PERMANENT)


_AUDIO_HEADERS = EventStreamMessageSerializer().encode_headers(
    {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
)
_U32 = struct.Struct(">I")


@lru_cache(maxsize=8)
def _audio_prelude(length: int) -> tuple[bytes, int]:
    """What stands before ``length`` bytes of sound, and its running checksum."""
    lengths = struct.pack(">II", 16 + len(_AUDIO_HEADERS) + length, len(_AUDIO_HEADERS))
    prelude = lengths + _U32.pack(crc32(lengths)) + _AUDIO_HEADERS
    return prelude, crc32(prelude)


def audio_event(pcm: bytes) -> bytes:
    """One AudioEvent in the event-stream encoding."""
    prelude, checksum = _audio_prelude(len(pcm))
    return b"".join((prelude, pcm, _U32.pack(crc32(pcm, checksum))))


def read_event(event: bytes) -> tuple[dict[str, Any], bytes]:
    """Headers and payload of one event-stream message. Raises `TranscribeError` if it is damaged."""
    if len(event) < 16:
        raise TranscribeError("UnreadableAnswer")
    total, headers, prelude_crc = struct.unpack_from(">III", event)
    whole = total == len(event) and 12 + headers + 4 <= total
    if not whole or crc32(event[:8]) != prelude_crc or crc32(event[:-4]) != _U32.unpack(event[-4:])[0]:
        raise TranscribeError("UnreadableAnswer")
    return _headers(event[12 : 12 + headers]), event[12 + headers : -4]


@lru_cache(maxsize=64)
def _headers(encoded: bytes) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = EventStreamHeaderParser().parse(encoded)
    except Exception as error:  # its parser lets struct.error, KeyError and UnicodeError through
        raise TranscribeError("UnreadableAnswer") from error
    return parsed


class _Item(Struct, rename="pascal"):
    type: str = "pronunciation"
    stable: bool = False


class _Alternative(Struct, rename="pascal"):
    transcript: str = ""
    items: list[_Item] = []


class _Result(Struct, rename="pascal"):
    result_id: str
    start_time: float = 0.0
    end_time: float = 0.0
    is_partial: bool = True
    channel_id: str = "ch_0"
    alternatives: list[_Alternative] = []


class _Results(Struct, rename="pascal"):
    results: list[_Result] = []


class _Transcript(Struct, rename="pascal"):
    transcript: _Results


class _Failure(Struct, rename="pascal"):
    message: str = ""


_decode_transcript = msgspec.json.Decoder(_Transcript).decode
_decode_failure = msgspec.json.Decoder(_Failure).decode


def read_results(payload: bytes) -> list[Result]:
    """The results in a TranscriptEvent's JSON. Raises `TranscribeError`."""
    try:
        transcript = _decode_transcript(payload)
    except (msgspec.DecodeError, UnicodeError):
        raise TranscribeError("UnreadableAnswer") from None
    return [_result(result) for result in transcript.transcript.results if result.alternatives]


def _result(result: _Result) -> Result:
    best = result.alternatives[0]
    return Result(
        id=result.result_id,
        channel=1 if result.channel_id == "ch_1" else 0,
        start_ms=round(result.start_time * 1000),
        end_ms=round(result.end_time * 1000),
        text=best.transcript,
        final=not result.is_partial,
        stable_words=_stable(best) if result.is_partial else len(best.transcript.split()),
    )


def _stable(alternative: _Alternative) -> int:
    """How many leading words will not change any more: punctuation is part of the word before it."""
    stable = 0
    for item in alternative.items:
        if item.type != "punctuation":
            if not item.stable:
                break
            stable += 1
    return stable


def read_exception(headers: dict[str, Any], payload: bytes) -> TranscribeError:
    """What an exception frame says."""
    kind = str(headers.get(":exception-type") or headers.get(":error-code") or "Unknown")
    try:
        text = _decode_failure(payload).message
    except (msgspec.DecodeError, UnicodeError):
        text = ""
    return failure(kind, text)
