"""TwiML's verbs and nouns as values, as far as the emulated Twilio obeys them. `twiml.py` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sandbox.twilio.faults import Track

Event = Literal["initiated", "ringing", "answered", "completed"]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait ``length`` seconds."""

    length: int = 1


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Turn the call down unanswered; ``reason`` is ``rejected`` or ``busy``."""

    reason: str = "rejected"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with the document at ``url``."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class StartStream:
    """`<Start><Stream>`; ``parameters`` in the order written."""

    url: str
    name: str = ""
    tracks: tuple[Track, ...] = ("inbound",)
    parameters: tuple[tuple[str, str], ...] = ()
    status_callback: str = ""
    status_callback_method: str = "POST"


@dataclass(frozen=True, slots=True)
class StopStream:
    """`<Stop><Stream name=…/>`."""

    name: str


@dataclass(frozen=True, slots=True)
class Noun:
    """Whom to dial: ``to`` is E.164 or ``client:identity``; ``url`` is what the callee hears before the bridge."""

    to: str
    url: str = ""
    method: str = "POST"
    parameters: tuple[tuple[str, str], ...] = ()
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: frozenset[Event] = frozenset({"completed"})


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect to the first of ``nouns`` that answers."""

    nouns: tuple[Noun, ...]
    action: str = ""
    method: str = "POST"
    answer_on_bridge: bool = False
    caller_id: str = ""
    timeout: int = 30
    time_limit: int = 14400
    sequential: bool = False


Verb: TypeAlias = Say | Pause | Hangup | Reject | Redirect | StartStream | StopStream | Dial
