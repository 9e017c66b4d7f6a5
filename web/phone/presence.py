"""What a member is doing, as their colleagues see it and as ringing needs it: pure.

A member chooses to be available, on a break or offline. Available alone does not mean that a phone would ring: the
console's heartbeat proves it every `BEAT`, and says whether the phone is registered and the microphone allowed. After
two missed beats the member is unreachable. What was chosen ends after `LONGEST`, and once the console was silent for
`LOST`: a computer that wakes up tomorrow must not ring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from db.queries.phone.presence import Standing

State = Literal["available", "on_call", "wrap_up", "break", "offline", "unreachable"]

BEAT = timedelta(seconds=5)
REACHABLE = 2 * BEAT + timedelta(seconds=2)  # two beats, and what a beat may be late by
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
class Beat:
    """What a console reports: its id, and whether its phone is registered and its microphone allowed."""

    console: str
    registered: bool
    microphone: bool


def shown(standing: Standing, talking_since: datetime | None, now: datetime) -> Shown:
    """Return what the member is doing; ``talking_since`` is when they took a call that goes on, None without one."""
    current = settled(standing, now)
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


def can_ring(standing: Standing, now: datetime) -> bool:
    """Return whether a live console with a registered phone and a microphone would ring."""
    return is_heard(standing, now) and standing.registered and standing.microphone


def is_heard(standing: Standing, now: datetime) -> bool:
    """Return whether the console has not missed two beats."""
    return standing.beat_at is not None and now - standing.beat_at < REACHABLE


def free_since(standing: Standing) -> datetime:
    """Return since when the member has had no call: after the last one and its wrap-up. Longest idle rings first."""
    ends = [at for at in (standing.idle_since, standing.wrap_up_until) if at is not None]
    return max(ends, default=standing.since)


def settled(standing: Standing, now: datetime) -> Standing:
    """Return ``standing`` as time has left it: offline after `LONGEST`, or once the console was silent for `LOST`."""
    if standing.chosen == "offline":
        return standing
    begun = standing.on_since or standing.since
    ends = [begun + LONGEST]
    if standing.beat_at is not None:
        ends.append(max(standing.beat_at, standing.since) + LOST)
    ended = min(ends)
    return standing if now < ended else _offline(standing, ended)


def beaten(standing: Standing, beat: Beat, now: datetime) -> Standing:
    """Return ``standing`` after a console's beat. While the leader lives, no other console is heard."""
    current = settled(standing, now)
    if current.console not in (None, beat.console) and is_heard(current, now):
        return current
    return replace(current, console=beat.console, beat_at=now, registered=beat.registered, microphone=beat.microphone)


def differ(before: Standing, after: Standing, now: datetime) -> bool:
    """Return whether a beat changed more than the time of the last one: what somebody sees, or who is rung."""
    if not is_heard(before, now):
        return True
    return replace(before, beat_at=None) != replace(after, beat_at=None)


def taken_over(standing: Standing, console: str, now: datetime) -> Standing:
    """Return ``standing`` with ``console`` as the leader. Its phone counts from its next beat on."""
    if standing.console == console:
        return standing
    return replace(settled(standing, now), console=console, beat_at=now, registered=False, microphone=False)


def chosen(
    standing: Standing, choice: Literal["available", "break", "offline"], reason: UUID | None, now: datetime
) -> Standing:
    """Return ``standing`` after the member chose. Repeating a choice keeps the place in the queue."""
    current = settled(standing, now)
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


def switched_off(standing: Standing, by: UUID, now: datetime) -> Standing:
    """Return ``standing`` after a supervisor made the member offline. Who is offline stays as they are."""
    current = settled(standing, now)
    return current if current.chosen == "offline" else replace(_offline(current, now), switched_off_by=by)


def wrapped_up(standing: Standing, now: datetime) -> Standing:
    """Return ``standing`` after the member has finished what followed their last call."""
    if standing.wrap_up_until is None or standing.wrap_up_until <= now:
        return standing
    return replace(standing, wrap_up_until=now)


def _offline(standing: Standing, at: datetime) -> Standing:
    off = replace(standing, chosen="offline", break_reason_id=None, since=at, on_since=None)
    return replace(off, wrap_up_until=None, switched_off_by=None)
