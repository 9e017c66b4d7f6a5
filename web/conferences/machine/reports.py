"""What Twilio's callbacks and answers make of a room.

Callbacks come twice, late and in any order. A leg enters a conference once and leaves it once, so a `join` after its
`leave` is late; of holds and mutes the highest SequenceNumber counts.
"""

from __future__ import annotations

from dataclasses import replace

from web.conferences.machine import supervising
from web.conferences.machine.events import (
    Arriving,
    Called,
    CallStatus,
    ConferenceEnded,
    Done,
    DroppedOut,
    Failed,
    InRoom,
    Seen,
    Shown,
    TrueLeg,
    Truth,
)
from web.conferences.machine.room import CUSTOMER, UNKNOWN, Attempt, Leg, Room, is_label

TERMINAL = ("completed", "busy", "no-answer", "failed", "canceled")  # of Twilio's CallStatus
BACKOFF = (500, 1_000, 2_000, 5_000, 10_000, 30_000)  # milliseconds, by the number of failures
MOST_DROPS = 5
_SHOWS_LATER = 5_000  # milliseconds until an event must have shown what Twilio has agreed to do


def seen(room: Room, event: Seen, now: int) -> Room:
    leg = _known(room, event.label, event.call_sid)
    if leg is None:
        return room
    if event.what == "leave":
        leg = _with_leave(leg, event, now)
    elif event.what == "join" and event.conference not in (*leg.left, *room.ended):
        leg = joined(leg, event.conference, now)
    room = room.with_leg(_with_change(leg, event, now))
    if event.what == "leave" and event.conference_over:  # the customer has hung up, as a rule: see `parted`
        return conference_ended(room, ConferenceEnded(event.conference), now)
    return _heard(room, now)


def joined(leg: Leg, conference: str, now: int) -> Leg:
    """Return ``leg`` in the conference; what was known of it in another one is forgotten."""
    if leg.state == "ended" or (leg.state == "joined" and leg.conference == conference):
        return leg
    if leg.conference != conference:
        leg = replace(leg, held=False, held_since=None, muted=False, bound=False, coach="")
        leg = replace(leg, held_seen=-1, muted_seen=-1, coach_seen=-1)
    return replace(leg, state="joined", conference=conference, joined_at=now, left_at=None)


def _with_leave(leg: Leg, event: Seen, now: int) -> Leg:
    leg = replace(leg, left=(*(each for each in leg.left if each != event.conference), event.conference)[-8:])
    if leg.state == "ended" or (leg.state == "joined" and leg.conference not in ("", event.conference)):
        return leg
    if event.call_over:
        return _ended(leg, "completed", now)
    if leg.state in ("joined", "answered", "ringing", "expected"):
        return _out(leg, now)
    return leg


def _with_change(leg: Leg, event: Seen, now: int) -> Leg:
    if leg.state != "joined" or leg.conference != event.conference:
        return leg
    if event.sequence > leg.held_seen:
        leg = replace(_held(leg, event.held, now), held_seen=event.sequence)
    if event.sequence > leg.muted_seen:
        leg = replace(leg, muted=event.muted, muted_seen=event.sequence)
    if event.sequence > leg.coach_seen:
        coach = (leg.coach or UNKNOWN) if event.coaching else ""
        leg = replace(leg, coach=coach, coach_seen=event.sequence)
    return leg


def conference_ended(room: Room, event: ConferenceEnded, now: int) -> Room:
    room = replace(room, ended=(*(each for each in room.ended if each != event.conference), event.conference)[-8:])
    for leg in room.every:
        if leg.state == "joined" and leg.conference == event.conference:
            room = room.with_leg(_out(leg, now))
    return _heard(room, now)


def arriving(room: Room, event: Arriving, now: int) -> Room:
    """Note that the leg is on the line, as it asked for the document that leads into the room; prolong its claim."""
    leg = _known(room, event.label, event.call_sid)
    if leg is None:
        return room
    if leg.state in ("expected", "ringing"):
        room = room.with_leg(replace(leg, state="answered"))
    room = supervising.expected(room, leg, now)
    if room.phase == "claimed" and leg.member == room.agent:
        room = replace(room, since=now)
    if room.transfer is not None and leg.member is not None and leg.member == room.transfer.claimed_by:
        room = replace(room, transfer=replace(room.transfer, claimed_at=now))
    return _heard(room, now)


def in_room(room: Room, event: InRoom, now: int) -> Room:
    leg = room.by_sid(event.call_sid)
    if (
        leg is None
        or event.conference in (*leg.left, *room.ended)
        or (leg.state == "joined" and not event.conference)
    ):
        return room
    return _heard(room.with_leg(joined(leg, event.conference, now)), now)


def dropped_out(room: Room, event: DroppedOut, now: int) -> Room:
    """Note that the customer dropped out; after `MOST_DROPS` times they hear an apology and are not led back."""
    leg = room.customer
    if leg.call_sid != event.call_sid or leg.state == "ended" or room.phase in ("elsewhere", "over"):
        return room
    if leg.state == "joined":
        left = (*(each for each in leg.left if each != leg.conference), leg.conference)[-8:]
        room = room.with_leg(replace(_out(leg, now), left=left))
    room = _heard(replace(room, drops=room.drops + 1), now)
    return room if room.drops <= MOST_DROPS else replace(room, phase="elsewhere", since=now, reason="nobody_answered")


def parted(room: Room, call_sid: str, now: int) -> Room:
    """Note that a leg ended; if it was in the room and we did not remove it, that the conference ended with it.

    As a rule the customer has hung up, which Twilio reports in a moment. So nobody is rung for them meanwhile.
    """
    leg = room.by_sid(call_sid)
    if leg is None:
        return room
    ends = leg.state == "joined" and not leg.removed
    room = room.with_leg(_ended(leg, "completed", now))
    return conference_ended(room, ConferenceEnded(leg.conference), now) if ends else _heard(room, now)


def call_status(room: Room, event: CallStatus, now: int) -> Room:
    leg = _known(room, event.label, event.call_sid) if event.call_sid else room.leg(event.label)
    if leg is None:
        return room
    if event.status in TERMINAL:
        leg = _ended(leg, event.status, now)
    elif event.status == "in-progress" and leg.state in ("expected", "ringing"):
        leg = replace(leg, state="answered")
    elif leg.state == "expected":
        leg = replace(leg, state="ringing")
    return _heard(room.with_leg(leg), now)


def truth(room: Room, event: Truth, now: int) -> Room:
    """Replace what we believed by what Twilio has answered, unless an event came meanwhile."""
    if event.heard != room.heard:
        return room
    there = {party.call_sid: party for party in event.parties}
    for leg in list(room.every):
        if leg.state == "joined" and leg.call_sid not in there:
            left = (*leg.left, leg.conference)[-8:] if leg.conference else leg.left
            room = room.with_leg(replace(_out(leg, now), left=left))
    for party in event.parties:
        room = _with_true(room, party, event.conference, now)
    if event.customer_status in TERMINAL:
        room = room.with_leg(_ended(room.customer, event.customer_status, now))
    return replace(_heard(room, now), in_doubt=False)


def _with_true(room: Room, party: TrueLeg, conference: str, now: int) -> Room:
    leg = _known(room, party.label, party.call_sid)
    if leg is None or leg.state == "ended":
        return room
    leg = replace(joined(leg, conference, now), left=tuple(each for each in leg.left if each != conference))
    return room.with_leg(replace(_held(leg, party.held, now), muted=party.muted, coach=party.coach, unsure=False))


def shown(room: Room, event: Shown, now: int) -> Room:
    room = _without_attempt(room, event.key)
    leg = room.by_sid(event.call_sid)
    if leg is None or leg.state != "joined":
        return room
    if event.held is not None:
        leg = _held(leg, event.held, now)
    if event.muted is not None:
        leg = replace(leg, muted=event.muted, unsure=False)
    if event.coach is not None:
        leg = replace(leg, coach=event.coach)
    if event.announced:
        room = supervising.announced(room, leg)
    if event.bound is not None:
        leg = replace(leg, bound=event.bound)
    return room.with_leg(leg)


def called(room: Room, event: Called) -> Room:
    room, leg = _without_attempt(room, event.key), room.leg(event.label)
    if leg is None or leg.call_sid == event.call_sid:
        return room
    state = "ringing" if leg.state == "expected" else leg.state
    return room.with_leg(replace(leg, call_sid=event.call_sid, state=state))


def done(room: Room, event: Done, now: int) -> Room:
    before = room.attempts.get(event.key)
    count = before.count if before else 1
    return replace(room, attempts={**room.attempts, event.key: Attempt(count, now + _SHOWS_LATER)})


def failed(room: Room, event: Failed, now: int) -> Room:
    before = room.attempts.get(event.key)
    count = before.count if before else 1
    pause = BACKOFF[min(count, len(BACKOFF)) - 1]
    attempts = {**room.attempts, event.key: Attempt(count, now + pause, event.why)}
    return replace(room, attempts=attempts, in_doubt=room.in_doubt or event.contradicts)


def _known(room: Room, label: str, call_sid: str) -> Leg | None:
    """Return the leg that Twilio speaks of: by its CallSid, else the one of its label that has none, else a new one.

    None for what is no leg of ours, and for a second customer.
    """
    leg = room.by_sid(call_sid)
    if leg is not None or not call_sid or not is_label(label):
        return leg
    unnamed = room.leg(label)
    if unnamed is not None and not unnamed.call_sid:
        return replace(unnamed, call_sid=call_sid)
    return None if label == CUSTOMER or label.startswith("outside") else Leg(label, call_sid)


def _out(leg: Leg, now: int) -> Leg:
    return replace(leg, state="left", left_at=now, held=False, held_since=None)


def _ended(leg: Leg, status: str, now: int) -> Leg:
    if leg.state == "ended":
        return leg
    return replace(leg, state="ended", end=status, left_at=leg.left_at or now, held=False, held_since=None)


def _held(leg: Leg, held: bool, now: int) -> Leg:
    return leg if leg.held == held else replace(leg, held=held, held_since=now if held else None)


def _without_attempt(room: Room, key: str) -> Room:
    return replace(room, attempts={name: each for name, each in room.attempts.items() if name != key})


def _heard(room: Room, now: int) -> Room:
    return replace(room, heard=room.heard + 1, heard_at=now)
