"""Everything that passes over NATS: each subject, who publishes it, who subscribes to it, and its payload.

`deploy/nats.conf` allows each process what is listed here and nothing else; a test compares the two. What carries
words (`TRANSCRIPT`, and inboxes, where the answers to `SNAPSHOT` travel) is for media alone.

Payloads are JSON. A field that an older release does not send has a default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, Literal, TypeVar
from uuid import UUID

import msgspec

from protocol.phrases import PhraseRule

User = Literal["media", "web", "provisioning"]
"""A user of NATS: a kind of process."""

StreamStatus = Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed"]

GapCause = Literal["twilio", "bilby", "transcribe"]
"""Who lost the sound or the words of a gap."""

VocabularyState = Literal["ready", "pending", "failed", "unknown", "other_language", "denied", "unreachable"]
"""What Transcribe says of a custom vocabulary; ``denied``: media's key may not ask."""

_encoder = msgspec.json.Encoder()
_NAME = re.compile(r"\{\w+\}")

P = TypeVar("P", bound=msgspec.Struct)


class Subject(Generic[P]):
    """A subject such as ``call.{org}.{call}.ended``, whose messages carry a ``payload``."""

    def __init__(
        self,
        pattern: str,
        payload: type[P],
        *,
        publishers: Iterable[User] = (),
        subscribers: Iterable[User] = (),
        text: bool = False,
    ) -> None:
        self.all = _NAME.sub("*", pattern)
        """The subscription to every subject of this kind."""
        self.publishers, self.subscribers = frozenset(publishers), frozenset(subscribers)
        self._format = _NAME.sub("{}", pattern).format
        self._pattern = re.compile("([^.]+)".join(map(re.escape, _NAME.split(pattern))))
        self._names = [number for number, token in enumerate(pattern.split(".")) if _NAME.fullmatch(token)]
        self._text = text
        self._decode = msgspec.json.Decoder(payload, strict=False).decode

    def to(self, *names: str | UUID) -> str:
        """Return the subject with these names in the place of its own."""
        return self._format(*names)

    def names(self, subject: str) -> list[str]:
        """Return the names in ``subject``, which is one of this kind."""
        tokens = subject.split(".")
        return [tokens[number] for number in self._names]

    def match(self, subject: str) -> list[str] | None:
        """Return the names in ``subject``, None if it is not one of this kind."""
        found = self._pattern.fullmatch(subject)
        return None if found is None else list(found.groups())

    def write(self, payload: P) -> bytes:
        """Return ``payload`` as JSON; its values are all text if the subject has always been written so."""
        if not self._text:
            return _encoder.encode(payload)
        return _encoder.encode({name: _text(value) for name, value in msgspec.to_builtins(payload).items()})

    def read(self, data: bytes) -> P | None:
        """Return the payload; None if it is unreadable."""
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeError):
            return None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Nothing(msgspec.Struct):
    """The payload of a message that says everything by its subject."""


class Words(msgspec.Struct):
    """Stands for the events of a transcript, which `media.live.transcript` encodes and decodes."""


class Assigned(msgspec.Struct):
    """A member has answered the call."""

    agent: str | None = None
    """The member's id."""


class Stopped(msgspec.Struct):
    """The call's transcription must stop."""

    over: bool = False
    """The call itself has ended, too."""


class HoldReport(msgspec.Struct):
    """The customer of the call was put on hold, or taken off it again."""

    at: int = 0
    """When, in ms since 1970: a report that is older than one known of this call changes nothing."""


class Removed(msgspec.Struct):
    """A member's rights have changed, or they have signed out."""

    at: int = 0
    """In ms since 1970."""


class StreamPlace(msgspec.Struct, omit_defaults=True):
    """Where the call's newest stream is."""

    stream: str | None = None
    """The stream's SID."""
    began: int | None = None
    """When the call's first stream began, in ms since 1970."""
    at: int = 0
    """When the newest stream was attached, in ms since 1970."""
    again: bool = False
    """Whether it repeats what was sent before, for those who missed it."""
    node: str | None = None


class Delay(msgspec.Struct):
    """How far the words of a call were behind what was said, in ms: on average, and at most."""

    average: int
    most: int


class GapReport(msgspec.Struct):
    """A stretch of a call whose words are missing. Nothing of what was said."""

    at: int
    """When it began, in ms since 1970."""
    ms: int
    """How long it is."""
    cause: GapCause


class StreamEnded(msgspec.Struct, omit_defaults=True):
    """The call's transcription has ended."""

    reason: str | None = None
    node: str | None = None
    delay: Delay | None = None
    """On the node that had the call last; None if no words came there."""


