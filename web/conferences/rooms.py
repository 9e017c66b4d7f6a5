"""The rooms in the database: read, changed by one event, and stored again, with the call's row kept true beside it.

`apply` belongs into a transaction, `web.conferences.performing.follow` after it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from db.call_progress import CallReport, LegReport, TurnedAway
from db.queries.log.call_moments import Moment
from db.queries.phone.conferences import Place, StoredRoom
from protocol.times import from_milliseconds
from web.conferences.machine import due, news, room as machine_room
from web.conferences.machine.events import Event
from web.conferences.machine.room import Leg, Room, Transfer
from web.conferences.machine.step import step
from web.request.access import Rows

EXPECTED = "expected-"
"""Begins the CallSid of a call whose customer's leg Twilio has not named yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an event has made of a room. ``before`` and ``after`` may be the same."""

    place: Place
    call_sid: str
    before: Room
    after: Room
    at: datetime
    """When, by our clock."""


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def at(milliseconds: int | None) -> datetime | None:
    """Return a time of a room as the database has it."""
    return None if milliseconds is None else from_milliseconds(milliseconds)


async def begin(rows: Rows, call_id: UUID, room: Room) -> None:
    """Store a new room; one that is there already stays as it is."""
    if await rows.conferences.get(call_id) is not None:
        return
    wakes = at(due.wakes_at(room, room.since))
    await rows.conferences.open(call_id, phase=room.phase, state=machine_room.to_json(room), wakes_at=wakes)


async def load(rows: Rows, call_id: UUID) -> Room | None:
    """Return the room of that call, None if there is none in this organisation."""
    stored = await rows.conferences.get(call_id)
    return None if stored is None else machine_room.from_json(stored.state)


async def live(rows: Rows) -> dict[UUID, Room]:
    """Return the organisation's rooms that are not over, by call, the oldest first."""
    return {stored.call_id: machine_room.from_json(stored.state) for stored in await rows.conferences.live()}


async def apply(rows: Rows, call_id: UUID, event: Event, now: int | None = None) -> Change | None:
    """Apply ``event`` to that call's room; None if there is none in this organisation. It is locked until commit.

    Raise `web.conferences.machine.room.RefusedError` for a command that cannot be done.
    """
    now = now_ms() if now is None else now
    found = await locked(rows, call_id)
    if found is None:
        return None
    stored, before = found
    return await store(rows, stored, change_of(rows, stored, before, step(before, event, now), now), now)


async def locked(rows: Rows, call_id: UUID) -> tuple[StoredRoom, Room] | None:
    """Lock the room until commit, and return it as it is stored and as it is, None if there is none."""
    stored = await rows.conferences.get(call_id, locked=True)
    return None if stored is None else (stored, machine_room.from_json(stored.state))


def change_of(rows: Rows, stored: StoredRoom, before: Room, after: Room, now: int) -> Change:
    place = Place(rows.organisation.id, stored.call_id)
    return Change(place, stored.call_sid, before, after, from_milliseconds(now))


async def store(rows: Rows, stored: StoredRoom, change: Change, now: int) -> Change:
    """Store ``change`` of a room that was read locked, and keep the call's row true."""
    call_id, after = stored.call_id, change.after
    wakes = at(due.wakes_at(after, now))
    if after == change.before:
        await rows.conferences.wake(call_id, wakes)
        return change
    await rows.conferences.save(
        call_id,
        phase=after.phase,
        state=machine_room.to_json(after),
        conference_sid=after.conference or None,
        wakes_at=wakes,
        is_news=news.is_news(change.before, after),
    )
    named = await _set_call_sid(rows, stored, after)
    change = replace(change, call_sid=named)
    await _report(rows, change)
    return change


async def _set_call_sid(rows: Rows, stored: StoredRoom, room: Room) -> str:
    """Give the call's row the CallSid of the customer's leg, once it is known. Return the row's CallSid."""
    named = room.customer.call_sid
    if not named or named == stored.call_sid:
        return stored.call_sid
    await rows.conferences.name_call(stored.call_id, named)
    return named


