"""What members want of a room. Each function returns the room in which it is wanted, or raises `RefusedError`.

What is wanted already changes nothing, so a doubled click or a repeated request is harmless.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from web.conferences.machine.events import BeginTransfer, Claim, Remove
from web.conferences.machine.room import CUSTOMER, LONELY, Leg, RefusedError, Room, Target, Transfer


def claim(room: Room, event: Claim, now: int) -> Room:
    """Give the call to the first member who claims it; refuse the others, with who has it."""
    member, transfer = event.member, room.transfer
    if room.is_over or room.phase == "elsewhere":
        raise RefusedError("over")
    if room.agent == member or room.leg_of(member) is not None or room.invited == member:
        return room
    if room.supervisor(member) is not None:  # they have one softphone
        raise RefusedError("busy")
    if room.phase in LONELY:
        return replace(room, phase="claimed", agent=member, since=now, problem="")
    if transfer is None or not room.wants_target:
        raise RefusedError("taken", room.agent)
    if transfer.claimed_by is not None:
        raise RefusedError("taken", transfer.claimed_by)
    if transfer.target.kind == "member" and transfer.target.id != member:
        raise RefusedError("not_invited")
    return replace(room, transfer=replace(transfer, claimed_by=member, claimed_at=now))


def release(room: Room, member: UUID, now: int) -> Room:
    """Undo a claim whose softphone cannot join."""
    if room.phase == "claimed" and room.agent == member:
        return unclaimed(room, now)
    if room.transfer is not None and room.invited == member and room.leg_of(member) is None:
        return replace(room, transfer=replace(room.transfer, claimed_by=None))
    return room


def unclaimed(room: Room, now: int) -> Room:
    """Let the customer ring again."""
    return replace(room, phase="alone" if room.was_answered else "waiting", agent=None, since=now)


def rejoin(room: Room, member: UUID, now: int) -> Room:
    """Let a member return whose softphone was in the call, or is expected in it."""
    was_in = any(leg.member == member and leg.kind == "agent" for leg in room.legs)
    if not (was_in or room.returning_to == member or room.concerns(member)):
        raise RefusedError("not_in_call")
    return claim(room, Claim(member), now)


def hold(room: Room, member: UUID) -> Room:
    _own_leg(room, member)
    return _held(_with_customer(room), wanted=True)


def resume(room: Room, member: UUID) -> Room:
    """End the hold; in a consultation, bring the customer in."""
    _own_leg(room, member)
    if room.transfer is not None and room.transfer.state == "consulting":
        return bring_in(room, member)
    return _held(_with_customer(replace(room, problem="")), wanted=False)


def mute(room: Room, member: UUID, *, on: bool) -> Room:
    return room.with_leg(replace(_own_leg(room, member), muted_wanted=on))


def leave(room: Room, member: UUID) -> Room:
    """Let the member leave the room; refuse the last one whom the customer can talk to."""
    own, transfer = _own_leg(room, member), room.transfer
    if transfer is not None and transfer.by == member and transfer.kind == "warm" and transfer.state != "ringing":
        return complete(room, member)
    others = [leg for leg in room.talkers if leg.member != member]
    if not others:
        raise RefusedError("last")
    if room.agent == member:
        agents = [leg.member for leg in others if leg.kind == "agent"]
        room = replace(room, agent=agents[0] if agents else None)
    return room.with_leg(replace(own, removed=True))


def hang_up(room: Room, member: UUID, now: int) -> Room:
    """End the call for everybody, if the member is responsible for it; otherwise they only leave."""
    if room.phase == "claimed" and room.agent == member:  # they are not in it: nobody else's call ends by that
        return release(room, member, now)
    if room.phase == "dialling" and room.agent == member:
        return ended(room, now)
    _own_leg(room, member)
    if room.agent not in (member, None) and room.agent in [leg.member for leg in room.agents]:
        return leave(room, member)
    return ended(room, now)


def ended(room: Room, now: int) -> Room:
    """End the call."""
    return (
        replace(room, phase="over", since=now, transfer=None, help=None, supervisors=()) if not room.is_over else room
    )


def end_for_all(room: Room, now: int) -> Room:
    if room.is_over:
        raise RefusedError("over")
    return ended(room, now)


def begin_transfer(room: Room, event: BeginTransfer, now: int) -> Room:
    """Ring the target; the customer is held meanwhile, unless somebody is added."""
    own, target = _own_leg(room, event.member), event.target
    _with_customer(room)
    if room.transfer is not None:
        if (room.transfer.kind, room.transfer.target, room.transfer.by) == (event.kind, target, event.member):
            return room  # a doubled click
        raise RefusedError("busy")
    if target.kind == "member" and target.id is not None and room.leg_of(target.id) is not None:
        raise RefusedError("in_call")
    if event.kind == "blind" and len(room.talkers) > 1:  # who stays would be alone with a customer on hold
        raise RefusedError("not_alone")
    room, label = _with_outside(room, target)
    transfer = Transfer(
        event.kind, target, event.member, since=now, until=now + round(event.seconds * 1000), label=label
    )
    room = replace(room, transfer=transfer, agent=room.agent or own.member, problem="")
    return room if event.kind == "add" else _held(room, wanted=True, ringing=event.kind == "blind")


def bring_in(room: Room, member: UUID) -> Room:
    """Bring the customer into a consultation, which makes it a three-way call."""
    _own_leg(room, member)
    transfer = _consultation(room)
    return _held(replace(room, transfer=replace(transfer, state="three_way")), wanted=False)


def complete(room: Room, member: UUID) -> Room:
    """Leave the customer to the target. While it still rings, this makes a blind transfer of a warm one."""
    own = _own_leg(room, member)
    transfer = room.transfer
    if transfer is not None and transfer.kind == "warm" and transfer.state == "ringing":
        if any(leg.member != member for leg in room.talkers):
            raise RefusedError("not_alone")
        return _held(replace(room, transfer=replace(transfer, kind="blind")), wanted=True, ringing=True)
    target = room.leg(_consultation(room).label)
    if target is None or not target.is_there:
        raise RefusedError("no_target")
    return handed_over(room.with_leg(replace(own, removed=True)), target)


def handed_over(room: Room, target: Leg) -> Room:
    """Make ``target`` responsible: an agent, or an outside party with nobody of ours."""
    agents = [leg.member for leg in room.agents]
    agent = target.member if target.kind == "agent" else (agents[0] if agents else None)
    return _held(replace(room, agent=agent, transfer=None, problem=""), wanted=False)


def cancel(room: Room, member: UUID, now: int) -> Room:
    """End the transfer; who began it has the customer again."""
    transfer = room.transfer
    if transfer is None:
        raise RefusedError("no_transfer")
    own = room.leg_of(member)
    if own is None and transfer.by != member:
        raise RefusedError("not_in_call")
    room = without_target(room)
    back = room.agent_leg(transfer.by)
    if back is not None and back.state == "joined":  # asked to leave, but still there
        room = room.with_leg(replace(back, removed=False))
    elif not room.talkers:
        room = replace(room, phase="claimed", agent=transfer.by, since=now)
    return _held(replace(room, problem=""), wanted=False)


def without_target(room: Room) -> Room:
    """End the transfer, and remove whoever was called or came for it."""
    transfer = room.transfer
    if transfer is None:
        return room
    claimed = None if transfer.claimed_by is None else room.agent_leg(transfer.claimed_by)
    target = room.leg(transfer.label) if transfer.label else claimed
    if target is not None and target.state not in ("left", "ended"):
        room = room.with_leg(replace(target, removed=True))
    return replace(room, transfer=None)


def remove(room: Room, event: Remove, now: int) -> Room:
    """Remove another party, never the customer."""
    own, transfer = _own_leg(room, event.member), room.transfer
    if event.label in (CUSTOMER, own.label):
        raise RefusedError("not_removable")
    if transfer is not None and event.label == transfer.label and transfer.kind != "blind":
        return cancel(room, event.member, now)
    leg = room.leg(event.label)
    if leg is None or leg.state in ("left", "ended"):
        raise RefusedError("not_there")
    if leg.member is not None and leg.member == room.agent:
        room = replace(room, agent=event.member)
    return room.with_leg(replace(leg, removed=True))


def ask_for_help(room: Room, member: UUID) -> Room:
    _own_leg(room, member)
    return room if room.help is not None else replace(room, help="asked", helper=None)


def acknowledge_help(room: Room, member: UUID) -> Room:
    if room.help is None:
        raise RefusedError("no_help_asked")
    return room if room.help == "acknowledged" else replace(room, help="acknowledged", helper=member)


def _own_leg(room: Room, member: UUID) -> Leg:
    leg = room.leg_of(member)
    if room.is_over:
        raise RefusedError("over")
    if leg is None:
        raise RefusedError("not_in_call")
    return leg


def _with_customer(room: Room) -> Room:
    if room.customer.state != "joined":
        raise RefusedError("no_customer")
    return room


def _consultation(room: Room) -> Transfer:
    if room.transfer is None or room.transfer.kind != "warm" or room.transfer.state == "ringing":
        raise RefusedError("no_target")
    return room.transfer


def _held(room: Room, *, wanted: bool, ringing: bool = False) -> Room:
    customer = replace(room.customer, held_wanted=wanted)
    return replace(room, customer=customer, held_words="ringing" if ringing else "music")


def _with_outside(room: Room, target: Target) -> tuple[Room, str]:
    """Return the room with a new outside leg for a number, and its label; empty for members."""
    if target.kind != "number":
        return room, ""
    label = f"outside-{room.outside + 1}"
    leg = Leg(label, number=target.number)
    return replace(room, outside=room.outside + 1, legs=(*room.legs, leg)), label