class StreamState(msgspec.Struct, omit_defaults=True):
    """How the call's transcription does now, or that words are missing. Without a state that has not changed."""

    state: StreamStatus | None = None
    reason: str | None = None
    missed: GapReport | None = None
    node: str | None = None


class PhraseReport(msgspec.Struct, omit_defaults=True):
    """A phrase rule fired in the call. Not what was said."""

    rule: str
    speaker: Literal["caller", "agent"]
    at: int
    """When the utterance began, in ms since 1970."""
    node: str | None = None


class RulePart(msgspec.Struct, omit_defaults=True):
    """One of an organisation's phrase rules; without ``rule``: it has none."""

    version: int
    """When they were read, in ms since 1970: parts of the newest version count."""
    of: int
    """How many rules there are."""
    number: int = 0
    rule: PhraseRule | None = None


class Vocabulary(msgspec.Struct, frozen=True):
    """A custom vocabulary at Transcribe, to be used with a language."""

    name: str
    language: str


class CheckedVocabulary(msgspec.Struct):
    """What is known of a vocabulary now."""

    name: str
    language: str
    state: VocabularyState


CallEvent = TypeVar("CallEvent", StreamPlace, StreamEnded, StreamState, PhraseReport)
"""What media says of a call."""


class OrderState(msgspec.Struct):
    """How far the order of a number is."""

    order: str
    state: str


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A node's request for a slot, or (``slot`` false) to open one more connection for a slot that it holds."""

    number: int
    """Counted by the node; never used twice."""
    since_ms: int
    """Ms since 1970: the lowest is served first."""
    slot: bool = True


class Heartbeat(msgspec.Struct, frozen=True):
    """A media node's full state. Numbers only: no word, no call's name."""

    calls: int = 0
    turn: int = 0
    """Counts the node's heartbeats: one with a lower turn is out of date."""
    born_ms: int = 0
    """When the node joined the others, in ms since 1970. The first to join is leader (`media.quota.allocator`)."""
    held: tuple[int, ...] = ()
    asks: tuple[Ask, ...] = ()
    granted: tuple[tuple[str, int], ...] = ()
    """Grants by the leader to (node, number), repeated until that node confirms them."""
    gone: bool = False
    """The node's last heartbeat: it holds nothing and is no longer a member."""
    transcribe: str | None = None
    """The last error on the way to Transcribe; empty: none; None: not known (`media.speech.transcribe_health`)."""


class UsedTicket(msgspec.Struct):
    """A ticket was used, and is good for nothing any more."""

    jti: str
    exp: float


class OpenedConsoles(msgspec.Struct):
    """A member's consoles on a node (`media.nodes.member_consoles`)."""

    node: str
    org: str
    member: str
    at: list[float]
    """When each of them was opened, in seconds since 1970."""
    is_answer: bool = False


class Watch(msgspec.Struct):
    """A node watches an organisation, or wants to know a call."""

    node: str
    gone: bool = False
    """The node stops watching."""
    of: str = ""
    """The one node that is to answer; empty: all."""


class Joined(msgspec.Struct, frozen=True):
    """A media node has connected to NATS, for the first time or again."""

    node: str = ""


class HeardUntil(msgspec.Struct):
    """An answer to `Watch`: until when a call was heard."""

    call: str
    at: float
    """Until when the call's audio was received, in seconds since 1970."""
    exact: bool = False
    """From the node that received it and sends all its words."""


class Answered(msgspec.Struct):
    """An answer to `Watch`: the node has sent all that it knows."""

    node: str


class Reader(msgspec.Struct, frozen=True):
    """A member who reads a call of their organisation."""

    member: str
    name: str


class ReadersReport(msgspec.Struct):
    """Who reads a call at a node, repeated as long as somebody does; an empty list: nobody does any more."""

    node: str
    readers: list[Reader]


class Line(msgspec.Struct, frozen=True):
    """A line of text that a supervisor wrote to a call's agent. In memory only, until the call ends."""

    id: str
    member: str
    name: str
    text: str
    at: int
    """When, in ms since 1970."""


class LineSent(msgspec.Struct):
    """A line that was written at a node."""

    node: str
    line: Line


