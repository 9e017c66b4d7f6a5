"""What follows from who is in the room and from how much time has passed, whatever brought it about.

Nobody leaves a customer in music: who is held has somebody in the room who can resume, or somebody is being rung for
them and a time is set at which that ends. Nobody of ours cuts a customer off while an agent is meant to be there.
"""

from __future__ import annotations

from dataclasses import replace

from web.conferences.machine import commands, supervising
from web.conferences.machine.room import JOIN, Leg, Room, Transfer, TransferState

DIALLING = 20_000  # milliseconds for the softphone of a member who calls out
RETURN = 10_000  # for a member who calls out and has lost the line, until the call is given up
ALONE = 60_000  # for a customer whom everybody has left, until somebody is there again

_CODES = {"busy": "busy", "no-answer": "no_answer", "completed": "no_answer"}


def settle(room: Room, now: int) -> Room:
    """Return the room after all consequences: repeat until nothing changes any more."""
    settled = _settled(room, now)
    while settled != room:
        room, settled = settled, _settled(settled, now)
    return settled


def _settled(room: Room, now: int) -> Room:
    if room.is_over:
        return room
    if room.customer.state == "ended":
        return commands.ended(room, now)
    if room.customer.state == "joined" and not room.has_waited:
        room = replace(room, has_waited=True)
    if room.phase != "elsewhere":
        room = _resumed(_present(_transferred(room, now), now))
    return supervising.settled(room, now)


def gave_up(room: Room, code: str, now: int) -> Room:
    """Give the call back to who began the transfer or invitation, for which nobody came."""
    transfer = room.transfer
    if transfer is None:
        return room
    room = replace(commands.without_target(room), problem=code)
    own = room.agent_leg(transfer.by)
    if transfer.kind != "blind":
        return room  # who began it is in the room, and resumes when they are ready: they may be speaking to others
    if own is not None and own.state == "joined":  # asked to leave, but still there
        return _held(room.with_leg(replace(own, removed=False)), wanted=False)
    return left_alone(replace(room, agent=transfer.by), now)


def left_alone(room: Room, now: int) -> Room:
    """Let the customer, who is alone in the room, hear a ring tone, and have somebody rung."""
    room = commands.without_target(room)
    return _held(replace(room, phase="alone", since=now, returning_to=room.agent, agent=None), wanted=False)


def _transferred(room: Room, now: int) -> Room:
    transfer = room.transfer
    if transfer is None:
        return room
    target = _target(room, transfer)
    if transfer.state == "ringing":
        return _ringing(room, transfer, target, now)
    first = room.leg_of(transfer.by)
    if target is None or not target.is_there:
        return replace(room, transfer=None, problem="" if first is None else "target_left")
    return room if first is not None else commands.handed_over(room, target)


def _ringing(room: Room, transfer: Transfer, target: Leg | None, now: int) -> Room:
    if target is not None and target.is_there:
        return _arrived(room, transfer, target)
    if target is not None and target.kind == "outside" and target.state in ("left", "ended"):
        return gave_up(room, _CODES.get(target.end, "not_reached"), now)
    if transfer.claimed_by is not None and now - transfer.claimed_at >= JOIN:
        transfer = replace(transfer, claimed_by=None)
        room = replace(room, transfer=transfer)
    if now >= transfer.until and transfer.claimed_by is None:
        return gave_up(room, "no_answer", now)
    own = room.leg_of(transfer.by)
    if transfer.kind == "blind" and own is not None and room.held:  # not before: alone, one hears neither
        return room.with_leg(replace(own, removed=True))
    if transfer.kind != "blind" and own is None and not room.agents:
        return commands.without_target(room) if room.talkers else left_alone(room, now)
    return room


def _arrived(room: Room, transfer: Transfer, target: Leg) -> Room:
    if transfer.kind == "add":
        return replace(room, transfer=None, problem="")
    own = room.agent_leg(transfer.by)
    if transfer.kind == "blind":
        if own is not None and own.state == "joined":
            room = room.with_leg(replace(own, removed=True))
        return commands.handed_over(room, target)
    state: TransferState = "consulting" if room.customer.held_wanted else "three_way"
    return replace(room, transfer=replace(transfer, state=state, label=target.label), problem="")


def _target(room: Room, transfer: Transfer) -> Leg | None:
    """Return the leg of the party who was called, or who has come."""
    if transfer.label:
        return room.leg(transfer.label)
    return None if transfer.claimed_by is None else room.agent_leg(transfer.claimed_by)


def _present(room: Room, now: int) -> Room:
    match room.phase:
        case "waiting" | "alone":
            return _waiting(room, now)
        case "claimed":
            return _claimed(room, now)
        case "dialling":
            return _dialling(room, now)
    return _talking(room, now)


def _waiting(room: Room, now: int) -> Room:
    if room.agents and room.customer.state == "joined":  # their claim had lapsed, and they have come after all
        return _conversation(replace(room, agent=room.agents[0].member), now)
    if room.phase == "alone" and now - room.since >= ALONE:
        return replace(room, phase="elsewhere", since=now, reason="nobody_answered")
    return room


def _claimed(room: Room, now: int) -> Room:
    if room.agents:
        there = room.agent is not None and room.leg_of(room.agent) is not None
        return _conversation(room if there else replace(room, agent=room.agents[0].member), now)
    return commands.unclaimed(room, now) if now - room.since >= JOIN else room


def _dialling(room: Room, now: int) -> Room:
    if room.agents:
        return _conversation(room, now) if room.customer.state == "joined" else room
    if room.customer.state == "joined":
        return left_alone(room, now)
    if room.customer.state in ("answered", "left"):  # they hear the prompt, and will be in the room
        return room
    own = None if room.agent is None else room.agent_leg(room.agent)
    lost_at = None if own is None else own.left_at
    given_up = now - lost_at >= RETURN if lost_at is not None else now - room.since >= DIALLING
    return commands.ended(room, now) if given_up else room


def _talking(room: Room, now: int) -> Room:
    transfer = room.transfer
    if room.talkers:
        return room
    if transfer is not None and transfer.kind == "blind":
        return room
    taken_over = supervising.taken_over_by_who_speaks(room)
    if taken_over is not None:
        return taken_over
    if room.agent is None:  # the outside party that the call was left to has gone
        return commands.ended(room, now)
    return left_alone(room, now)


def _conversation(room: Room, now: int) -> Room:
    return _held(replace(room, phase="talking", since=now, returning_to=None, was_answered=True), wanted=False)


def _resumed(room: Room) -> Room:
    """Resume a customer whom nobody in the room could resume; and let the call end with the last outside party."""
    if room.phase != "talking" or room.transfer is not None or room.agents:
        return room
    for leg in room.talkers:
        if room.agent is None and not leg.bound_wanted:
            room = room.with_leg(replace(leg, bound_wanted=True))
    return _held(room, wanted=False) if room.customer.held_wanted else room


def _held(room: Room, *, wanted: bool) -> Room:
    return replace(room, customer=replace(room.customer, held_wanted=wanted))
