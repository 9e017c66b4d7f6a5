"""The room of one call: who is in it, what is wanted, and what Twilio has shown. Pure; `step` changes it.

A room is a Twilio conference named after the call's row. The customer is in it from the first word to the last;
agents, outside parties and supervisors come and go. What is wanted stands beside what is true (``held_wanted``,
``held``); `due` lists the requests that make them equal. Times are milliseconds since 1970.

It is stored as JSON. A field that is added needs a default, so that rooms of the release before can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

import msgspec

from db.call_progress import Direction

Phase = Literal["waiting", "claimed", "dialling", "talking", "alone", "elsewhere", "over"]
"""waiting: the customer is, or soon will be, in the room and nobody has claimed them. claimed: an agent is joining.
dialling: an agent calls out and the customer is not there yet. talking: with somebody. alone: the customer was left
without anybody, and is rung again. elsewhere: sent to the overflow number or an announcement. over: ended."""
Kind = Literal["customer", "agent", "outside", "supervisor"]
LegState = Literal["expected", "ringing", "answered", "joined", "left", "ended"]
"""expected: no request for it has reached Twilio. answered: on the line, not in the conference yet. left: out of the
conference, the call may go on. ended: the call is over."""
TransferKind = Literal["blind", "warm", "add"]
"""add: somebody joins the conversation, and the customer is not held meanwhile."""
TransferState = Literal["ringing", "consulting", "three_way"]
Help = Literal["asked", "acknowledged"]
SupervisorMode = Literal["listen", "whisper", "barge", "take_over"]
"""listen: muted. whisper: heard by the agent alone. barge: heard by everybody. take_over: becomes the agent once
everybody hears them."""
Announced = Literal["", "tone", "words"]
"""How those in the room learn that a supervisor comes; empty: the prompt has said that one may."""
Reason = Literal["nobody_available", "nobody_answered", "outside_hours"]
"""Why a customer is sent elsewhere."""

LONELY: tuple[Phase, ...] = ("waiting", "alone")
"""The customer has nobody, and nobody is coming."""
JOIN = 10_000  # milliseconds for a softphone to ask for its document, and again to be in the room
CUSTOMER = "customer"
UNKNOWN = "?"
_MEMBER = re.compile("(?:agent|supervisor)-([0-9a-f]{32})")
_LABEL = re.compile("customer|(agent|supervisor)-[0-9a-f]{32}|outside-[1-9][0-9]{0,2}")
_KINDS: dict[str, Kind] = {
    "customer": "customer",
    "agent": "agent",
    "outside": "outside",
    "supervisor": "supervisor",
}
_MOST_ENDED = 40  # legs and conferences remembered after their end, for callbacks that come late


class RefusedError(Exception):
    """The command cannot be done now; ``code`` says why. Nothing has changed.

    ``by`` is the member who was faster, if that is the reason.
    """

    def __init__(self, code: str, by: UUID | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.by = by


@dataclass(frozen=True, slots=True)
class Leg:
    """One party's connection. ``label`` is its participant label at Twilio."""

    label: str
    call_sid: str = ""
    """Empty until Twilio has named it."""
    state: LegState = "expected"
    conference: str = ""
    """SID of the conference that it is, or was last, in."""
    left: tuple[str, ...] = ()
    """Conferences that it has left: a late `join` of one of them means nothing."""
    joined_at: int | None = None
    left_at: int | None = None
    held: bool = False
    held_wanted: bool = False
    held_since: int | None = None
    held_seen: int = -1
    """SequenceNumber of the event that said so, -1 if asked from Twilio. Likewise ``muted_seen``."""
    muted: bool = False
    muted_wanted: bool = False
    muted_seen: int = -1
    coach: str = ""
    """CallSid of the only one who hears it; `UNKNOWN` if Twilio has not said whom."""
    coach_wanted: str = ""
    coach_seen: int = -1
    unsure: bool = False
    """Whether a request to mute or unmute a supervisor is on its way, or its answer was lost: they may be heard."""
    taken_over: bool = False
    """A supervisor's leg that is the agent's now: its label stays."""
    removed: bool = False
    """Must leave the room."""
    bound: bool = False
    """Whether the conference ends when it leaves (``endConferenceOnExit``)."""
    bound_wanted: bool = False
    number: str = ""
    """Of an outside party (E.164)."""
    end: str = ""
    """Twilio's CallStatus at its end: ``busy``, ``no-answer``, …"""

    @property
    def kind(self) -> Kind:
        return "agent" if self.taken_over else _KINDS[self.label.partition("-")[0]]

    @property
    def member(self) -> UUID | None:
        """The member whose softphone it is."""
        found = _MEMBER.fullmatch(self.label)
        return UUID(found[1]) if found else None

    @property
    def is_there(self) -> bool:
        """Whether it is in the conference, and meant to be."""
        return self.state == "joined" and not self.removed

    @property
    def is_alive(self) -> bool:
        """Whether Twilio has a call that has not ended."""
        return self.state in ("ringing", "answered", "joined")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a call is transferred to: a member, a group, or a number (E.164), which has a ``label`` in the room."""

    kind: Literal["member", "group", "number"]
    id: UUID | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer or an invitation in progress. ``label`` is the leg of the party who comes, once that is known."""

    kind: TransferKind
    target: Target
    by: UUID
    state: TransferState = "ringing"
    since: int = 0
    until: int = 0
    """When ringing ends."""
    claimed_by: UUID | None = None
    claimed_at: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A member who helps in the call, or will as soon as their softphone has joined."""

    member: UUID
    mode: SupervisorMode = "listen"
    since: int = 0
    """When their softphone was last expected."""
    announced: Announced = ""
    was_announced: bool = False
    """Whether the words were spoken."""
    whispers_to: str = ""
    """CallSid of the agent, while they whisper."""
    among: tuple[str, ...] = ()
    """CallSids of all agents when they began to whisper: another change of them mutes first."""
    was_muted: bool = False
    """Whether they were muted because the agents changed, and have not spoken since."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Requests to Twilio for one action so far. No other is made before ``next_at``."""

    count: int
    next_at: int
    why: str = ""
    """What the last one failed with; empty while it is on its way."""