# Calls, without words: from media to web, and back.
STARTED = Subject("call.{org}.{call}.started", StreamPlace, publishers=["media"], subscribers=["media"], text=True)
LOST = Subject("call.{org}.{call}.lost", StreamPlace, publishers=["media"], text=True)
STREAM = Subject("call.{org}.{call}.stream", StreamState, publishers=["media"])
ENDED = Subject("call.{org}.{call}.ended", StreamEnded, publishers=["media"], subscribers=["media"])
PHRASE = Subject("call.{org}.{call}.phrase", PhraseReport, publishers=["media"])
ASSIGNED = Subject("call.{org}.{call}.assigned", Assigned, publishers=["web"], subscribers=["media"])
STOPPED = Subject("call.{org}.{call}.stopped", Stopped, publishers=["web"], subscribers=["media"])
HELD = Subject("call.{org}.{call}.held", HoldReport, publishers=["web"], subscribers=["media"])
RESUMED = Subject("call.{org}.{call}.resumed", HoldReport, publishers=["web"], subscribers=["media"])
CALL_EVENTS = Subject("call.>", Nothing, subscribers=["web"])
"""One subscription to all of them: a call's events arrive in their order."""

HANDOVER = Subject("handover.{org}.{call}", StreamPlace, publishers=["media"], text=True)
"""The node asks for a new stream of the call on another node."""
HANDOVERS = Subject("handover.>", Nothing, subscribers=["web"])

PHRASES_WANTED = Subject("phrases.{org}.wanted", Nothing, publishers=["media"], subscribers=["web"])
"""The node has calls of the organisation and needs its phrase rules."""
PHRASE_RULES = Subject("phrases.{org}.rules", RulePart, publishers=["web"], subscribers=["media"])

VOCABULARY_WANTED = Subject("vocabulary.wanted", Vocabulary, publishers=["web"], subscribers=["media"])
"""One node asks Transcribe about the vocabulary, and answers."""
VOCABULARY_CHECKED = Subject("vocabulary.checked", CheckedVocabulary, publishers=["media"], subscribers=["web"])

REMOVED = Subject("member.{org}.{member}.removed", Removed, publishers=["web"], subscribers=["media"])
FACTS_WANTED = Subject("facts.wanted", Nothing, publishers=["web"], subscribers=["media"])
"""A process of web has connected: media repeats where its calls are."""
ALIVE = Subject("node.{node}.alive", Heartbeat, publishers=["media"], subscribers=["media", "web"])
"""Every second."""

# From provisioning to web.
ORDER_STATE = Subject("progress.{org}.{order}", OrderState, publishers=["provisioning"])
ENTITLEMENTS = Subject("progress.{org}.standing", Nothing, publishers=["provisioning"])
"""What works for the organisation has changed."""
PROGRESS = Subject("progress.>", Nothing, subscribers=["web"])

# Between media nodes, without words.
TICKET_USED = Subject("ticket.spent", UsedTicket, publishers=["media"], subscribers=["media"])
CONSOLES = Subject("ticket.consoles", OpenedConsoles, publishers=["media"], subscribers=["media"])
SLOTS = Subject("slots.told.{node}", Heartbeat, publishers=["media"], subscribers=["media"])
"""A change of slots, which does not wait for the next `ALIVE`."""
SLOTS_WANTED = Subject("slots.who", Joined, publishers=["media"], subscribers=["media"])
"""A node that has just connected wants every other node's `SLOTS`, and to know who watches (`Watch`)."""

# Between media nodes, with words. The answers to `SNAPSHOT` travel in inboxes.
TRANSCRIPT = Subject("transcript.{org}.{call}", Words, publishers=["media"], subscribers=["media"])
READERS = Subject("transcript.{org}.{call}.readers", ReadersReport, publishers=["media"], subscribers=["media"])
LINE = Subject("transcript.{org}.{call}.line", LineSent, publishers=["media"], subscribers=["media"])
SNAPSHOT = Subject("snapshot.{org_or_call}", Watch, publishers=["media"], subscribers=["media"])
MIRRORED = Subject("_INBOX.{keeper}.kept.{org}.{call}.{owner}", Words, publishers=["media"], subscribers=["media"])


def sender(node: str) -> str:
    """Return the reply subject by which an event of a call says that it is ``node``'s; nobody replies to it."""
    return f"_INBOX.{node}"


def sent_by(reply: str) -> str:
    """Return which node's event it is, from its reply subject; empty if it does not say."""
    return reply.removeprefix("_INBOX.")


# Nobody subscribes to an echo, so NATS itself answers it, in the inbox of whoever published it.
MEDIA_ECHO = Subject("slots.echo", Nothing, publishers=["media"])
WEB_ECHO = Subject("echo.web", Nothing, publishers=["web"])
