"""Which changes of a room are news to whom it is shown, and to whoever rings for it. Pure.

Most callbacks only say what is known: it is noted how far Twilio has come, and nobody needs to look again.
"""

from __future__ import annotations

from dataclasses import replace

from web.conferences.machine.room import Leg, Room


def is_news(before: Room, after: Room) -> bool:
    """Return whether anybody but the machine could see a difference. Nobody is shown a room that is over."""
    return not (before.is_over and after.is_over) and _seen(before) != _seen(after)


def _seen(room: Room) -> Room:
    """Return the room without what only the machine reads."""
    known = replace(room, ended=(), attempts={}, heard=0, heard_at=0, asked_at=0, in_doubt=False, drops=0)
    legs = tuple(map(_seen_leg, room.legs))
    return replace(known, has_waited=False, customer=_seen_leg(room.customer), legs=legs)


def _seen_leg(leg: Leg) -> Leg:
    return replace(leg, left=(), held_seen=-1, muted_seen=-1, coach_seen=-1)
