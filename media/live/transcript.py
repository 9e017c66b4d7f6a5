"""A console's view of a call, and the transcript events that change it, each with its one JSON form. Pure.

`apply` folds an event into a call. A snapshot followed by later events gives the same call as all events from the
start. Times are ms on the call's clock, which starts with its first stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, structs

from media.live.talk import Talk, TalkTimes
from protocol.messages import Line
from protocol.tickets import Direction

Speaker = Literal["caller", "agent"]
State = Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed", "held", "stopped"]
Cause = Literal["twilio", "bilby", "transcribe"]

HELD: Literal["held"] = "held"  # state of a call whose customer is on hold
STOPPED: Literal["stopped"] = "stopped"  # state of a call whose transcription was stopped, and its end reason

MAX_UTTERANCES = 10_000  # of one call: four hours hold about half; beyond, the oldest are forgotten
MAX_GAPS = 1_000
MAX_PHRASES = 500
MAX_LINES = 50


class Utterance(Struct, frozen=True):
    """One stretch of speech. The first ``stable_words`` words of ``text`` will not change any more."""

    id: str
    speaker: Speaker
    text: str
    final: bool
    start_ms: int
    end_ms: int
    stable_words: int


class Gap(Struct, frozen=True):
    """Audio that was not transcribed, and whose fault that is."""

    from_ms: int
    to_ms: int
    cause: Cause


class Phrase(Struct, frozen=True):
    """A phrase rule that an utterance fired. ``card``: the organisation's own text for the agent."""

    rule: str
    name: str
    utterance: str
    speaker: Speaker
    at_ms: int
    priority: int
    card: str | None = None
    must_say: bool = False


class CallView(Struct):
    """A call as consoles show it. ``answered``: an agent was assigned, so it no longer rings.

    ``held_at``: since when its customer is on hold, in ms since 1970, while ``state`` is ``held``.
    ``talk``: who talked for how long; None: nobody yet.
    """

    call: str
    direction: Direction
    agent: str | None
    started_at: str
    state: State
    utterances: list[Utterance]
    gaps: list[Gap]
    answered: bool = False
    held_at: int | None = None
    phrases: list[Phrase] = []
    talk: Talk | None = None
    language: str = ""
    """Of its words: ``en-AU``; empty: not known."""
    redacted: bool = False
    """Whether personal details are left out, so that words are readable only once they are final."""
    lines: list[Line] = []
    """What supervisors wrote to its agent."""


class Snapshot(Struct, frozen=True, tag="snapshot"):
    calls: list[CallView]


class CallStarted(Struct, frozen=True, tag="call.started"):
    call: CallView


class CallWords(Struct, frozen=True, tag="call.words"):
    """All that was said so far in a call that a console follows from now on (`media.live.following`)."""

    call: str
    utterances: list[Utterance]
    gaps: list[Gap]
    phrases: list[Phrase]
    talk: Talk | None


class CallAssigned(Struct, frozen=True, tag="call.assigned"):
    """``agent`` answered the call. The agent of an outbound call is known before."""

    call: str
    agent: str | None


class CallEnded(Struct, frozen=True, tag="call.ended"):
    call: str
    reason: str


class WordsStopped(Struct, frozen=True, tag="call.stopped"):
    """The call's transcription was stopped on request: its words are deleted, and no more will come."""

    call: str


class Uttered(Struct, frozen=True, tag="utterance"):
    call: str
    utterance: Utterance


class PhraseHeard(Struct, frozen=True, tag="phrase"):
    call: str
    phrase: Phrase


class LineWritten(Struct, frozen=True, tag="line"):
    """A supervisor has written to the call's agent."""

    call: str
    line: Line


class TalkChanged(Struct, frozen=True, tag="talk"):
    """Who talked for how long. Each node counts its own utterances, and learns from others about time on hold."""

    call: str
    talk: Talk


class GapFound(Struct, frozen=True, tag="gap"):
    call: str
    gap: Gap


class StateChanged(Struct, frozen=True, tag="state", omit_defaults=True):
    """``held_at`` as in `CallView`."""

    call: str
    state: State
    held_at: int | None = None


class Latency(Struct, frozen=True, tag="latency"):
    """Age in ms of the newest audio when its words arrived."""

    call: str
    ms: int


Event: TypeAlias = (
    CallStarted
    | CallAssigned
    | CallEnded
    | WordsStopped
    | Uttered
    | PhraseHeard
    | LineWritten
    | TalkChanged
    | GapFound
    | StateChanged
    | Latency
)


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Event).decode


def history(view: CallView) -> Iterable[Event]:
    """Yield the events that lead to ``view``, so that no message grows with the call."""
    without_words = structs.replace(view, utterances=[], gaps=[], phrases=[], talk=None, lines=[])
    yield CallStarted(without_words)
    for utterance in view.utterances:
        yield Uttered(view.call, utterance)
    for gap in view.gaps:
        yield GapFound(view.call, gap)
    for phrase in view.phrases:
        yield PhraseHeard(view.call, phrase)
    for line in view.lines:
        yield LineWritten(view.call, line)
    if view.talk is not None:
        yield TalkChanged(view.call, view.talk)


