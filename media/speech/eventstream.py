"""Encode and decode Transcribe's messages: AWS's event-stream encoding and the JSON inside. Pure.

Audio events are not signed over WebSocket. The 104 bytes around the audio differ only in the checksum, so they are
built once for each length. Response headers repeat too, so their parsing is cached. Results are kept out of garbage
collection (``gc=False``): they are many, and none can refer back to what holds it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec
from amazon_transcribe.eventstream import EventStreamHeaderParser, EventStreamMessageSerializer
from msgspec import Struct


class Result(Struct, frozen=True, gc=False):
    """What Transcribe has recognised of one stretch of speech so far. Times in ms of this connection's audio.

    No member of AWS's Result is required: ``id`` and ``text`` may be empty, and a time may be None.
    """

    id: str
    channel: int
    start_ms: int | None
    end_ms: int | None
    text: str
    final: bool
    stable_words: int


class TranscribeError(Exception):
    """Transcribe refused, failed or disconnected. ``kind`` is its exception's name, or one of ours, fit for a label.

    ``retryable``: the same request may succeed later. ``why`` is a constant of ours that says more than ``kind``, if
    AWS's text is a known one; the text itself is never logged.
    """

    def __init__(self, kind: str, *, retryable: bool = True, why: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.retryable = retryable
        self.why = why

    @property
    def concerns_vocabulary(self) -> bool:
        """Whether the same request would succeed without its custom vocabulary."""
        return self.why in (_NOT_READY, _UNKNOWN_VOCABULARY, _OTHER_LANGUAGE)


@dataclass(frozen=True, slots=True)
class _Known:
    """An error whose text at AWS matches ``says``."""

    says: re.Pattern[str]
    why: str
    retryable: bool = True
    kind: str = ""


def _known(says: str, why: str, *, retryable: bool = True, kind: str = "") -> _Known:
    return _Known(re.compile(says, re.IGNORECASE | re.DOTALL), why, retryable, kind)


_NOT_READY, _UNKNOWN_VOCABULARY = "vocabulary not ready yet", "unknown vocabulary"
_OTHER_LANGUAGE = "vocabulary of another language"
_KNOWN = (
    _known("no new audio was received", "no audio for 15 s", kind="AudioTimeout"),
    _known("scoped to a valid region|not supported in (this|the) region", "wrong region", retryable=False),
    _known("vocabulary.*(not ready|n't ready|pending)", _NOT_READY),
    _known(
        "vocabulary.*(not|n't be|n't) (found|exist|find)|(find|found|unknown|no such).*vocabulary",
        _UNKNOWN_VOCABULARY,
        retryable=False,
    ),
    _known("vocabulary.*language|language.*vocabulary", _OTHER_LANGUAGE, retryable=False),
    _known("signature expired|request has expired", "the clock is late"),
    _known("signature not yet current", "the clock is early"),
    _known("token.*expired", "expired credentials"),
    _known("token.*invalid", "unknown key"),
    _known("signature.*does not match", "wrong secret"),
    _known("not authorized to perform", "denied action", retryable=False),
)
_KIND = re.compile("[A-Za-z0-9]{1,64}")


def failure(kind: str, text: str = "") -> TranscribeError:
    """Return the error for AWS's exception ``kind``.

    Not retryable: a denied action, a wrong region, an unknown vocabulary.

    Everything else may recover: a clock is corrected, credentials are renewed, an overload ends.
    AccessDeniedException without a text counts as a denied action; a bare 403 has no kind of AWS's and may come from
    any proxy.
    """
    kind = kind if _KIND.fullmatch(kind) else "Unknown"
    known = next((each for each in _KNOWN if each.says.search(text)), None)
    if known is not None:
        return TranscribeError(known.kind or kind, retryable=known.retryable, why=known.why)
    if kind == "AccessDeniedException":
        return TranscribeError(kind, retryable=False, why="denied action")
    return TranscribeError(kind)


_AUDIO_HEADERS = EventStreamMessageSerializer().encode_headers(
    {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
)
_U32 = struct.Struct(">I")


@lru_cache(maxsize=8)
def _audio_prelude(length: int) -> tuple[bytes, int]:
    """Return what precedes ``length`` bytes of audio, and its running checksum."""
    lengths = struct.pack(">II", 16 + len(_AUDIO_HEADERS) + length, len(_AUDIO_HEADERS))
    prelude = lengths + _U32.pack(crc32(lengths)) + _AUDIO_HEADERS
    return prelude, crc32(prelude)


def audio_event(pcm: bytes) -> bytes:
    """Return one AudioEvent in the event-stream encoding."""
    prelude, checksum = _audio_prelude(len(pcm))
    return b"".join((prelude, pcm, _U32.pack(crc32(pcm, checksum))))


def read_event(event: bytes) -> tuple[dict[str, Any], bytes]:
    """Return headers and payload of one event-stream message. Raise `TranscribeError` if it is damaged."""
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
    except Exception as error:  # the parser raises struct.error, KeyError and UnicodeError
        raise TranscribeError("UnreadableAnswer") from error
    return parsed


class _Item(Struct, rename="pascal", gc=False):
    content: str | None = None
    type: str | None = None
    stable: bool | None = None
    start_time: float | None = None
    end_time: float | None = None


class _Alternative(Struct, rename="pascal", gc=False):
    transcript: str | None = None
    items: list[_Item | None] | None = None


class _Result(Struct, rename="pascal", gc=False):
    result_id: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    is_partial: bool | None = None
    channel_id: str | None = None
    alternatives: list[_Alternative | None] | None = None


class _Results(Struct, rename="pascal", gc=False):
    results: list[_Result | None] | None = None


class _Transcript(Struct, rename="pascal", gc=False):
    transcript: _Results | None = None


class _Failure(Struct, rename="pascal"):
    message: str | None = None


class _LowerFailure(Struct):
    message: str | None = None


_decode_transcript = msgspec.json.Decoder(_Transcript).decode
_decode_failure = msgspec.json.Decoder(_Failure).decode
_decode_lower_failure = msgspec.json.Decoder(_LowerFailure).decode
_NOTHING = _Alternative()
_LONGEST_SECONDS = 24 * 3600.0  # a stream lasts four hours; a later time is invalid


def read_results(payload: bytes) -> list[Result]:
    """Return the results in a TranscriptEvent's JSON, final ones first. Raise `TranscribeError`."""
    try:
        transcript = _decode_transcript(payload).transcript
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise TranscribeError("UnreadableAnswer") from None
    results = transcript.results if transcript is not None else None
    read = [_result(result) for result in results or () if result is not None]
    if len(read) > 1:  # else a newer result would close an utterance before its own final words are read
        read.sort(key=lambda result: not result.final)
    return read


