"""What web reads from the messages of media and provisioning about calls and orders (`protocol.messages`). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from msgspec import structs

from protocol.messages import (
    ENDED,
    HANDOVER,
    LOST,
    PHRASE,
    STARTED,
    STREAM,
    Delay,
    Missed,
    PhraseReport,
    StreamPlace,
    StreamStatus,
)

State = StreamStatus | Literal["ended"]
Kind = Literal["started", "stream", "lost", "ended", "handover", "progress", "standing", "phrase", "phrases"]


_LONGEST_REASON = 200  # characters


@dataclass(frozen=True, slots=True)
class Fact:
    """What media reports of the transcription of ``call`` (its CallSid), a call of organisation ``org``.

    ``progress`` and ``standing`` come from provisioning; ``call`` is then the order, or empty. ``phrases``: media
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
    missed: Missed | None = None
    """A gap in the words, in ``stream``."""
    delay: Delay | None = None
    """Of the words, in ``ended``."""


def parse(subject: str, payload: bytes) -> Fact | None:
    """Return the message under ``subject``; None if it is unknown or malformed."""
    try:
        match subject.split("."):
            case ["call", org, call, "started"]:
                return _placed(Fact(UUID(org), call, "transcribing", kind="started"), STARTED.read(payload))
            case ["call", org, call, "lost"]:
                return _placed(Fact(UUID(org), call, None, kind="lost"), LOST.read(payload))
            case ["handover", org, call]:
                return _placed(Fact(UUID(org), call, None, kind="handover"), HANDOVER.read(payload))
            case ["call", org, call, "ended"] if (ended := ENDED.read(payload)) is not None:
                return Fact(UUID(org), call, "ended", ended.reason, "ended", node=ended.node, delay=ended.delay)
            case ["call", org, call, "stream"] if (stream := STREAM.read(payload)) is not None:
                reason = printable(stream.reason or "") or None
                return Fact(UUID(org), call, stream.state, reason, node=stream.node, missed=stream.missed)
            case ["call", org, call, "phrase"] if (phrase := PHRASE.read(payload)) is not None:
                return Fact(UUID(org), call, None, kind="phrase", node=phrase.node, phrase=phrase)
            case ["phrases", org, "wanted"]:
                return Fact(UUID(org), "", None, kind="phrases")
            case ["progress", org, "standing"]:
                return Fact(UUID(org), "", None, None, "standing")
            case ["progress", org, order]:
                return Fact(UUID(org), order, None, None, "progress")
    except ValueError:
        pass
    return None


def _placed(fact: Fact, place: StreamPlace | None) -> Fact | None:
    """Return ``fact`` with the stream's place, None if that is unreadable."""
    if place is None:
        return None
    return replace(fact, **structs.asdict(place), state=None if place.again else fact.state)


def printable(text: str) -> str:
    """Return ``text`` on one line of at most 200 characters, with unprintable ones replaced by spaces."""
    return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_REASON].strip()
