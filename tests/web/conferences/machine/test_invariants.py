"""Whatever is lost, doubled, jumbled or killed: nobody is cut off by us, and nobody is left in music.

Twilio as it truly is (`World`) and the machine's room live side by side. Callbacks arrive in any order, twice or
never; a process dies after it has decided and before it has asked Twilio, or before it has written down the answer;
agents press everything, twice. At the end all of that stops and time passes: then the room must show the truth.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.kit.web.room_script import ANN, BEN, CAT, THIRD
from tests.kit.web.room_world import World, opening
from web.conferences.machine import due
from web.conferences.machine.events import (
    Arriving,
    AskForHelp,
    BeginTransfer,
    BringIn,
    Cancel,
    Claim,
    Complete,
    DroppedOut,
    EndForAll,
    Event,
    HangUp,
    Hold,
    InRoom,
    Leave,
    Mute,
    NobodyTook,
    Rejoin,
    Release,
    Remove,
    Resume,
    SendElsewhere,
    StopSupervising,
    Supervise,
    Tick,
)
from web.conferences.machine.room import (
    CUSTOMER,
    RefusedError,
    Room,
    Target,
    agent_label,
    from_json,
    supervisor_label,
    to_json,
)
from web.conferences.machine.step import step

MEMBERS = st.sampled_from([ANN, BEN, CAT])
SELDOM = st.sampled_from([False, False, False, False, True])  # for what ends a call: most should go on
STAGES = ["outbound", "waiting", "talking", "held", "blind", "consulting", "outside"]
CALM = 400_000  # milliseconds: longer than anything is waited for


class Calls(RuleBasedStateMachine):
    """One call, and everything that goes wrong."""

    @initialize(stage=st.sampled_from(STAGES))
    def begins(self, stage: str) -> None:
        """Bring a call to a stage without any trouble; the troubles come then."""
        self._begins(stage)

    def _begins(self, stage: str) -> None:
        self.now = 1_000_000
        self.world = World()
        self.room: Room = opening(self.world, self.now, ANN if stage == "outbound" else None)
        if stage == "outbound":
            return
        self.world.comes(CUSTOMER, self.world.customer)
        self._calm_turn()
        if stage != "waiting":
            self.happens(Claim(ANN))
            self.a_softphone_comes(ANN)
            self._calm_turn()
        if stage == "whispered":
            self.happens(BeginTransfer(ANN, "add", Target("member", BEN)))
            self.happens(Claim(BEN))
            self.a_softphone_comes(BEN)
            self._calm_turn()
        wishes: dict[str, Event] = {
            "held": Hold(ANN),
            "blind": BeginTransfer(ANN, "blind", Target("member", BEN)),
            "consulting": BeginTransfer(ANN, "warm", Target("member", BEN)),
            "outside": BeginTransfer(ANN, "add", Target("number", number=THIRD)),
            "whispered": Supervise(CAT, "whisper", "words"),
            "barged": Supervise(CAT, "barge", "tone"),
        }
        if stage in wishes:
            assert self.happens(wishes[stage])
            self._calm_turn()
        if stage == "consulting":
            self.happens(Claim(BEN))
            self.a_softphone_comes(BEN)
        if stage in ("whispered", "barged"):
            self.a_softphone_comes(CAT)
        if stage == "outside":
            [call] = self.world.numbers
            self.world.comes("outside-1", call)
        self._calm_turn()

    def _calm_turn(self) -> None:
        for _ in range(3):
            for event in self.world.told:
                self.happens(event)
            self.world.told.clear()
            self._whole_turn()

    def happens(self, event: Event) -> bool:
        """Return False if it was refused."""
        before = self.room
        try:
            after = step(self.room, event, self.now)
        except RefusedError:
            return False
        assert from_json(to_json(after)) == after
        assert step(after, Tick(), self.now) == after, "a step settles everything"
        self.room = after
        if after.is_over and not before.is_over:
            self._check_end(before, event)
        return True

    def _check_end(self, before: Room, event: Event) -> None:
        """Only the customer, an agent in charge, or the last party to talk to ends a call."""
        if (
            isinstance(event, HangUp | EndForAll)
            or before.phase == "dialling"
            or self.world.customer not in self.world.on_line
        ):
            return
        agents = [label for label in self.world.on_line.values() if label.startswith("agent")]
        assert not agents or before.agent is None, f"cut off by {event}"

    # -- people -----------------------------------------------------------------------------------------------------

    def _somebody(self, data: st.DataObject) -> UUID:
        """Draw a member, most often one who is in the room."""
        there = [leg.member for leg in self.room.agents if leg.member is not None]
        return data.draw(st.sampled_from([*there, *there, *there, ANN, BEN, CAT]))

    @rule(data=st.data())
    def presses(self, data: st.DataObject) -> None:
        member = self._somebody(data)
        label = data.draw(st.sampled_from(["outside-1", "outside-2", agent_label(BEN), CUSTOMER]))
        wishes: list[Event] = [
            *(Release(member), Hold(member), Resume(member), Mute(member), Mute(member, on=False)),
            *(Leave(member), BringIn(member), Complete(member), Cancel(member)),
            *(Remove(member, label), AskForHelp(member)),
        ]
        self._twice(data.draw(st.sampled_from(wishes)))

    @rule(data=st.data(), kind=st.sampled_from(["blind", "warm", "add"]))
    def transfers(self, data: st.DataObject, kind: Any) -> None:
        target = data.draw(st.sampled_from([Target("member", BEN), Target("group"), Target("number", number=THIRD)]))
        self._twice(BeginTransfer(self._somebody(data), kind, target))

    @rule(member=MEMBERS, back=st.booleans(), at_once=st.booleans())
    def answers(self, member: UUID, back: bool, at_once: bool) -> None:
        self._twice(Rejoin(member) if back else Claim(member))
        if at_once:
            self.a_softphone_comes(member)

    @rule(
        member=MEMBERS,
        mode=st.sampled_from(["listen", "whisper", "whisper", "barge", "take_over"]),
        comes=st.booleans(),
    )
    def supervises(self, member: UUID, mode: Any, comes: bool) -> None:
        self._twice(Supervise(member, mode, "words" if comes else ""))
        if comes and not any(label == supervisor_label(member) for label in self.world.on_line.values()):
            self.a_softphone_comes(member)

    @precondition(lambda self: any(each.whispers_to for each in self.room.supervisors))
    @rule(data=st.data(), leaves=st.booleans())
    def who_is_whispered_to_goes(self, data: st.DataObject, leaves: bool) -> None:
        member = self._somebody(data)
        self._twice(Leave(member) if leaves else BeginTransfer(member, "blind", Target("member", BEN)))

    @rule(member=MEMBERS)
    def stops_supervising(self, member: UUID) -> None:
        self._twice(StopSupervising(member))

    @rule(member=MEMBERS, really=SELDOM)
    def a_supervisor_ends_it(self, member: UUID, really: bool) -> None:
        if really:
            self.happens(EndForAll(member))

    def _twice(self, wish: Event) -> None:
        """A doubled click is harmless, or refused."""
        if self.happens(wish):
            self.happens(wish)

    @rule(data=st.data(), really=SELDOM)
    def hangs_up(self, data: st.DataObject, really: bool) -> None:
        if really:
            self.happens(HangUp(self._somebody(data)))

    @rule(member=MEMBERS)
    def a_softphone_comes(self, member: UUID) -> None:
        if self.room.may_join(member):
            label = self.room.label_of(member)
            call = self.world.comes(label)
            self.happens(Arriving(label, call))

    @rule(data=st.data())
    def a_called_party(self, data: st.DataObject) -> None:
        ringing = [
            (call, label)
            for call, label in self.world.on_line.items()
            if call in self.world.numbers and call not in self.world.parties
        ]
        if not ringing:
            return
        call, label = data.draw(st.sampled_from(ringing))
        if data.draw(st.booleans()):
            self.happens(Arriving(label, call))
            if self.room.is_over:
                self.world.goes(call)
            else:
                self.world.comes(label, call)
        else:
            self.world.goes(call)

    @rule(data=st.data())
    def somebody_goes(self, data: st.DataObject) -> None:
        calls = [call for call in self.world.on_line if call != self.world.customer]
        if calls:
            self.world.goes(data.draw(st.sampled_from(calls)))

    @rule(really=SELDOM)
    def the_customer_hangs_up(self, really: bool) -> None:
        if really:
            self.world.goes(self.world.customer)

    @rule(really=SELDOM)
    def the_conference_breaks_down(self, really: bool) -> None:
        if really and self.world.conference and self.world.fails():
            self._returns()

    def _returns(self) -> None:
        """What follows the customer's `<Dial>` leads them back, or lets them go."""
        self.happens(DroppedOut(self.world.customer))
        if self.room.is_over:
            self.world.goes(self.world.customer)
        elif self.room.phase != "elsewhere":
            self.world.comes(CUSTOMER, self.world.customer)

    @precondition(lambda self: self.room.wants_target)
    @rule(code=st.sampled_from(["declined", "no_answer", "nobody_available"]))
    def nobody_takes_it(self, code: Any) -> None:
        self.happens(NobodyTook(code))

    @precondition(lambda self: self.room.phase in ("waiting", "alone"))
    @rule(really=SELDOM)
    def ringing_gives_up(self, really: bool) -> None:
        if really:
            self.happens(SendElsewhere("nobody_answered"))

    # -- Twilio -----------------------------------------------------------------------------------------------------

    @rule(fates=st.lists(st.sampled_from(["comes", "comes", "comes twice", "is lost"]), max_size=4), data=st.data())
    def callbacks(self, fates: list[str], data: st.DataObject) -> None:
        for fate in fates:
            if self.world.told:
                self._callback(data.draw(st.sampled_from(self.world.told)), fate)

    def _callback(self, event: Event, fate: str) -> None:
        if fate != "comes twice":
            self.world.told.remove(event)
        if fate != "is lost":
            self.happens(event)

    @rule(fate=st.sampled_from(["answers", "answers", "killed before", "killed after"]))
    def a_turn(self, fate: str) -> None:
        """A process takes what is due, and asks Twilio."""
        self.room, actions = due.take(step(self.room, Tick(), self.now), self.now)
        for action in actions:
            if fate == "killed before":
                continue
            answer = self.world.does(self.room, action)
            if fate != "killed after":
                self.happens(answer)

    @rule(seconds=st.integers(1, 70))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000
        self.happens(Tick())

    @precondition(lambda self: self.world.customer in self.world.parties)
    @rule()
    def the_customer_hears_the_waiting_document(self) -> None:
        self.happens(InRoom(self.world.customer, f"CF{self.world.conference:032x}"))

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_held_without_an_end(self) -> None:
        room = self.room
        if not room.customer.held_wanted or room.is_over or room.phase == "elsewhere":
            return
        ringing = room.transfer is not None and room.transfer.kind == "blind"
        assert room.agents or ringing, "held, and nobody could resume"
        assert due.wakes_at(room, self.now) is not None

    @invariant()
    def a_room_that_lives_is_looked_at_again(self) -> None:
        if not self.room.is_over:
            assert due.wakes_at(self.room, self.now) is not None

    def teardown(self) -> None:
        """Nothing goes wrong any more, and time passes."""
        if not hasattr(self, "room"):
            return
        for event in self.world.told:
            self.happens(event)
        self.world.told.clear()
        self._calms_down()
        self._check()

    def _calms_down(self) -> None:
        end = self.now + CALM
        while (wakes := due.wakes_at(self.room, self.now)) is not None and wakes <= end:
            self.now = max(self.now + 1, wakes)
            self._whole_turn()
            for event in self.world.told:
                self.happens(event)
            self.world.told.clear()

    def _whole_turn(self) -> None:
        self.room, actions = due.take(step(self.room, Tick(), self.now), self.now)
        for action in actions:
            self.happens(self.world.does(self.room, action))
        if not actions and due.must_ask(self.room, self.now):
            self.happens(self.world.truth(self.room))

    def _check(self) -> None:
        room, world = self.room, self.world
        customer = world.parties.get(world.customer)
        if room.is_over:
            assert world.on_line == {}, "the room is over, and somebody is still on the line"
            return
        assert world.customer in world.on_line or not world.customer_hung_up, "the customer has gone, unnoticed"
        there = {call for call, party in world.parties.items()}
        assert {leg.call_sid for leg in room.every if leg.state == "joined"} == there
        if customer is None:
            assert room.phase in ("elsewhere", "dialling") or world.customer not in world.on_line
            return
        assert customer.held == room.customer.held == room.customer.held_wanted
        assert not customer.held or room.agents, "left in music"
        if room.phase == "talking":
            assert room.talkers
        heard = {leg.call_sid for leg in room.legs if leg.kind == "supervisor" and leg.is_there}
        assert len(heard) == len(room.supervisors)
        for each in room.supervisors:
            [leg] = [leg for leg in room.legs if leg.call_sid in heard and leg.member == each.member]
            party = world.parties[leg.call_sid]
            assert (party.muted, party.coach) == (each.mode == "listen", each.whispers_to)
            assert not party.coach or party.coach in world.parties


class Supervised(Calls):
    """One call that a supervisor is in."""

    @initialize(stage=st.sampled_from(["whispered", "barged"]))
    def begins(self, stage: str) -> None:
        """Bring a call to a stage in which a supervisor is heard."""
        self._begins(stage)


Calls.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
Supervised.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestCalls = Calls.TestCase
TestSupervised = Supervised.TestCase