def _result(result: _Result) -> Result:
    """Convert AWS's Result. IsPartial is false where it is absent; with one channel there is no ChannelId."""
    best = next(filter(None, result.alternatives or ()), _NOTHING)
    items = list(filter(None, best.items or ()))
    text = _joined(items) if best.transcript is None else best.transcript.strip()
    final = not result.is_partial
    start, end = result.start_time, result.end_time
    if items and (start is None or end is None):
        start = items[0].start_time if start is None else start
        end = items[-1].end_time if end is None else end
    return Result(
        id=result.result_id or "",
        channel=1 if result.channel_id == "ch_1" else 0,
        start_ms=_ms(start),
        end_ms=_ms(end),
        text=text,
        final=final,
        stable_words=len(text.split()) if final else _stable(items),
    )


def _ms(seconds: float | None) -> int | None:
    return round(seconds * 1000) if seconds is not None and 0 <= seconds <= _LONGEST_SECONDS else None


def _joined(items: list[_Item]) -> str:
    """Return the text of an alternative that has items but no transcript."""
    words: list[str] = []
    for item in items:
        if item.type == "punctuation" and words:
            words[-1] += item.content or ""
        elif item.content:
            words.append(item.content)
    return " ".join(words)


def _stable(items: list[_Item]) -> int:
    """Return how many leading words will not change any more; punctuation belongs to the word before it."""
    stable = 0
    for item in items:
        if item.type != "punctuation":
            if not item.stable:
                break
            stable += 1
    return stable


def read_exception(headers: dict[str, Any], payload: bytes) -> TranscribeError:
    """Return the error in an exception message."""
    kind = str(headers.get(":exception-type") or headers.get(":error-code") or "Unknown")
    return failure(kind, read_message(payload) or str(headers.get(":error-message") or ""))


def read_message(body: bytes) -> str:
    """Return the text of an error in AWS's JSON, whose member has either case; empty if there is none."""
    for decode in (_decode_failure, _decode_lower_failure):
        try:
            if message := decode(body).message:
                return str(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return ""
    return ""