class LiveCall:
    """One live call in memory, until it ends."""

    __slots__ = (
        "agent",
        "answered",
        "call",
        "direction",
        "gaps",
        "held_at",
        "language",
        "latency_ms",
        "latest",
        "lines",
        "org",
        "phrases",
        "redacted",
        "started_at",
        "state",
        "talk",
        "translations",
        "utterances",
    )

    def __init__(self, org: str, view: CallView) -> None:
        self.org = org
        self.call = view.call
        self.direction = view.direction
        self.agent = view.agent
        self.started_at = view.started_at
        self.state = view.state
        self.held_at = view.held_at
        self.answered = view.answered
        self.language = view.language
        self.redacted = view.redacted
        self.latency_ms: int | None = None
        self.latest: Utterance | None = None  # the one that came or changed last
        self.utterances = {utterance.id: utterance for utterance in view.utterances}
        self.translations: dict[tuple[str, str], str] = {}  # of an utterance (id), into a language
        self.talk = TalkTimes()
        for utterance in view.utterances:
            self.latest = utterance
            self._count(utterance)
        if view.talk is not None:
            self.talk.adopt(view.talk)
        if self.state == HELD:
            self.talk.held()
        self.gaps = list(view.gaps)
        self.phrases = list(view.phrases)
        self.lines = list(view.lines)

    def known_before(self, ms: int) -> int:
        """Return the latest time before ``ms`` up to which the call's transcript is known."""
        ends = [utterance.end_ms for utterance in self.utterances.values()] + [gap.to_ms for gap in self.gaps]
        return max((end for end in ends if end <= ms), default=0)

    def known_after(self, ms: int) -> int | None:
        """Return the start of the first utterance that begins at ``ms`` or later; None if there is none."""
        return min((each.start_ms for each in self.utterances.values() if each.start_ms >= ms), default=None)

    def put(self, utterance: Utterance) -> None:
        """Add or replace ``utterance``."""
        self.utterances[utterance.id] = self.latest = utterance
        if len(self.utterances) > MAX_UTTERANCES:
            del self.utterances[next(iter(self.utterances))]
        self._count(utterance)

    def _count(self, utterance: Utterance) -> None:
        if utterance.final:
            self.talk.add(utterance.speaker, utterance.text, utterance.start_ms, utterance.end_ms)

    def condition(self) -> StateChanged:
        """Return the event that says how the call is now."""
        return StateChanged(self.call, self.state, self.held_at)

    def stop(self) -> None:
        """Delete all words of the call, for good; what was written to its agent is none of them."""
        self.state, self.held_at = "stopped", None
        self.latency_ms = self.latest = None
        self.utterances.clear()
        self.gaps.clear()
        self.phrases.clear()
        self.translations.clear()
        self.talk = TalkTimes()

    def view(self) -> CallView:
        """Return the call as it is now, its utterances in order of time."""
        spoken = sorted(self.utterances.values(), key=lambda utterance: utterance.start_ms)
        return structs.replace(self.outline(), utterances=spoken, gaps=list(self.gaps), phrases=list(self.phrases))

    def outline(self) -> CallView:
        """Return the call as it is now, without words."""
        return CallView(
            self.call,
            self.direction,
            self.agent,
            self.started_at,
            self.state,
            utterances=[],
            gaps=[],
            answered=self.answered,
            held_at=self.held_at,
            talk=self.talk.sums() if self.utterances else None,
            language=self.language,
            redacted=self.redacted,
            lines=list(self.lines),
        )

    def words(self) -> CallWords:
        """Return all that was said so far."""
        view = self.view()
        return CallWords(self.call, view.utterances, view.gaps, view.phrases, view.talk)


def apply(call: LiveCall, event: Event) -> bool:
    """Fold ``event`` into ``call``. Return False if it changes nothing.

    A final utterance is never revised, and words of a stopped call are ignored.
    """
    if call.state == "stopped" and not isinstance(event, CallStarted | CallAssigned | CallEnded | LineWritten):
        return False
    match event:
        case WordsStopped():
            call.stop()
        case Uttered(utterance=utterance):
            return _update_utterance(call, utterance)
        case StateChanged(state="stopped"):
            call.stop()
        case StateChanged(state=state, held_at=held_at):
            changed = (call.state, call.held_at) != (state, held_at)
            if state == HELD:
                call.talk.held()
            call.state, call.held_at = state, held_at
            return changed
        case Latency(ms=ms):
            call.latency_ms = ms
        case CallAssigned(agent=agent):
            return _assign(call, agent)
        case GapFound(gap=gap):
            return _add_gap(call, gap)
        case PhraseHeard(phrase=phrase):
            return _add_phrase(call, phrase)
        case LineWritten(line=line):
            return _add_line(call, line)
        case TalkChanged(talk=talk):
            adopted = call.talk.adopt(talk)
            if call.state == HELD:
                call.talk.held()
            return adopted
    return True


def _assign(call: LiveCall, agent: str | None) -> bool:
    answered = call.answered or agent is not None
    changed = (call.agent, call.answered) != (agent, answered)
    call.agent, call.answered = agent, answered
    return changed


def _update_utterance(call: LiveCall, utterance: Utterance) -> bool:
    known = call.utterances.get(utterance.id)
    if known is not None and (known.final or known == utterance):
        return False
    call.put(utterance)
    return True


def _add_gap(call: LiveCall, gap: Gap) -> bool:
    if gap in call.gaps:
        return False
    call.gaps.append(gap)
    del call.gaps[:-MAX_GAPS]
    return True


def _add_phrase(call: LiveCall, phrase: Phrase) -> bool:
    if phrase in call.phrases:
        return False
    call.phrases.append(phrase)
    del call.phrases[:-MAX_PHRASES]
    return True


def _add_line(call: LiveCall, line: Line) -> bool:
    if any(known.id == line.id for known in call.lines):
        return False
    call.lines.append(line)
    del call.lines[:-MAX_LINES]
    return True
