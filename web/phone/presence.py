"""What a member is doing, as their colleagues see it and as ringing needs it: pure.

A member chooses to be available, on a break or offline. Available alone does not mean that a phone would ring: the
console heartbeat proves it every `BEAT`, and says whether the phone is registered and the microphone allowed. After
two missed heartbeats the member is unreachable. What was chosen ends after `LONGEST`, and once the console was silent
for `LOST`: a computer that wakes up tomorrow must not ring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from db.queries.phone.presence import StoredPresence

State = Literal["available", "on_call", "wrap_up", "break", "offline", "unreachable"]

BEAT = timedelta(seconds=5)
REACHABLE = 2 * BEAT + timedelta(seconds=2)  # two console heartbeats, and what one may be late by
LOST = timedelta(minutes=15)
LONGEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Shown:
    """A member's state, since when, and until when if it ends by itself. ``reason`` is the break's."""

    state: State
    since: datetime
    until: datetime | None = None
    reason: UUID | None = None
    by: UUID | None = None
    """The supervisor who switched them off."""


@dataclass(frozen=True, slots=True)
class ConsoleHeartbeat:
    """A console heartbeat: the console's id, and whether its phone is registered and its microphone allowed."""

    console: str
    registered: bool
    microphone: bool


def shown(stored: StoredPresence, talking_since: datetime | None, now: datetime) -> Shown:
    """Return what the member is doing; ``talking_since`` is when they took a call that goes on, None without one."""
    current = settled(stored, now)
    if talking_since is not None:
        return Shown("on_call", talking_since)
    if current.chosen == "offline":
        return Shown("offline", current.since, by=current.switched_off_by)
    if current.wrap_up_until is not None and now < current.wrap_up_until:
        return Shown("wrap_up", current.idle_since or current.since, current.wrap_up_until)
    if current.chosen == "break":
        return Shown("break", current.since, reason=current.break_reason_id)
    if not can_ring(current, now):
        return Shown("unreachable", max(current.since, current.beat_at or current.since))
    return Shown("available", max(current.since, free_since(current)))


def can_ring(stored: StoredPresence, now: datetime) -> bool:
    """Return whether a live console with a registered phone and a microphone would ring."""
    return is_heard(stored, now) and stored.registered and stored.microphone


def is_heard(stored: StoredPresence, now: datetime) -> bool:
    """Return whether the console has not missed two heartbeats."""
    return stored.beat_at is not None and now - stored.beat_at < REACHABLE


def free_since(stored: StoredPresence) -> datetime:
    """Return since when the member has had no call: after the last one and its wrap-up. Longest idle rings first."""
    ends = [at for at in (stored.idle_since, stored.wrap_up_until) if at is not None]
    return max(ends, default=stored.since)


def settled(stored: StoredPresence, now: datetime) -> StoredPresence:
    """Return ``stored`` as time has left it: offline after `LONGEST`, or once the console was silent for `LOST`."""
    if stored.chosen == "offline":
        return stored
    begun = stored.on_since or stored.since
    ends = [begun + LONGEST]
    if stored.beat_at is not None:
        ends.append(max(stored.beat_at, stored.since) + LOST)
    ended = min(ends)
    return stored if now < ended else _offline(stored, ended)


def after_heartbeat(stored: StoredPresence, heartbeat: ConsoleHeartbeat, now: datetime) -> StoredPresence:
    """Return ``stored`` after a console heartbeat. While the leading console lives, no other one is heard."""
    current = settled(stored, now)
    if current.console not in (None, heartbeat.console) and is_heard(current, now):
        return current
    return replace(
        current,
        console=heartbeat.console,
        beat_at=now,
        registered=heartbeat.registered,
        microphone=heartbeat.microphone,
    )


def differ(before: StoredPresence, after: StoredPresence, now: datetime) -> bool:
    """Return whether a console heartbeat changed more than its time: what somebody sees, or who is rung."""
    if not is_heard(before, now):
        return True
    return replace(before, beat_at=None) != replace(after, beat_at=None)


def taken_over(stored: StoredPresence, console: str, now: datetime) -> StoredPresence:
    """Return ``stored`` with ``console`` as the leading one. Its phone counts from its next heartbeat on."""
    if stored.console == console:
        return stored
    return replace(settled(stored, now), console=console, beat_at=now, registered=False, microphone=False)


def chosen(
    stored: StoredPresence, choice: Literal["available", "break", "offline"], reason: UUID | None, now: datetime
) -> StoredPresence:
    """Return ``stored`` after the member chose. Repeating a choice keeps the place in the queue."""
    current = settled(stored, now)
    reason = reason if choice == "break" else None
    if (current.chosen, current.break_reason_id, current.switched_off_by) == (choice, reason, None):
        return current
    if choice == "offline":
        return _offline(current, now)
    is_new = current.chosen == "offline"
    return replace(
        current,
        chosen=choice,
        break_reason_id=reason,
        since=now,
        idle_since=now,
        on_since=now if is_new else current.on_since,
        switched_off_by=None,
    )


def switched_off(stored: StoredPresence, by: UUID, now: datetime) -> StoredPresence:
    """Return ``stored`` after a supervisor made the member offline. If they are offline, it stays as it is."""
    current = settled(stored, now)
    return current if current.chosen == "offline" else replace(_offline(current, now), switched_off_by=by)


def wrapped_up(stored: StoredPresence, now: datetime) -> StoredPresence:
    """Return ``stored`` after the member has finished what followed their last call."""
    if stored.wrap_up_until is None or stored.wrap_up_until <= now:
        return stored
    return replace(stored, wrap_up_until=now)


def _offline(stored: StoredPresence, at: datetime) -> StoredPresence:
    off = replace(stored, chosen="offline", break_reason_id=None, since=at, on_since=None)
    return replace(off, wrap_up_until=None, switched_off_by=None)
