"""What a console knows of a call, and the transcript events that tell it. Pure; the one JSON form of each.

`apply` folds an event into a call; a snapshot followed by the events after it folds to the same as all the events.
Times are ms on the call's clock, which starts with its first stream.
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

STOPPED: Literal["stopped"] = "stopped"  # the state of a call whose words somebody stopped, and why they ended

MOST_UTTERANCES = 10_000  # of one call: four hours hold about half; beyond, the oldest are forgotten
MOST_GAPS = 1_000


class Utterance(Struct, frozen=True):
    """One stretch of speech. ``stable_words`` leading words of ``text`` will not change any more."""

    id: str
    speaker: Speaker
    text: str
    final: bool
    start_ms: int
    end_ms: int
    stable_words: int


class Gap(Struct, frozen=True):
    """Sound that nobody will read, and whose fault that is."""

    from_ms: int
    to_ms: int
    cause: Cause


class CallView(Struct):
    """A call as consoles are shown it. ``answered``: somebody was assigned to it, so it rings no longer."""

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
    """The call was answered, and ``agent`` has it. An outbound one's agent is known before."""

    call: str
    agent: str | None


class CallEnded(Struct, frozen=True, tag="call.ended"):
    call: str
    reason: str


class WordsStopped(Struct, frozen=True, tag="call.stopped"):
    """Somebody asked that this call's words stop: there are none any more, and none will come."""

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
    """Age in ms of the newest sound when its words arrived."""

    call: str
    ms: int


Event: TypeAlias = CallStarted | CallAssigned | CallEnded | WordsStopped | Uttered | GapFound | StateChanged | Latency

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Event).decode


def history(view: CallView) -> Iterable[Event]:
    """A call as the events that lead to what it is: no single one grows with the call."""
    facts = (view.call, view.direction, view.agent, view.started_at, view.state)
    yield CallStarted(CallView(*facts, utterances=[], gaps=[], answered=view.answered))
    for utterance in view.utterances:
        yield Uttered(view.call, utterance)
    for gap in view.gaps:
        yield GapFound(view.call, gap)


class LiveCall:
    """One live call's memory: what is known of it until it ends."""

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
        """Up to where, before ``ms``, something is known of it."""
        ends = [utterance.end_ms for utterance in self.utterances.values()] + [gap.to_ms for gap in self.gaps]
        return max((end for end in ends if end <= ms), default=0)

    def stop(self) -> None:
        """Forget what was said, for good."""
        self.state = "stopped"
        self.utterances.clear()
        self.gaps.clear()

    def view(self) -> CallView:
        """The call as it stands now, in the order in which it was said."""
        spoken = sorted(self.utterances.values(), key=lambda utterance: utterance.start_ms)
        facts = (self.call, self.direction, self.agent, self.started_at, self.state)
        return CallView(*facts, utterances=spoken, gaps=list(self.gaps), answered=self.answered)


def apply(call: LiveCall, event: Event) -> bool:
    """Fold ``event`` into ``call``; False if it tells nothing new.

    A final is never revised, and words that were stopped do not come back.
    """
    if call.state == "stopped" and isinstance(event, Uttered | GapFound | StateChanged | Latency | WordsStopped):
        return False
    match event:
        case WordsStopped():
            call.stop()
        case Uttered(utterance=utterance):
            return _utter(call, utterance)
        case StateChanged(state="stopped"):
            call.stop()
        case StateChanged(state=state):
            changed, call.state = call.state != state, state
            return changed
        case CallAssigned(agent=agent):
            return _assign(call, agent)
        case GapFound(gap=gap):
            return _note_gap(call, gap)
    return True


def _assign(call: LiveCall, agent: str | None) -> bool:
    answered = call.answered or agent is not None
    changed = (call.agent, call.answered) != (agent, answered)
    call.agent, call.answered = agent, answered
    return changed


def _utter(call: LiveCall, utterance: Utterance) -> bool:
    known = call.utterances.get(utterance.id)
    if known is not None and (known.final or known == utterance):
        return False
    call.utterances[utterance.id] = utterance
    if len(call.utterances) > MOST_UTTERANCES:
        del call.utterances[next(iter(call.utterances))]
    return True


def _note_gap(call: LiveCall, gap: Gap) -> bool:
    if gap in call.gaps:
        return False
    call.gaps.append(gap)
    del call.gaps[:-MOST_GAPS]
    return True