@dataclass(frozen=True, slots=True)
class Room:
    """The whole state. ``agent`` is who is responsible: has claimed the call, or talks to the customer."""

    direction: Direction
    customer: Leg
    phase: Phase = "waiting"
    since: int = 0
    """When the phase began."""
    agent: UUID | None = None
    returning_to: UUID | None = None
    """Who had the customer before they were left alone: rung first."""
    legs: tuple[Leg, ...] = ()
    """Everybody's but the customer's, those that ended included; the newest last."""
    transfer: Transfer | None = None
    held_words: Literal["music", "ringing"] = "music"
    """What the customer hears while held."""
    problem: str = ""
    """Code of what last went wrong, for the page; a command that succeeds clears it."""
    help: Help | None = None
    helper: UUID | None = None
    """Who has acknowledged."""
    line: str = ""
    """Our number (E.164) in this call: what is shown where we call out."""
    reason: Reason | None = None
    """Why the customer was sent elsewhere."""
    was_answered: bool = False
    has_waited: bool = False
    """Whether the customer was ever in the room."""
    ended: tuple[str, ...] = ()
    """Conferences that are over."""
    outside: int = 0
    """Outside parties so far."""
    supervisors: tuple[Supervisor, ...] = ()
    """Who helps, in the order they came."""
    attempts: dict[str, Attempt] = field(default_factory=dict)
    heard: int = 0
    """How many events of Twilio were applied. What was asked before another one arrived is outdated."""
    heard_at: int = 0
    """When Twilio last reported something, or was asked."""
    drops: int = 0
    """How often the customer has dropped out of the conference."""
    in_doubt: bool = False
    """Whether Twilio contradicts us, so that it must be asked."""
    asked_at: int = 0

    @property
    def is_over(self) -> bool:
        return self.phase == "over"

    @property
    def rings(self) -> bool:
        """Whether agents should be rung for the customer, who is in the room without anybody."""
        return self.phase in LONELY and self.customer.state == "joined"

    @property
    def wants_target(self) -> bool:
        """Whether members should be rung for a transfer or an invitation."""
        ringing = self.transfer is not None and self.transfer.state == "ringing"
        return ringing and self.transfer is not None and self.transfer.target.kind != "number"

    @property
    def held(self) -> bool:
        """Whether Twilio has shown that the customer is on hold."""
        return self.customer.state == "joined" and self.customer.held

    @property
    def words_paused(self) -> bool:
        """Whether nothing of the customer's leg is to be transcribed: they hear music, and speak to nobody."""
        return self.held or (self.was_answered and self.phase in ("alone", "claimed"))

    @property
    def conference(self) -> str:
        """SID of the conference in progress, empty if unknown."""
        known = [leg.conference for leg in self.every if leg.state == "joined" and leg.conference]
        return known[0] if known else ""

    @property
    def every(self) -> Iterator[Leg]:
        """All legs."""
        yield self.customer
        yield from self.legs

    @property
    def agents(self) -> tuple[Leg, ...]:
        """The agents who are in the room and meant to be."""
        return tuple(leg for leg in self.legs if leg.kind == "agent" and leg.is_there)

    @property
    def talkers(self) -> tuple[Leg, ...]:
        """The legs that the customer can talk to, if not held: supervisors only listen."""
        return tuple(leg for leg in self.legs if leg.kind != "supervisor" and leg.is_there)

    def leg(self, label: str) -> Leg | None:
        """Return the newest leg with that label."""
        if label == CUSTOMER:
            return self.customer
        return next((leg for leg in reversed(self.legs) if leg.label == label), None)

    def leg_of(self, member: UUID) -> Leg | None:
        """Return the member's leg in the room as an agent, None if they are not in it."""
        return next((leg for leg in self.agents if leg.member == member), None)

    def agent_leg(self, member: UUID) -> Leg | None:
        """Return the member's newest leg as an agent, in the room or not."""
        return next((leg for leg in reversed(self.legs) if leg.kind == "agent" and leg.member == member), None)

    def supervisor(self, member: UUID) -> Supervisor | None:
        """Return how the member helps in the call, None if they do not."""
        return next((each for each in self.supervisors if each.member == member), None)

    def with_supervisor(self, changed: Supervisor) -> Room:
        """Return the room with that supervisor, in place of the same member."""
        known = [each.member for each in self.supervisors]
        if changed.member not in known:
            return replace(self, supervisors=(*self.supervisors, changed))
        return replace(
            self, supervisors=tuple(changed if each.member == changed.member else each for each in self.supervisors)
        )

    def without_supervisor(self, member: UUID) -> Room:
        return replace(self, supervisors=tuple(each for each in self.supervisors if each.member != member))

    @property
    def coached(self) -> Leg | None:
        """The leg of the agent whom a supervisor would whisper to."""
        own = None if self.agent is None else self.leg_of(self.agent)
        return own or (self.agents[0] if self.agents else None)

    def by_sid(self, call_sid: str) -> Leg | None:
        """Return the leg with that CallSid."""
        return next((leg for leg in self.every if leg.call_sid == call_sid), None) if call_sid else None

    def concerns(self, member: UUID) -> bool:
        """Return whether the member has a part in the call now: is in it, or is expected."""
        return not self.is_over and (
            self.agent == member or self.leg_of(member) is not None or member == self.invited
        )

    @property
    def invited(self) -> UUID | None:
        """Who has accepted a transfer or an invitation."""
        return None if self.transfer is None else self.transfer.claimed_by

    def may_join(self, member: UUID) -> bool:
        """Return whether the member's softphone may come in."""
        return (self.concerns(member) or self.supervisor(member) is not None) and self.phase != "elsewhere"

    def label_of(self, member: UUID) -> str:
        """Return the label under which the member's softphone comes in."""
        supervises = self.supervisor(member) is not None and not self.concerns(member)
        return supervisor_label(member) if supervises else agent_label(member)

    def with_leg(self, changed: Leg) -> Room:
        """Return the room with that leg, in place of the one with its CallSid or of its label without one, or new."""
        if changed.label == CUSTOMER:
            return replace(self, customer=changed)
        legs = list(self.legs)
        for index, leg in enumerate(legs):
            same = leg.call_sid == changed.call_sid or not leg.call_sid
            if leg.label == changed.label and same:
                legs[index] = changed
                return replace(self, legs=tuple(legs))
        return replace(self, legs=_forget([*legs, changed]))


def is_label(text: str) -> bool:
    """Return whether ``text`` is a participant label of ours."""
    return _LABEL.fullmatch(text) is not None


def agent_label(member: UUID) -> str:
    return f"agent-{member.hex}"


def supervisor_label(member: UUID) -> str:
    return f"supervisor-{member.hex}"


def to_json(room: Room) -> str:
    return msgspec.json.encode(room).decode()


def from_json(text: str) -> Room:
    """Read what `to_json` wrote, now or in an earlier release."""
    return msgspec.json.decode(text, type=Room)


def _forget(legs: list[Leg]) -> tuple[Leg, ...]:
    """Drop the oldest legs that have ended, beyond `_MOST_ENDED`."""
    past = [leg for leg in legs if leg.state in ("left", "ended")]
    for leg in past[: max(0, len(past) - _MOST_ENDED)]:
        legs.remove(leg)
    return tuple(legs)
