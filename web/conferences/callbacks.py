"""Parse Twilio's forms about conferences. Pure. They are signed, but may lack expected fields."""

from __future__ import annotations

import re
from uuid import UUID

from web.calls.callback_forms import CALL_SID, Form, FormError
from web.conferences.machine.events import ConferenceEnded, Event, Seen
from web.conferences.machine.reports import TERMINAL

_CALL_ID = re.compile("[0-9a-f]{32}")
_CONFERENCE = re.compile("CF[0-9a-fA-F]{32}")
_ENDED = ("moderator_ended_conference", "conference_ended_via_api")  # of Twilio's ReasonParticipantLeft
_CHANGES = ("hold", "unhold", "mute", "unmute", "modify")


def room_id(text: str) -> UUID:
    """Return the call whose room is called ``text``. Raise `FormError`."""
    if not _CALL_ID.fullmatch(text):
        raise FormError("room")
    return UUID(text)


def conference_sid(form: Form) -> str:
    """Return the conference's SID. Raise `FormError`."""
    sid = form.get("ConferenceSid", "")
    if not _CONFERENCE.fullmatch(sid):
        raise FormError("ConferenceSid")
    return sid


def conference_event(form: Form) -> Event | None:
    """Return the event that a conference's status callback reports, None for one that means nothing to us.

    Raise `FormError` if it names no conference, or no participant where it should.
    """
    conference, name = conference_sid(form), form.get("StatusCallbackEvent", "")
    if name == "conference-end":
        return ConferenceEnded(conference)
    about, _, what = name.partition("-")
    if about != "participant" or what not in ("join", "leave", *_CHANGES):
        return None
    call_sid, sequence = form.get("CallSid", ""), form.get("SequenceNumber", "")
    if not CALL_SID.fullmatch(call_sid):
        raise FormError("CallSid")
    return Seen(
        what="join" if what == "join" else "leave" if what == "leave" else "change",
        conference=conference,
        sequence=int(sequence) if re.fullmatch("[0-9]{1,9}", sequence) else 0,
        call_sid=call_sid,
        label=form.get("ParticipantLabel", ""),
        held=form.get("Hold") == "true",
        muted=form.get("Muted") == "true",
        coaching=form.get("Coaching") == "true",
        call_over=form.get("ParticipantCallStatus", "") in TERMINAL,
        conference_over=form.get("ReasonParticipantLeft", "") in _ENDED,
    )
