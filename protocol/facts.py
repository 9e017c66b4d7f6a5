"""What web reads from the messages of media and provisioning about calls and orders (`protocol.messages`). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from msgspec import structs

from protocol.messages import (
    ENDED,
    ENTITLEMENTS,
    HANDOVER,
    LOST,
    ORDER_STATE,
    PHRASE,
    PHRASES_WANTED,
    STARTED,
    STREAM,
    Delay,
    GapReport,
    PhraseReport,
    StreamPlace,
    StreamStatus,
    Subject,
)

State = StreamStatus | Literal["ended"]
Kind = Literal["started", "stream", "lost", "ended", "handover", "progress", "entitlements", "phrase", "phrases"]


_LONGEST_REASON = 200  # characters


@dataclass(frozen=True, slots=True)
class Fact:
    """What media reports of the transcription of ``call`` (its CallSid), a call of organisation ``org``.

    ``progress`` and ``entitlements`` come from provisioning; ``call`` is then the order, or empty. ``phrases``: media
    wants the organisation's phrase rules.
    """

    org: UUID
    call: str
    state: State | None
    """None if it does not change: after a lost stream, a handover, or a repeated message."""
    reason: str | None = None
    kind: Kind = "stream"
    stream: str | None = None
    """The newest stream's SID, in ``started``, ``lost`` and ``handover``."""
    began: int | None = None
    """When the call's first stream began, in ms since 1970, in ``started``."""
    node: str | None = None
    """The media node that sent it."""
    at: int = 0
    """When the newest stream was attached, in ms since 1970, in ``started``."""
    again: bool = False
    """Whether it repeats what was sent before, for those who missed it."""
    phrase: PhraseReport | None = None
    """The rule that fired, in ``phrase``."""
    missed: GapReport | None = None
    """A gap in the words, in ``stream``."""
    delay: Delay | None = None
    """Of the words, in ``ended``."""


def parse(subject: str, payload: bytes) -> Fact | None:
    """Return the message under ``subject``; None if it is unknown or malformed."""
    for known, read in _READERS:
        names = known.match(subject)
        if names is not None:
            try:
                return read(UUID(names[0]), names[-1], payload)
            except ValueError:  # no organisation
                return None
    return None


def _started(org: UUID, call: str, payload: bytes) -> Fact | None:
    return _placed(Fact(org, call, "transcribing", kind="started"), STARTED.read(payload))


def _lost(org: UUID, call: str, payload: bytes) -> Fact | None:
    return _placed(Fact(org, call, None, kind="lost"), LOST.read(payload))


def _handover(org: UUID, call: str, payload: bytes) -> Fact | None:
    return _placed(Fact(org, call, None, kind="handover"), HANDOVER.read(payload))


def _ended(org: UUID, call: str, payload: bytes) -> Fact | None:
    ended = ENDED.read(payload)
    if ended is None:
        return None
    return Fact(org, call, "ended", ended.reason, "ended", node=ended.node, delay=ended.delay)


def _stream(org: UUID, call: str, payload: bytes) -> Fact | None:
    stream = STREAM.read(payload)
    if stream is None:
        return None
    reason = printable(stream.reason or "") or None
    return Fact(org, call, stream.state, reason, node=stream.node, missed=stream.missed)


def _phrase(org: UUID, call: str, payload: bytes) -> Fact | None:
    phrase = PHRASE.read(payload)
    return None if phrase is None else Fact(org, call, None, kind="phrase", node=phrase.node, phrase=phrase)


def _phrases(org: UUID, _: str, __: bytes) -> Fact:
    return Fact(org, "", None, kind="phrases")


def _entitlements(org: UUID, _: str, __: bytes) -> Fact:
    return Fact(org, "", None, kind="entitlements")


def _progress(org: UUID, order: str, _: bytes) -> Fact:
    return Fact(org, order, None, kind="progress")


_READERS: tuple[tuple[Subject[Any], Callable[[UUID, str, bytes], Fact | None]], ...] = (
    (STREAM, _stream),
    (STARTED, _started),
    (ENDED, _ended),
    (LOST, _lost),
    (HANDOVER, _handover),
    (PHRASE, _phrase),
    (PHRASES_WANTED, _phrases),
    (ENTITLEMENTS, _entitlements),
    (ORDER_STATE, _progress),  # its pattern matches `ENTITLEMENTS`, too
)


def _placed(fact: Fact, place: StreamPlace | None) -> Fact | None:
    """Return ``fact`` with the stream's place, None if that is unreadable."""
    if place is None:
        return None
    return replace(fact, **structs.asdict(place), state=None if place.again else fact.state)


def printable(text: str) -> str:
    """Return ``text`` on one line of at most 200 characters, with unprintable ones replaced by spaces."""
    return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_REASON].strip()
