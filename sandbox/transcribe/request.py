"""What a client asks of Amazon Transcribe in its URL, checked as the service checks it. Pure.

Parameters and constraints: "StartStreamTranscription" in the API reference. The words of the errors are the
service's own where somebody has reported them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from sandbox.transcribe.errors import AwsError

Stability = Literal["low", "medium", "high"]

LANGUAGES = frozenset({
    "af-ZA", "ar-AE", "ar-SA", "ca-ES", "cs-CZ", "da-DK", "de-CH", "de-DE", "el-GR", "en-AB", "en-AU", "en-GB",
    "en-IE", "en-IN", "en-NZ", "en-US", "en-WL", "en-ZA", "es-ES", "es-US", "eu-ES", "fa-IR", "fi-FI", "fr-CA",
    "fr-FR", "gl-ES", "he-IL", "hi-IN", "hr-HR", "id-ID", "it-IT", "ja-JP", "ko-KR", "lv-LV", "ms-MY", "nl-NL",
    "no-NO", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "so-SO", "sr-RS", "sv-SE", "th-TH", "tl-PH",
    "uk-UA", "vi-VN", "zh-CN", "zh-HK", "zh-TW", "zu-ZA",
})  # fmt: skip
_ENCODINGS = ("pcm", "ogg-opus", "flac")
_SESSION_ID = r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}"
UNDECODABLE = (
    "Could not decode the audio stream that you provided. "
    "Check that the audio stream is valid and try your request again."
)


_REDACTED_LANGUAGES = frozenset({"en-AU", "en-GB", "en-US", "es-US"})
_PII_TYPES = frozenset({
    "ALL", "ADDRESS", "BANK_ACCOUNT_NUMBER", "BANK_ROUTING", "CREDIT_DEBIT_CVV", "CREDIT_DEBIT_EXPIRY",
    "CREDIT_DEBIT_NUMBER", "EMAIL", "NAME", "PHONE", "PIN", "SSN",
})  # fmt: skip
_ABSENT = "The requested vocabulary couldn't be found. Check the vocabulary name and try your request again."
_NOT_READY = "The requested vocabulary is not ready for use. Check its state and try your request again."
_OTHER_LANGUAGE = "The language code of the request and of the vocabulary don't match."
"""The last two are in words of ours: nobody has reported the service's own."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A custom vocabulary that the service has; ``state`` as GetVocabulary says it."""

    language: str
    state: Literal["PENDING", "READY", "FAILED"] = "READY"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """One stream: ``rate`` samples a second of each of ``channels``; ``stability`` if partials become stable.

    ``redacts``: personal details are left out of final results.
    """

    language: str
    rate: int
    channels: int
    stability: Stability | None
    session_id: str | None
    vocabulary: str | None = None
    redacts: bool = False


def bad_request(text: str) -> AwsError:
    """Return the client's fault."""
    return AwsError("BadRequestException", text)


def parse(query: Mapping[str, str], vocabularies: Mapping[str, Vocabulary]) -> StreamRequest:
    """Return what ``query`` asks for, of a service with these ``vocabularies``, by name. Raise `AwsError`."""
    language = _one_of(query, "language-code", "languageCode", LANGUAGES)
    if _one_of(query, "media-encoding", "mediaEncoding", _ENCODINGS) != "pcm":
        raise bad_request(UNDECODABLE)  # here, nobody can
    rate = _number(query, "sample-rate", "mediaSampleRateHertz", 8000, 48000)
    vocabulary, redacts = _vocabulary(query, language, vocabularies), _redacts(query, language)
    return StreamRequest(language, rate, _channels(query), _stability(query), _session_id(query), vocabulary, redacts)


def _channels(query: Mapping[str, str]) -> int:
    separate = _flag(query, "enable-channel-identification")
    if not separate and "number-of-channels" not in query:
        return 1
    if not separate or "number-of-channels" not in query:
        raise bad_request("EnableChannelIdentification and NumberOfChannels must be set together: 'true' and 2.")
    if _flag(query, "show-speaker-label"):
        raise bad_request("You can't use ShowSpeakerLabel and EnableChannelIdentification in one request.")
    return _number(query, "number-of-channels", "numberOfChannels", 2, 2)


def _stability(query: Mapping[str, str]) -> Stability | None:
    if not _flag(query, "enable-partial-results-stabilization"):
        return None
    if "partial-results-stability" not in query:
        return "high"
    name = _one_of(query, "partial-results-stability", "partialResultsStability", get_args(Stability))
    return next(level for level in get_args(Stability) if level == name)


def _session_id(query: Mapping[str, str]) -> str | None:
    session_id = query.get("session-id")
    if session_id is not None and not re.fullmatch(_SESSION_ID, session_id):
        raise _invalid(session_id, "sessionId", f"Member must satisfy regular expression pattern: {_SESSION_ID}")
    return session_id


def _vocabulary(query: Mapping[str, str], language: str, known: Mapping[str, Vocabulary]) -> str | None:
    if "vocabulary-filter-name" in query:
        raise bad_request(_ABSENT)
    name = query.get("vocabulary-name")
    if name is None:
        return None
    if name not in known:
        raise bad_request(_ABSENT)
    if known[name].language != language:
        raise bad_request(_OTHER_LANGUAGE)
    if known[name].state != "READY":
        raise bad_request(_NOT_READY)
    return name


def _redacts(query: Mapping[str, str], language: str) -> bool:
    asked = [name for name in ("content-identification-type", "content-redaction-type") if name in query]
    types = query.get("pii-entity-types", "ALL").split(",")
    if len(asked) > 1:
        raise bad_request("You can't set both ContentIdentificationType and ContentRedactionType in one request.")
    if not asked:
        if "pii-entity-types" in query:
            raise bad_request("PiiEntityTypes requires ContentIdentificationType or ContentRedactionType.")
        return False
    if query[asked[0]] != "PII":
        raise _invalid(query[asked[0]], "contentRedactionType", "Member must satisfy enum value set: [PII]")
    if language not in _REDACTED_LANGUAGES:
        raise bad_request(f"Content redaction isn't supported for the language code {language}.")
    if not _PII_TYPES.issuperset(types):
        raise _invalid(query["pii-entity-types"], "piiEntityTypes", "Member must be a list of entity types")
    return asked == ["content-redaction-type"]


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "false").lower() == "true"


def _one_of(query: Mapping[str, str], name: str, member: str, allowed: frozenset[str] | tuple[str, ...]) -> str:
    value = _required(query, name, member)
    if value not in allowed:
        choice = ", ".join(sorted(allowed))
        raise _invalid(value, member, f"Member must satisfy enum value set: [{choice}]")
    return value


def _number(query: Mapping[str, str], name: str, member: str, least: int, most: int) -> int:
    value = _required(query, name, member)
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise _invalid(value, member, "Member must be an integer")
    if int(value) < least:
        raise _invalid(value, member, f"Member must have value greater than or equal to {least}")
    if int(value) > most:
        raise _invalid(value, member, f"Member must have value less than or equal to {most}")
    return int(value)


def _required(query: Mapping[str, str], name: str, member: str) -> str:
    if name not in query:
        raise _invalid("null", member, "Member must not be null")
    return query[name]


def _invalid(value: str, member: str, constraint: str) -> AwsError:
    return bad_request(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )
