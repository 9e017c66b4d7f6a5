"""The only function that changes a room: `step`. Pure."""

from __future__ import annotations

from dataclasses import replace

from web.conferences.machine import commands, reports, settling, supervising
from web.conferences.machine.due import wanted
from web.conferences.machine.events import (
    AcknowledgeHelp,
    Arriving,
    AskForHelp,
    BeginTransfer,
    BringIn,
    Called,
    CallStatus,
    Cancel,
    Claim,
    Complete,
    ConferenceEnded,
    Done,
    DroppedOut,
    EndForAll,
    Event,
    Failed,
    HangUp,
    Hold,
    InRoom,
    Leave,
    Mute,
    NobodyTook,
    Parted,
    Rejoin,
    Release,
    Remove,
    Resume,
    Seen,
    SendElsewhere,
    Shown,
    StopSupervising,
    Supervise,
    Truth,
)
from web.conferences.machine.room import LONELY, Room


def step(room: Room, event: Event, now: int) -> Room:
    """Return the room after ``event`` at ``now``. Raise `RefusedError` for a command that cannot be done."""
    settled = settling.settle(_reported(_wished(room, event, now), event, now), now)
    keys = {action.key for action in wanted(settled)}
    attempts = {key: attempt for key, attempt in settled.attempts.items() if key in keys}
    return replace(settled, attempts=attempts) if attempts != settled.attempts else settled


def _wished(room: Room, event: Event, now: int) -> Room:
    """Apply a command, or what ringing decides."""
    match event:
        case Claim():
            return commands.claim(room, event, now)
        case Release(member):
            return commands.release(room, member, now)
        case Rejoin(member):
            return commands.rejoin(room, member, now)
        case HangUp(member):
            return commands.hang_up(room, member, now)
        case BeginTransfer():
            return commands.begin_transfer(room, event, now)
        case Cancel(member):
            return commands.cancel(room, member, now)
        case Remove():
            return commands.remove(room, event, now)
        case Supervise():
            return supervising.supervise(room, event, now)
        case EndForAll():
            return commands.end_for_all(room, now)
        case SendElsewhere(reason):
            lonely = room.phase in LONELY
            return replace(room, phase="elsewhere", since=now, reason=reason) if lonely else room
        case NobodyTook(code):
            unclaimed = room.wants_target and room.invited is None
            return settling.gave_up(room, code, now) if unclaimed else room
    return _wished_within(room, event)


def _wished_within(room: Room, event: Event) -> Room:
    """Apply a command for which time does not count."""
    match event:
        case Hold(member):
            return commands.hold(room, member)
        case Resume(member):
            return commands.resume(room, member)
        case Mute(member, on):
            return commands.mute(room, member, on=on)
        case Leave(member):
            return commands.leave(room, member)
        case BringIn(member):
            return commands.bring_in(room, member)
        case Complete(member):
            return commands.complete(room, member)
        case AskForHelp(member):
            return commands.ask_for_help(room, member)
        case AcknowledgeHelp(member):
            return commands.acknowledge_help(room, member)
        case StopSupervising(member):
            return supervising.stop(room, member)
    return room


def _reported(room: Room, event: Event, now: int) -> Room:
    """Apply what Twilio says."""
    match event:
        case Seen():
            return reports.seen(room, event, now)
        case ConferenceEnded():
            return reports.conference_ended(room, event, now)
        case Arriving():
            return reports.arriving(room, event, now)
        case InRoom():
            return reports.in_room(room, event, now)
        case DroppedOut():
            return reports.dropped_out(room, event, now)
        case Parted(call_sid):
            return reports.parted(room, call_sid, now)
        case CallStatus():
            return reports.call_status(room, event, now)
        case Truth():
            return reports.truth(room, event, now)
        case Shown():
            return reports.shown(room, event, now)
        case Called():
            return reports.called(room, event)
        case Done():
            return reports.done(room, event, now)
        case Failed():
            return reports.failed(room, event, now)
    return room
