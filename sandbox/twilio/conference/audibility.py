"""Who hears whom in a conference: the rule of its sound. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.twilio.conference.participant import Participant


def heard_by(listener: Participant, others: Iterable[Participant], *, lost_coach: bool) -> list[Participant]:
    """Return those of ``others`` whom ``listener`` hears.

    Who waits or is held hears nobody and is heard by nobody; who is muted is heard by nobody; a coach is heard by the
    coached participant only. ``lost_coach``: whether a coach whose participant has left is heard by everybody.
    """
    if listener.hears != "room":
        return []
    here = {listener.leg.sid, *(other.leg.sid for other in others if other.joined)}
    return [other for other in others if other is not listener and _reaches(other, listener, here, lost_coach)]


def _reaches(speaker: Participant, listener: Participant, here: set[str], lost_coach: bool) -> bool:
    if speaker.early_media is not None and not speaker.joined:
        return True
    if speaker.hears != "room" or speaker.muted:
        return False
    if not speaker.coaching:
        return True
    return speaker.coach == listener.leg.sid or (lost_coach and speaker.coach not in here)
