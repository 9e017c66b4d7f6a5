"""What Amazon Transcribe answers, as event-stream frames: transcript events and exceptions. Pure.

Shapes: "TranscriptEvent", "Result" and "Item" in the API reference of Amazon Transcribe streaming.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from sandbox.recognition.recogniser import Result, Word
from sandbox.transcribe import eventstream
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.request import Stability

_TRANSCRIPT = {
    ":content-type": "application/json",
    ":event-type": "TranscriptEvent",
    ":message-type": "event",
}
# How long ago (seconds of sound) a word must have ended to be called stable.
_STABLE_AFTER: dict[Stability, float] = {"high": 0.5, "medium": 1.0, "low": 2.0}
_PUNCTUATION = ".,?!"
_REDACTED = "[PII]"


def exception(error: AwsError) -> bytes:
    """Return the frame that ends a stream with ``error``. Its headers' order is the service's own."""
    headers = {
        ":exception-type": error.type,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return eventstream.encode(headers, msgspec.json.encode({"Message": str(error)}))


def transcript(*results: dict[str, Any]) -> bytes:
    """Return a transcript event; one without results says only that the stream is alive."""
    return eventstream.encode(_TRANSCRIPT, msgspec.json.encode({"Transcript": {"Results": results}}))


def redacted(result: Result) -> Result:
    """Return ``result`` without what looks like a number or an e-mail address: the service finds far more.

    "Amazon Transcribe replaces each identified instance of PII with [PII] in your transcript."
    """
    words: list[Word] = []
    for word in result.words:
        is_personal = any(sign.isdecimal() or sign == "@" for sign in word.text)
        if not is_personal:
            words.append(word)
        elif words and words[-1].text == _REDACTED:
            words[-1] = replace(words[-1], end=word.end)
        else:
            words.append(replace(word, text=_REDACTED))
    return replace(result, words=tuple(words))


def describe(
    result: Result, *, result_id: str, channel: int, heard: float, stability: Stability | None
) -> dict[str, Any]:
    """Return ``result`` as the service writes it, ``heard`` seconds into the stream."""
    items = [item for index, word in enumerate(result.words)
             for item in _items(word, result.final, _stable(result, index, heard, stability))]  # fmt: skip
    return {
        "Alternatives": [{"Items": items, "Transcript": " ".join(word.text for word in result.words)}],
        "ChannelId": f"ch_{channel}",
        "EndTime": round(result.end, 3),
        "IsPartial": not result.final,
        "ResultId": result_id,
        "StartTime": round(result.start, 3),
    }


def _stable(result: Result, index: int, heard: float, stability: Stability | None) -> bool | None:
    """Return whether this word will stay; None if the client did not ask."""
    if stability is None:
        return None
    old = heard - result.words[index].end >= _STABLE_AFTER[stability]
    return result.final or (index < result.stable and old)


def _items(word: Word, final: bool, stable: bool | None) -> Iterator[dict[str, Any]]:
    """Yield a word, and the mark it ends in, if any."""
    text = word.text.rstrip(_PUNCTUATION) or word.text
    extra: dict[str, Any] = {} if stable is None else {"Stable": stable}
    spoken = {"Confidence": word.confidence} if final else {}
    yield _item(text, "pronunciation", word.start, word.end) | spoken | extra
    if mark := word.text[len(text) :]:
        yield _item(mark, "punctuation", word.end, word.end) | extra


def _item(content: str, kind: str, start: float, end: float) -> dict[str, Any]:
    return {
        "Content": content,
        "EndTime": round(end, 3),
        "StartTime": round(start, 3),
        "Type": kind,
        "VocabularyFilterMatch": False,
    }
