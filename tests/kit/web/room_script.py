"""Rooms of calls that a test tells a story of, with Twilio's part played by whoever asks for it."""

from __future__ import annotations

from uuid import UUID

from db.call_progress import Direction
from web.conferences.machine import due
from web.conferences.machine.due import (
    Action,
    Announce,
    BringBack,
    CallOut,
    EndCall,
    Kick,
    Redirect,
    SetCoach,
    SetHold,
    SetMute,
    must_be_mute,
)
from web.conferences.machine.events import (
    Arriving,
    Called,
    CallStatus,
    Claim,
    ConferenceEnded,
    Done,
    Event,
    Seen,
    Shown,
    Tick,
)
from web.conferences.machine.room import CUSTOMER, Leg, Phase, Room, agent_label
from web.conferences.machine.step import step

ANN, BEN, CAT = UUID(int=1), UUID(int=2), UUID(int=3)
CALLER, LINE, THIRD = "+61400000001", "+61255501234", "+61291234567"
CONFERENCE = "CF" + "c" * 32


def sid(number: int) -> str:
    """Return the CallSid of the test's leg of that number."""
    return f"CA{number:032x}"


class Story:
    """A room and its clock. ``room`` changes by `happens`; `perform` lets Twilio do what is due, and say so."""

    def __init__(self, direction: Direction = "inbound") -> None:
        self.now = 1_000_000
        self.sequence = 0
        self.legs = 1
        customer = Leg(CUSTOMER, sid(1)) if direction == "inbound" else Leg(CUSTOMER, number=CALLER)
        phase: Phase = "waiting" if direction == "inbound" else "dialling"
        agent = None if direction == "inbound" else ANN
        self.room = Room(direction, customer, phase=phase, since=self.now, agent=agent, line=LINE, heard_at=self.now)
        self.done: list[Action] = []

    def happens(self, event: Event) -> Room:
        self.room = step(self.room, event, self.now)
        return self.room

    def passes(self, seconds: float) -> Room:
        self.now += round(seconds * 1000)
        return self.happens(Tick())

    def joins(self, who: str | UUID, call_sid: str = "") -> str:
        """Let the softphone of a member, or the leg of that label, ask for its document and join."""
        label = agent_label(who) if isinstance(who, UUID) else who
        known = self.room.leg(label)
        if not call_sid:
            fresh = known is None or not known.call_sid or isinstance(who, UUID)
            self.legs += fresh
            call_sid = sid(self.legs) if fresh or known is None else known.call_sid
        self.happens(Arriving(label, call_sid))
        self.happens(self.seen("join", call_sid))
        return call_sid

    def leaves(self, who: str | UUID, *, call_over: bool = True) -> None:
        leg = self.leg(who)
        self.happens(self.seen("leave", leg.call_sid, call_over=call_over))
        if leg.label == CUSTOMER:
            self.happens(ConferenceEnded(CONFERENCE))

    def seen(self, what: str, call_sid: str, *, call_over: bool = False) -> Seen:
        """Return Twilio's event about a participant, as it is now."""
        self.sequence += 1
        leg = self.room.by_sid(call_sid)
        label = leg.label if leg is not None else ""
        held, muted = (leg.held, leg.muted) if leg is not None else (False, False)
        muted = muted or (what == "join" and label.startswith("supervisor"))
        coaching = leg is not None and bool(leg.coach)
        assert what in ("join", "leave", "change")
        return Seen(what, CONFERENCE, self.sequence, call_sid, label, held, muted, coaching, call_over)  # type: ignore[arg-type]

    def leg(self, who: str | UUID) -> Leg:
        found = self.room.leg(agent_label(who) if isinstance(who, UUID) else who)
        assert found is not None
        return found

    def perform(self) -> list[Action]:
        """Let Twilio do all that is due, until nothing is. Return what it was asked."""
        asked: list[Action] = []
        for _ in range(20):
            self.room, actions = due.take(self.room, self.now)
            if not actions:
                self.done += asked
                return asked
            for action in actions:
                asked.append(action)
                for event in self.answers(action):
                    self.happens(event)
        raise AssertionError(f"never done: {asked}")

    def answers(self, action: Action) -> list[Event]:
        """Return what Twilio answers to ``action`` and then reports."""
        leg = action.leg
        match action:
            case CallOut():
                self.legs += 1
                return [Called(action.key, leg.label, sid(self.legs))]
            case SetHold():
                return [Shown(action.key, leg.call_sid, held=leg.held_wanted)]
            case SetMute():
                return [Shown(action.key, leg.call_sid, muted=must_be_mute(leg))]
            case SetCoach():
                return [Shown(action.key, leg.call_sid, coach=leg.coach_wanted)]
            case Announce():
                return [Shown(action.key, leg.call_sid, announced=True)]
            case EndCall():
                return [Done(action.key), CallStatus(leg.label, leg.call_sid, "completed")]
            case Kick():
                return [Done(action.key), self.seen("leave", leg.call_sid, call_over=True)]
            case Redirect():
                return [Done(action.key), self.seen("leave", leg.call_sid), ConferenceEnded(CONFERENCE)]
            case BringBack():
                return [Done(action.key)]
        return [Shown(action.key, leg.call_sid, bound=True)]


def talking() -> Story:
    """Ann talks to a caller."""
    story = Story()
    story.joins(CUSTOMER)
    story.happens(Claim(ANN))
    story.joins(ANN)
    assert story.room.phase == "talking"
    return story
