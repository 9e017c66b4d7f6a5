"""TwiML's verbs and nouns as values, as far as the emulated Twilio obeys them. `twiml.py` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sandbox.twilio.faults import Track

Event = Literal["initiated", "ringing", "answered", "completed"]
Beep = Literal["true", "false", "onEnter", "onExit"]
RoomEvent = Literal["start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement"]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak ``text``."""

    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """Play the sound file at ``url`` ``loop`` times (0: until the call ends), or the tones of ``digits``."""

    url: str
    loop: int = 1
    digits: str = ""


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
class Gather:
    """Collect keys while ``prompt`` is heard and for ``timeout`` seconds after it, or after the last key.

    ``digits``: how many end it (0: any number). ``finish_on_key`` ends it too and is no digit; empty: no key does.
    ``action`` is asked with what was pressed; empty: the document's own URL.
    """

    prompt: tuple[Say | Play | Pause, ...] = ()
    action: str = ""
    method: str = "POST"
    timeout: int = 5
    digits: int = 0
    finish_on_key: str = "#"
    on_empty: bool = False


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


@dataclass(frozen=True, slots=True)
class Conference:
    """The room called ``name``, and how this participant is in it.

    ``wait_url``: what sounds before the conference starts; None is Twilio's own music, empty is silence. ``coach`` is
    the CallSid of the only participant who hears this one.
    """

    name: str
    label: str = ""
    muted: bool = False
    beep: Beep = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    wait_url: str | None = None
    wait_method: str = "POST"
    max_participants: int = 250
    region: str = ""
    coach: str = ""
    jitter_buffer: str = "large"
    status_callback: str = ""
    status_callback_method: str = "POST"
    events: frozenset[RoomEvent] = frozenset()


@dataclass(frozen=True, slots=True)
class JoinConference:
    """`<Dial><Conference>`: be in the room until one leaves it, then ask ``action``."""

    conference: Conference
    action: str = ""
    method: str = "POST"
    time_limit: int = 14400


Verb: TypeAlias = (
    Say | Play | Pause | Gather | Hangup | Reject | Redirect | StartStream | StopStream | Dial | JoinConference
)
