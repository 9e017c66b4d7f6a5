"""Supervisors in a room: who listens, whispers, speaks or takes over, and what follows when the agents change. Pure.

A supervisor comes in muted. Before it changes by whom they are heard, they are muted (`due.must_be_mute`); and a
whisper ends whenever the agents change, for it was meant for the one who was there: they have to press again.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from web.conferences.machine import commands
from web.conferences.machine.events import Supervise
from web.conferences.machine.room import JOIN, Leg, RefusedError, Room, Supervisor, supervisor_label

MOST = 5


def supervise(room: Room, event: Supervise, now: int) -> Room:
    """Come, or be heard by others than before. Several may listen; one of them speaks."""
    member, known = event.member, room.supervisor(event.member)
    if room.is_over:
        raise RefusedError("over")
    if room.concerns(member):
        raise RefusedError("own_call")
    if room.phase != "talking" or not room.agents:
        raise RefusedError("no_agent")
    speaking = next((each.member for each in room.supervisors if each.mode != "listen"), member)
    if event.mode != "listen" and speaking != member:
        raise RefusedError("helped", speaking)
    if known is None and len(room.supervisors) >= MOST:
        raise RefusedError("full")
    coming = known or Supervisor(member, since=now, announced=event.announced)
    if known is not None and _leg(room, member) is None:
        coming = replace(coming, since=now)
    if known is not None and known.mode == event.mode:
        return room.with_supervisor(coming)  # a doubled click, or a softphone that did not come
    return room.with_supervisor(_heard(replace(coming, mode=event.mode, was_muted=False), room))


def stop(room: Room, member: UUID) -> Room:
    return room.without_supervisor(member)


def expected(room: Room, leg: Leg, now: int) -> Room:
    """Give a supervisor more time to join: their softphone has asked for its document."""
    known = room.supervisor(leg.member) if leg.kind == "supervisor" and leg.member is not None else None
    return room if known is None else room.with_supervisor(replace(known, since=now))


def announced(room: Room, leg: Leg) -> Room:
    """Note that those in the room have been told that the supervisor is there."""
    known = None if leg.member is None else room.supervisor(leg.member)
    return room if known is None else room.with_supervisor(replace(known, was_announced=True))


def settled(room: Room, now: int) -> Room:
    """Return the room with what its supervisors' legs should be."""
    goes_on = room.phase == "talking" and bool(room.agents or room.transfer)
    for each in room.supervisors:
        if not goes_on or room.concerns(each.member):
            room = room.without_supervisor(each.member)
        else:
            room = _with(room, each, now)
    for leg in room.legs:
        if leg.kind == "supervisor" and not leg.removed and leg.is_alive and not _is_wanted(room, leg):
            room = room.with_leg(replace(leg, removed=True))
    return room


def taken_over_by_who_speaks(room: Room) -> Room | None:
    """Return the room taken over by a supervisor who speaks to the customer; None if no supervisor does.

    Call it when nobody else is left whom the customer can talk to.
    """
    for each in room.supervisors:
        leg = _leg(room, each.member)
        if each.mode in ("barge", "take_over") and leg is not None and leg.is_there:
            return _taken_over(room, leg)
    return None


def _with(room: Room, each: Supervisor, now: int) -> Room:
    leg = _newest(room, each.member)
    if leg is not None and not leg.is_alive and leg.left_at is not None and leg.left_at > each.since:
        return room.without_supervisor(each.member)  # they have hung up, or their line broke
    if leg is None or leg.state != "joined":
        late = now - each.since >= JOIN
        return room.without_supervisor(each.member) if late else room
    if each.mode == "whisper" and _agents(room) != each.among:
        each = replace(each, mode="listen", whispers_to="", among=(), was_muted=True)
        room = room.with_supervisor(each)
    if each.mode == "take_over" and not (leg.muted or leg.unsure or leg.coach):
        return _taken_over(room, leg)
    leg = replace(leg, muted_wanted=each.mode == "listen", coach_wanted=each.whispers_to)
    return room.with_leg(leg)


def _taken_over(room: Room, leg: Leg) -> Room:
    """Make the supervisor the agent: remove the agent before, and end what that agent had begun."""
    member = leg.member
    assert member is not None
    room = commands.without_target(room).without_supervisor(member)
    before = None if room.agent is None else room.leg_of(room.agent)
    if before is not None:
        room = room.with_leg(replace(before, removed=True))
    room = room.with_leg(replace(leg, taken_over=True, muted_wanted=False, coach_wanted=""))
    customer = replace(room.customer, held_wanted=False)
    return replace(room, customer=customer, agent=member, problem="", help=None, helper=None)


def _heard(coming: Supervisor, room: Room) -> Supervisor:
    """Let a whisper be for the agent who is there now, and for no other."""
    coached = room.coached if coming.mode == "whisper" else None
    if coached is None:
        return replace(coming, whispers_to="", among=())
    return replace(coming, whispers_to=coached.call_sid, among=_agents(room))


def _agents(room: Room) -> tuple[str, ...]:
    return tuple(sorted(leg.call_sid for leg in room.agents))


def _is_wanted(room: Room, leg: Leg) -> bool:
    return leg.member is not None and room.supervisor(leg.member) is not None and leg == _newest(room, leg.member)


def _leg(room: Room, member: UUID) -> Leg | None:
    """Return the member's leg as a supervisor, as long as its call goes on."""
    leg = _newest(room, member)
    return leg if leg is not None and leg.is_alive else None


def _newest(room: Room, member: UUID) -> Leg | None:
    leg = room.leg(supervisor_label(member))
    return leg if leg is not None and leg.kind == "supervisor" else None
