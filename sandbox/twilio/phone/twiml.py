"""TwiML read as Twilio reads it: XML in, verbs and warnings out. Pure; `phone.py` obeys the verbs.

What breaks the XML breaks the call (`TwimlError`, 12100). What the schema does not know is left out with a
12200 warning, and the rest of the document is obeyed.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import get_args

from sandbox.twilio.faults import Track
from sandbox.twilio.phone.softphones import is_identity
from sandbox.twilio.phone.verbs import (
    Beep,
    Conference,
    Dial,
    Event,
    Gather,
    Hangup,
    JoinConference,
    Noun,
    Pause,
    Play,
    Redirect,
    Reject,
    RoomEvent,
    Say,
    StartStream,
    StopStream,
    Verb,
)

MAX_BYTES = 64 * 1024
PARAMETER_CHARACTERS = 500  # "combined length of each <Parameter> name and value … must be under"
MAX_NOUNS = 10  # "Up to 10 nouns" in one <Dial>
MAX_SAY = 4096  # characters
MOST_LOOPS = 1000
MOST_PARTICIPANTS = 250
MAX_LABEL = 128  # characters

TRACKS: dict[str, tuple[Track, ...]] = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}
KEYS = "0123456789*#"
REGIONS = ("us1", "us2", "ie1", "de1", "sg1", "br1", "au1", "jp1")
JITTER_BUFFERS = ("off", "small", "medium", "large")
ROOM_EVENTS: frozenset[RoomEvent] = frozenset(get_args(RoomEvent))
_METHODS = {"GET", "POST"}
_EVENTS: frozenset[Event] = frozenset({"initiated", "ringing", "answered", "completed"})
_CALLBACK = "statusCallback statusCallbackMethod"
_NOUN = f"url method statusCallbackEvent {_CALLBACK}"

ATTRIBUTES = {
    "Say": "voice language loop",
    "Pause": "length",
    "Start": "action method",
    "Stream": f"url name track {_CALLBACK}",
    "Parameter": "name value",
    "Stop": "",
    "Dial": "action method answerOnBridge callerId timeout timeLimit record hangupOnStar ringTone sequential trim "
    "recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent recordingTrack",
    "Client": _NOUN,
    "Identity": "",
    "Number": f"{_NOUN} sendDigits byoc",
    "Conference": "muted beep startConferenceOnEnter endConferenceOnExit participantLabel jitterBufferSize waitUrl "
    "waitMethod maxParticipants record region trim coach statusCallbackEvent recordingStatusCallback "
    "recordingStatusCallbackMethod recordingStatusCallbackEvent recordingConfigurationId eventCallbackUrl "
    f"{_CALLBACK}",
    "Gather": "input action method timeout speechTimeout maxSpeechTime profanityFilter finishOnKey numDigits "
    "partialResultCallback partialResultCallbackMethod language hints bargeIn debug actionOnEmptyResult speechModel "
    "enhanced",
    "Play": "loop digits",
    "Hangup": "",
    "Redirect": "method",
    "Reject": "reason",
}


class TwimlError(ValueError):
    """The document cannot be obeyed at all: Twilio's error 12100."""

    code = 12100


@dataclass(frozen=True, slots=True)
class Warned:
    """Something in the document that Twilio complains about in its debugger, and goes on."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """The verbs to obey in order, and what Twilio would warn about."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[Warned, ...] = ()


def is_label(text: str) -> bool:
    """Return whether ``text`` can be a participant's label; an empty one is none."""
    return len(text) <= MAX_LABEL and not re.search("/|%2f|^CA[0-9a-f]{32}$", text, re.IGNORECASE)


def parse(text: str) -> Document:
    """Return the document ``text``. Raise `TwimlError`."""
    try:
        root = ET.fromstring(text.strip())
    except (ET.ParseError, ValueError) as error:
        raise TwimlError(f"Document parse failure: {error}") from None
    if root.tag != "Response":
        raise TwimlError(f"Document parse failure: the root element is <{root.tag}>, not <Response>")
    reader = _Reader()
    verbs = tuple(verb for child in root for verb in reader.verb(child))
    return Document(verbs, tuple(reader.warnings))


