"""Messages of media and provisioning on NATS about calls and orders.

Pure: return a value for a subject and payload.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import msgspec

State = Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed", "ended"]
Kind = Literal["started", "stream", "lost", "ended", "handover", "progress", "standing"]


_LONGEST_REASON = 200  # characters


@dataclass(frozen=True, slots=True)
class Fact:
    """What media reports of the transcription of ``call`` (its CallSid), a call of organisation ``org``.

    ``progress`` and ``standing`` come from provisioning; ``call`` is then the order, or empty.
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


@dataclass(frozen=True, slots=True)
class Alive:
    """A media node's heartbeat."""

    node: str


class _Place(msgspec.Struct):
    """Body of ``started``, ``lost`` and ``handover``; media writes all values as text."""

    stream: str | None = None
    began: int | None = None
    node: str | None = None
    at: int = 0
    again: bool = False


class _Ended(msgspec.Struct):
    reason: str | None = None
    node: str | None = None


class _Stream(msgspec.Struct):
    state: Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed"]
    reason: str | None = None
    node: str | None = None


def parse(subject: str, payload: bytes) -> Fact | Alive | None:
    """Return the message under ``subject``; None if it is unknown or malformed."""
    try:
        match subject.split("."):
            case ["node", node, "alive"]:
                return Alive(node)
            case ["call", org, call, "started"]:
                return _placed(Fact(UUID(org), call, "transcribing", kind="started"), payload)
            case ["call", org, call, "ended"]:
                ended = msgspec.json.decode(payload, type=_Ended)
                return Fact(UUID(org), call, "ended", ended.reason, "ended", node=ended.node)
            case ["call", org, call, "lost"]:
                return _placed(Fact(UUID(org), call, None, kind="lost"), payload)
            case ["handover", org, call]:
                return _placed(Fact(UUID(org), call, None, kind="handover"), payload)
            case ["progress", org, "standing"]:
                return Fact(UUID(org), "", None, None, "standing")
            case ["progress", org, order]:
                return Fact(UUID(org), order, None, None, "progress")
            case ["call", org, call, "stream"]:
                stream = msgspec.json.decode(payload, type=_Stream)
                reason = printable(stream.reason or "") or None
                return Fact(UUID(org), call, stream.state, reason, node=stream.node)
    except (ValueError, msgspec.DecodeError):
        pass
    return None


def _placed(fact: Fact, payload: bytes) -> Fact:
    """Return ``fact`` with the stream's place from ``payload``."""
    place = msgspec.json.decode(payload, type=_Place, strict=False)
    return replace(fact, **msgspec.structs.asdict(place), state=None if place.again else fact.state)


def printable(text: str) -> str:
    """Return ``text`` on one line of at most 200 characters, with unprintable ones replaced by spaces."""
    return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_REASON].strip()
