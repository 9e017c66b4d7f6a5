"""A console's view of a call, and the transcript events that change it, each with its one JSON form. Pure.

`apply` folds an event into a call. A snapshot followed by later events gives the same call as all events from the
start. Times are ms on the call's clock, which starts with its first stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from protocol.tickets import Direction

Speaker = Literal["caller", "agent"]
State = Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed", "stopped"]
Cause = Literal["twilio", "bilby", "transcribe"]

STOPPED: Literal["stopped"] = "stopped"  # state of a call whose transcription was stopped, and its end reason

MAX_UTTERANCES = 10_000  # of one call: four hours hold about half; beyond, the oldest are forgotten
MAX_GAPS = 1_000


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


class CallView(Struct):
    """A call as consoles show it. ``answered``: an agent was assigned, so it no longer rings."""

    call: str
    direction: Direction
    agent: str | None
    started_at: str
    state: State
    utterances: list[Utterance]
    gaps: list[Gap]
    answered: bool = False


class Snapshot(Struct, frozen=True, tag="snapshot"):
    calls: list[CallView]


class CallStarted(Struct, frozen=True, tag="call.started"):
    call: CallView


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


class GapFound(Struct, frozen=True, tag="gap"):
    call: str
    gap: Gap


class StateChanged(Struct, frozen=True, tag="state"):
    call: str
    state: State


class Latency(Struct, frozen=True, tag="latency"):
    """Age in ms of the newest audio when its words arrived."""

    call: str
    ms: int


Event: TypeAlias = CallStarted | CallAssigned | CallEnded | WordsStopped | Uttered | GapFound | StateChanged | Latency

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Event).decode


def history(view: CallView) -> Iterable[Event]:
    """Yield the events that lead to ``view``, so that no message grows with the call."""
    facts = (view.call, view.direction, view.agent, view.started_at, view.state)
    yield CallStarted(CallView(*facts, utterances=[], gaps=[], answered=view.answered))
    for utterance in view.utterances:
        yield Uttered(view.call, utterance)
    for gap in view.gaps:
        yield GapFound(view.call, gap)


class LiveCall:
    """One live call in memory, until it ends."""

    __slots__ = ("agent", "answered", "call", "direction", "gaps", "org", "started_at", "state", "utterances")

    def __init__(self, org: str, view: CallView) -> None:
        self.org = org
        self.call = view.call
        self.direction = view.direction
        self.agent = view.agent
        self.started_at = view.started_at
        self.state = view.state
        self.answered = view.answered
        self.utterances = {utterance.id: utterance for utterance in view.utterances}
        self.gaps = list(view.gaps)

    def known_before(self, ms: int) -> int:
        """Return the latest time before ``ms`` up to which the call's transcript is known."""
        ends = [utterance.end_ms for utterance in self.utterances.values()] + [gap.to_ms for gap in self.gaps]
        return max((end for end in ends if end <= ms), default=0)

    def known_after(self, ms: int) -> int | None:
        """Return the start of the first utterance that begins at ``ms`` or later; None if there is none."""
        return min((each.start_ms for each in self.utterances.values() if each.start_ms >= ms), default=None)

    def stop(self) -> None:
        """Delete all words, for good."""
        self.state = "stopped"
        self.utterances.clear()
        self.gaps.clear()

    def view(self) -> CallView:
        """Return the call as it is now, its utterances in order of time."""
        spoken = sorted(self.utterances.values(), key=lambda utterance: utterance.start_ms)
        facts = (self.call, self.direction, self.agent, self.started_at, self.state)
        return CallView(*facts, utterances=spoken, gaps=list(self.gaps), answered=self.answered)


def apply(call: LiveCall, event: Event) -> bool:
    """Fold ``event`` into ``call``. Return False if it changes nothing.

    A final utterance is never revised, and words of a stopped call are ignored.
    """
    if call.state == "stopped" and isinstance(event, Uttered | GapFound | StateChanged | Latency | WordsStopped):
        return False
    match event:
        case WordsStopped():
            call.stop()
        case Uttered(utterance=utterance):
            return _update_utterance(call, utterance)
        case StateChanged(state="stopped"):
            call.stop()
        case StateChanged(state=state):
            changed, call.state = call.state != state, state
            return changed
        case CallAssigned(agent=agent):
            return _assign(call, agent)
        case GapFound(gap=gap):
            return _add_gap(call, gap)
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
    call.utterances[utterance.id] = utterance
    if len(call.utterances) > MAX_UTTERANCES:
        del call.utterances[next(iter(call.utterances))]
    return True


def _add_gap(call: LiveCall, gap: Gap) -> bool:
    if gap in call.gaps:
        return False
    call.gaps.append(gap)
    del call.gaps[:-MAX_GAPS]
    return True
