"""Twilio as it truly is in one call; the machine hears of it through callbacks that a test loses and jumbles."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from tests.kit.web.room_script import CALLER, LINE, sid
from web.conferences.machine.due import (
    Action,
    Announce,
    Bind,
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
    Called,
    CallStatus,
    ConferenceEnded,
    Done,
    Event,
    Failed,
    Parted,
    Seen,
    Shown,
    TrueLeg,
    Truth,
)
from web.conferences.machine.room import CUSTOMER, Leg, Room


@dataclass
class Party:
    """Somebody in the conference."""

    label: str
    held: bool = False
    muted: bool = False
    coach: str = ""
    bound: bool = False


@dataclass
class World:
    """The conference and the calls. ``told`` are the events that were sent and may still arrive."""

    conference: int = 0
    """Which one is in progress; 0 if none is."""
    conferences: int = 0
    sequence: int = 0
    calls: int = 0
    parties: dict[str, Party] = field(default_factory=dict)
    on_line: dict[str, str] = field(default_factory=dict)
    """Label by CallSid, of all calls that have not ended."""
    numbers: dict[str, str] = field(default_factory=dict)
    """Whom we called, by CallSid."""
    customer: str = ""
    customer_hung_up: bool = False
    told: list[Event] = field(default_factory=list)

    # -- what people do ---------------------------------------------------------------------------------------------

    def calls_in(self) -> str:
        """The customer calls."""
        self.customer = self._call(CUSTOMER)
        return self.customer

    def comes(self, label: str, known: str = "") -> str:
        """Somebody's call is led into the room."""
        call = known or self._call(label)
        if not self.conference:
            self.conferences += 1
            self.conference, self.sequence = self.conferences, 0
        self.parties[call] = Party(label, muted=label.startswith("supervisor"), bound=label == CUSTOMER)
        self._tell("join", call, self.parties[call])
        return call

    def goes(self, call: str) -> None:
        """Somebody's call ends."""
        if call not in self.on_line:
            return
        self.customer_hung_up |= call == self.customer
        self._end(call)

    def fails(self) -> bool:
        """The conference breaks down; whoever is in it leaves it. Return whether the customer was."""
        was_in = self.customer in self.parties
        self._close(except_for=self.customer)
        return was_in

    # -- what Twilio is asked ---------------------------------------------------------------------------------------

    def does(self, room: Room, action: Action) -> Event:
        """Do what the machine asks. Return the answer; what follows is in ``told``."""
        call, party = action.leg.call_sid, self.parties.get(action.leg.call_sid)
        match action:
            case CallOut():
                return self._called(room, action)
            case EndCall():
                if call not in self.on_line:
                    return CallStatus(action.leg.label, call, "completed")
                self._end(call)
            case Redirect() | BringBack() if call not in self.on_line:
                return CallStatus(action.leg.label, call, "completed")
            case Redirect():
                self._close(except_for=call)
            case BringBack():
                if party is None:
                    self.comes(CUSTOMER, call)
            case _ if party is None:
                return Failed(action.key, "HTTP 404", contradicts=True)
            case Announce():
                return Shown(action.key, call, announced=True)
            case Kick():
                whispers = [each for each in self.parties.values() if each.coach == call and not each.muted]
                assert not whispers, "a coach without the agent may be heard by everybody"
                self._end(call)  # what follows their `<Dial>` hangs up
            case _:
                return self._changed(action, party, call)
        return Done(action.key)

    def truth(self, room: Room) -> Truth:
        """Answer who is there."""
        status = "" if not room.customer.call_sid else "completed"
        if self.customer in self.on_line:
            status = "in-progress"
        parties = tuple(
            TrueLeg(each.label, call, each.held, each.muted, each.coach) for call, each in self.parties.items()
        )
        return Truth(room.heard, self._name() if parties else "", parties, status)

    def _changed(self, action: Action, party: Party, call: str) -> Event:
        if isinstance(action, SetHold):
            party.held = action.leg.held_wanted
        elif isinstance(action, SetMute):
            party.muted = must_be_mute(action.leg)
            assert party.muted or party.coach == action.leg.coach_wanted, "heard by others than meant"
        elif isinstance(action, SetCoach):
            assert party.muted, "who hears them changes while they speak"
            party.coach = action.leg.coach_wanted
        else:
            assert isinstance(action, Bind)
            party.bound = not party.held  # Twilio ignores it silently while they are on hold
        self._tell("change", call, party)
        coach = party.coach if isinstance(action, SetCoach) else None
        return Shown(action.key, call, held=party.held, muted=party.muted, bound=party.bound, coach=coach)

    def _called(self, room: Room, action: Action) -> Event:
        number = action.leg.number
        attempt = room.attempts.get(action.key)
        if attempt is not None and attempt.count > 1:
            for call, called in self.numbers.items():
                if called == number and call in self.on_line and room.by_sid(call) is None:
                    return Called(action.key, action.leg.label, call)
        call = self._call(action.leg.label)
        self.numbers[call] = number
        if action.leg.label == CUSTOMER:
            self.customer = call
        self.told.append(CallStatus(action.leg.label, call, "ringing"))
        return Called(action.key, action.leg.label, call)

    # -- what follows -----------------------------------------------------------------------------------------------

    def _call(self, label: str) -> str:
        self.calls += 1
        call = sid(self.calls)
        self.on_line[call] = label
        return call

    def _end(self, call: str) -> None:
        label = self.on_line.pop(call)
        party = self.parties.pop(call, None)
        if party is not None:
            self._tell("leave", call, party, call_over=True)
        self.told.append(CallStatus(label, call, "completed"))
        if party is not None and (party.bound or not self.parties):
            self._close(except_for=self.customer if not party.bound else "")

    def _close(self, except_for: str) -> None:
        """End the conference. Those who were in it are hung up by what follows their `<Dial>`, but for one."""
        name, self.conference = self._name(), 0
        for call, party in list(self.parties.items()):
            del self.parties[call]
            self.told.append(replace(self._seen("leave", name, call, party, call_over=False), conference_over=True))
            if call != except_for:
                label = self.on_line.pop(call)
                self.told += [Parted(call), CallStatus(label, call, "completed")]
        self.told.append(ConferenceEnded(name))

    def _tell(self, what: str, call: str, party: Party, *, call_over: bool = False) -> None:
        self.told.append(self._seen(what, self._name(), call, party, call_over=call_over))

    def _seen(self, what: str, name: str, call: str, party: Party, *, call_over: bool) -> Seen:
        self.sequence += 1
        assert what in ("join", "leave", "change")
        facts = (call, party.label, party.held, party.muted, bool(party.coach), call_over)
        return Seen(what, name, self.sequence, *facts)  # type: ignore[arg-type]

    def _name(self) -> str:
        return f"CF{self.conference:032x}"


def opening(world: World, now: int, dials: UUID | None = None) -> Room:
    """Return the room of a call that begins: from a customer, or by the member who ``dials``."""
    if dials is not None:
        customer = Leg(CUSTOMER, number=CALLER)
        return Room("outbound", customer, phase="dialling", since=now, agent=dials, line=LINE, heard_at=now)
    return Room("inbound", Leg(CUSTOMER, world.calls_in(), "answered"), since=now, line=LINE, heard_at=now)