async def _report(rows: Rows, change: Change) -> None:
    """Write into the call's row what the room shows: who answered, why nobody did, and that it is over."""
    before, after = change.before, change.after
    known = {leg.call_sid: leg for leg in before.every}
    for leg in after.every:
        if leg.call_sid and leg.joined_at is not None and leg != known.get(leg.call_sid):
            await _report_leg(rows, change, leg)
    if after.words_paused != before.words_paused:
        await rows.calls.set_hold(change.call_sid, on_hold=after.words_paused, at=change.at)
    for moment in transfer_moments(before, after, change.at):
        await rows.moments.note(change.place.call_id, moment)
    if after.phase == "elsewhere" and before.phase != "elsewhere" and after.reason is not None:
        await rows.calls.report(change.call_sid, TurnedAway(after.reason))
    if after.is_over and not before.is_over:
        never_called = change.call_sid.startswith(EXPECTED)
        await rows.calls.report(change.call_sid, CallReport("canceled" if never_called else "lost", change.at))
    if is_handed_over(before, after):
        await rows.conferences.note_transfer(change.place.call_id, after.agent)
    for member in departed(before, after):
        await rows.presence.left_call(member, change.place.call_id, change.at)


def transfer_moments(before: Room, after: Room, at: datetime) -> list[Moment]:
    """Return what has become of a transfer: begun, and done or come to nothing."""
    old, new = before.transfer, after.transfer
    moments = []
    is_other = old is not None and (new is None or (new.by, new.since) != (old.by, old.since))
    if old is not None and is_other:
        came = any(leg.label == old.label and leg.is_there for leg in after.legs)
        moments.append(Moment(at, "transferred" if came else "transfer_failed", *_target(old)))
    if new is not None and (old is None or is_other):
        moments.append(Moment(at, "transfer", *_target(new)))
    return moments


def _target(transfer: Transfer) -> tuple[UUID | None, str]:
    member = transfer.claimed_by or (transfer.target.id if transfer.target.kind == "member" else None)
    return member, f"{transfer.kind} {transfer.target.kind}"


def is_handed_over(before: Room, after: Room) -> bool:
    """Return whether somebody else has the customer: a transfer has come to its end, or a supervisor took over."""
    if after.phase != "talking" or after.agent == before.agent:
        return False
    came_to_its_end = before.transfer is not None and after.transfer is None
    return came_to_its_end or _taken_over(after) - _taken_over(before) != set()


def _taken_over(room: Room) -> set[str]:
    return {leg.call_sid for leg in room.legs if leg.taken_over}


def departed(before: Room, after: Room) -> set[UUID]:
    """Return who talked to the customer and has no part in the call any more: their wrap-up begins.

    Whose line broke has a part as long as the call rings at them first.
    """
    talked = {leg.member for leg in after.legs if leg.kind == "agent" and leg.joined_at is not None}
    there = {each for each in talked if each is not None and _has_part(before, each)} if after.was_answered else set()
    return {each for each in there if not _has_part(after, each)}


def _has_part(room: Room, member: UUID) -> bool:
    return not room.is_over and (room.concerns(member) or room.returning_to == member)


async def _report_leg(rows: Rows, change: Change, leg: Leg) -> None:
    joined_at = at(leg.joined_at)
    if joined_at is None:
        return
    report = LegReport("in-progress", joined_at, member_id=leg.member)
    await rows.conferences.note_leg(
        change.place.call_id,
        leg.call_sid,
        leg.kind,
        member_id=leg.member,
        report=report,
        left_at=at(leg.left_at),
    )
    answers = leg.kind == ("customer" if change.after.direction == "outbound" else "agent")
    if answers and leg.state == "joined":
        await rows.calls.report(change.call_sid, report)