class _Reader:
    """Reads elements and collects warnings on the way."""

    def __init__(self) -> None:
        self.warnings: list[Warned] = []
        self._verbs: dict[str, Callable[[ET.Element], Verb | None]] = {
            "Say": self._say,
            "Play": self._play,
            "Gather": self._gather,
            "Pause": lambda element: Pause(self._number(element, "length", 1, 0, 86400)),
            "Start": self._start,
            "Stop": self._stop,
            "Dial": self._dial,
            "Hangup": lambda _: Hangup(),
            "Redirect": lambda element: Redirect(_text(element), self._method(element, "method")),
            "Reject": lambda element: Reject(self._choice(element, "reason", {"rejected", "busy"}, "rejected")),
        }

    def verb(self, element: ET.Element) -> list[Verb]:
        """Return the verb that ``element`` is; none if Twilio would skip it."""
        if element.tag not in self._verbs:
            self._warn(f"Invalid content was found starting with element '{element.tag}'")
            return []
        self._check_attributes(element)
        verb = self._verbs[element.tag](element)
        return [] if verb is None else [verb]

    def _say(self, element: ET.Element) -> Say | None:
        text = " ".join("".join(element.itertext()).split())
        if not text or len(text) > MAX_SAY:
            self._warn("Say: Invalid text", 13520)
            return None
        return Say(text)

    def _start(self, element: ET.Element) -> StartStream | None:
        stream = self._only_child(element, "Stream")
        if stream is None:
            return None
        track = stream.get("track", "inbound_track")
        if track not in TRACKS:
            self._warn(f"Stream - Invalid Track configuration: {track}", 31941)
            return None
        return StartStream(
            url=stream.get("url", "").strip(),
            name=stream.get("name", ""),
            tracks=TRACKS[track],
            parameters=self._parameters(stream),
            status_callback=stream.get("statusCallback", ""),
            status_callback_method=self._method(stream, "statusCallbackMethod"),
        )

    def _stop(self, element: ET.Element) -> StopStream | None:
        stream = self._only_child(element, "Stream")
        return None if stream is None else StopStream(stream.get("name", ""))

    def _play(self, element: ET.Element) -> Play | None:
        url, digits = _text(element), element.get("digits", "")
        if not url and not digits:
            self._warn("The content of element 'Play' is not complete")
            return None
        if not re.fullmatch("[0-9A-D*#wW]*", digits):
            self._warn(f"'{digits}' is not a valid value of 'digits' in 'Play'")
            return None
        return Play(url, self._number(element, "loop", 1, 0, MOST_LOOPS), digits)

    def _gather(self, element: ET.Element) -> Gather | None:
        if "dtmf" not in element.get("input", "dtmf").split():
            self._warn("Gather: only input by keys is emulated")
            return None
        key = element.get("finishOnKey", "#")
        if len(key) > 1 or key not in KEYS:
            self._warn(f"'{key}' is not a valid value of 'finishOnKey' in 'Gather'", 13310)
            key = "#"
        return Gather(
            prompt=tuple(self._prompt(element)),
            action=element.get("action", ""),
            method=self._method(element, "method"),
            timeout=self._number(element, "timeout", 5, 1, 600),
            digits=self._number(element, "numDigits", 0, 1, 1000),
            finish_on_key=key,
            on_empty=self._flag(element, "actionOnEmptyResult"),
        )

    def _prompt(self, element: ET.Element) -> Iterator[Say | Play | Pause]:
        for child in element:
            for verb in self.verb(child):
                if isinstance(verb, Say | Play | Pause):
                    yield verb
                else:
                    self._warn(f"Invalid content was found starting with element '{child.tag}'")

    def _dial(self, element: ET.Element) -> Dial | JoinConference | None:
        rooms = [child for child in element if child.tag == "Conference"]
        if rooms and (len(element) > 1 or _text(element)):
            self._warn("Conference Noun cannot be mixed with Number nouns", 13000)
            return None
        return self._room(element, rooms[0]) if rooms else self._dial_people(element)

    def _room(self, dial: ET.Element, room: ET.Element) -> JoinConference | None:
        conference = self._conference(room)
        if conference is None:
            return None
        limit = self._number(dial, "timeLimit", 14400, 1, 86400)
        return JoinConference(conference, dial.get("action", ""), self._method(dial, "method"), limit)

    def _conference(self, element: ET.Element) -> Conference | None:
        self._check_attributes(element)
        name, label = _text(element), element.get("participantLabel", "")
        if not name:
            self._warn("The content of element 'Conference' is not complete")
            return None
        if not is_label(label):
            self._warn("Dial->Conference: Invalid participant label", 16023)
            return None
        beep: Beep = self._choice(element, "beep", set(get_args(Beep)), "true", 13235)  # type: ignore[assignment]
        wait_method = self._choice(element, "waitMethod", _METHODS, "POST", 13234)
        return Conference(
            name=name,
            label=label,
            muted=self._flag(element, "muted", code=13230),
            beep=beep,
            start_on_enter=self._flag(element, "startConferenceOnEnter", default="true", code=13232),
            end_on_exit=self._flag(element, "endConferenceOnExit", code=13231),
            wait_url=element.get("waitUrl"),
            wait_method=wait_method,
            max_participants=self._number(element, "maxParticipants", MOST_PARTICIPANTS, 2, MOST_PARTICIPANTS),
            region=self._choice(element, "region", REGIONS, ""),
            coach=element.get("coach", ""),
            jitter_buffer=self._choice(element, "jitterBufferSize", JITTER_BUFFERS, "large"),
            status_callback=element.get("statusCallback", ""),
            status_callback_method=self._method(element, "statusCallbackMethod"),
            events=self._room_events(element),
        )

    def _room_events(self, element: ET.Element) -> frozenset[RoomEvent]:
        named = set(element.get("statusCallbackEvent", "").split())
        if named - ROOM_EVENTS:
            self._warn(f"'{' '.join(sorted(named - ROOM_EVENTS))}' is no statusCallbackEvent of a Conference")
        return ROOM_EVENTS & named

    def _dial_people(self, element: ET.Element) -> Dial | None:
        nouns = [Noun(_text(element))] if _text(element) else []
        nouns += [noun for child in element for noun in self._noun(child)]
        if not nouns or len(nouns) > MAX_NOUNS:
            self._warn(f"The content of element 'Dial' has {len(nouns)} nouns; it must have 1 to {MAX_NOUNS}")
        if not nouns:
            return None
        return Dial(
            nouns=tuple(nouns[:MAX_NOUNS]),
            action=element.get("action", ""),
            method=self._method(element, "method"),
            answer_on_bridge=self._flag(element, "answerOnBridge"),
            caller_id=element.get("callerId", ""),
            timeout=self._number(element, "timeout", 30, 1, 600),
            time_limit=self._number(element, "timeLimit", 14400, 1, 86400),
            sequential=self._flag(element, "sequential"),
        )

    def _noun(self, element: ET.Element) -> list[Noun]:
        if element.tag not in ("Client", "Number"):
            self._warn(f"Invalid content was found starting with element '{element.tag}'")
            return []
        self._check_attributes(element)
        to = self._address(element)
        if not to:
            self._warn(f"The content of element '{element.tag}' is not complete")
            return []
        return [self._dialled(element, to)]

    def _dialled(self, element: ET.Element, to: str) -> Noun:
        named = set(element.get("statusCallbackEvent", "completed").split())
        if named - _EVENTS:
            self._warn(f"'{' '.join(sorted(named - _EVENTS))}' is no statusCallbackEvent")
        return Noun(
            to=to,
            url=element.get("url", ""),
            method=self._method(element, "method"),
            parameters=self._parameters(element),
            status_callback=element.get("statusCallback", ""),
            status_callback_method=self._method(element, "statusCallbackMethod"),
            status_callback_events=_EVENTS & named,
        )

    def _address(self, element: ET.Element) -> str:
        if element.tag == "Number":
            return _text(element)
        identity = element.findtext("Identity", "").strip() or _text(element)
        if identity and not is_identity(identity):
            self._warn(f"'{identity}' can be no Client's identity: letters, digits and underscores")
            return ""
        return f"client:{identity}" if identity else ""

    def _parameters(self, element: ET.Element) -> tuple[tuple[str, str], ...]:
        found = []
        for child in element.iter("Parameter"):
            self._check_attributes(child)
            name, value = child.get("name", ""), child.get("value", "")
            if not name or len(name) + len(value) >= PARAMETER_CHARACTERS:
                self._warn(f"Parameter '{name[:40]}': name and value must be under {PARAMETER_CHARACTERS} characters")
            else:
                found.append((name, value))
        return tuple(found)

    def _only_child(self, element: ET.Element, tag: str) -> ET.Element | None:
        if [child.tag for child in element] != [tag]:
            self._warn(f"The content of element '{element.tag}' is not one '{tag}'")
            return None
        self._check_attributes(element[0])
        return element[0]

    def _check_attributes(self, element: ET.Element) -> None:
        for name in sorted(element.attrib.keys() - set(ATTRIBUTES[element.tag].split())):
            self._warn(f"Attribute '{name}' is not allowed to appear in element '{element.tag}'")

    def _number(self, element: ET.Element, name: str, default: int, least: int, most: int) -> int:
        text = element.get(name)
        if text is None:
            return default
        if text.isdecimal() and least <= int(text) <= most:
            return int(text)
        self._warn(f"'{text}' is not a valid value of '{name}' in '{element.tag}'")
        return default

    def _choice(
        self, element: ET.Element, name: str, allowed: Collection[str], default: str, code: int = 12200
    ) -> str:
        value = element.get(name, default)
        if value in allowed or value == default:
            return value
        self._warn(f"'{value}' is not a valid value of '{name}' in '{element.tag}'", code)
        return default

    def _method(self, element: ET.Element, name: str) -> str:
        return self._choice(element, name, _METHODS, "POST")

    def _flag(self, element: ET.Element, name: str, *, default: str = "false", code: int = 12200) -> bool:
        return self._choice(element, name, {"true", "false"}, default, code) == "true"

    def _warn(self, text: str, code: int = 12200) -> None:
        self.warnings.append(Warned(code, text))


def _text(element: ET.Element) -> str:
    return (element.text or "").strip()
