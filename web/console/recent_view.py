"""The list of missed calls as shown: who called, why nobody took it, and who has called back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from db.call_progress import Reason
from db.models import Call
from db.queries.missed_calls import Missed
from web.calls.log.view import REASON_WORDS
from web.request.callers import shown

State = Literal["open", "claimed", "talking", "tried", "reached"]
"""`claimed`: somebody is about to call them; `talking`: somebody does, or they are calling us right now."""

_TRIED = {"unanswered": "no answer", "busy": "busy", "failed": "not reached"}
_WEEK = timedelta(days=6)  # for so long a weekday says which day is meant


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the list, when and where; ``seen_at`` is when they last did, ``names`` are the members'."""

    member_id: UUID
    seen_at: datetime
    now: datetime
    zone: ZoneInfo
    names: Mapping[UUID, str]
    has_lines: bool = False
    """Whether the organisation has several numbers, so that it matters which one was called."""

    def clock(self, at: datetime) -> str:
        """Return ``10:32``, ``Mon 10:32`` or ``3 Nov 10:32``."""
        here, today = at.astimezone(self.zone), self.now.astimezone(self.zone).date()
        time = f"{here.hour}:{here.minute:02}"
        if here.date() == today:
            return time
        return f"{here:%a} {time}" if today - here.date() <= _WEEK else f"{here.day} {here:%b} {time}"

    def name(self, call: Call) -> str:
        """Return who had the call."""
        if call.agent_id == self.member_id:
            return "you"
        return call.agent.name if call.agent is not None else "a colleague"


@dataclass(frozen=True, slots=True)
class Entry:
    """One customer who called in vain.

    ``line`` is the number that they called, "" if it does not matter. ``knows`` is the call with them that the entry
    tells about, "" if none.
    """

    call: UUID
    who: str
    line: str
    at: datetime
    when: str
    count: int
    reason: Reason
    why: str
    """The reason in words, or what the caller asked for."""
    wants_call: bool
    """The caller asked to be called back."""
    state: State
    mark: str
    knows: str
    can_call: bool
    """Their number is known, and nobody is on the phone with them."""
    is_new: bool


def entries(missed: Sequence[Missed], reader: Reader) -> list[Entry]:
    """Return the list, in the order of ``missed``."""
    return [_entry(each, reader) for each in missed]


def refusal(missed: Missed, reader: Reader, knows: str) -> str:
    """Return why the reader should not call back now, "" if they may.

    ``knows`` is what the reader's page told of: whoever sees that somebody has called back may call all the same.
    """
    state, mark = _mark(missed, reader)
    is_own_claim = state == "claimed" and missed.claimed_by(reader.now) == reader.member_id
    if state == "open" or is_own_claim:
        return ""
    if state in ("tried", "reached") and knows == _knows(missed):
        return ""
    return f"{mark}."


def _entry(missed: Missed, reader: Reader) -> Entry:
    call = missed.call
    state, mark = _mark(missed, reader)
    label = call.number.label if call.number is not None else ""
    line = label or shown(call.to_number) if reader.has_lines else label
    return Entry(
        call=call.id,
        who=shown(call.from_number),
        line=line,
        at=call.started_at.astimezone(reader.zone),
        when=reader.clock(call.started_at),
        count=missed.count,
        reason=call.reason or "caller_left",
        why=_why(call),
        wants_call=call.callback_requested_at is not None,
        state=state,
        mark=mark,
        knows=_knows(missed),
        can_call=call.customer_hash is not None and state != "talking",
        is_new=state == "open" and call.started_at > reader.seen_at,
    )


def _knows(missed: Missed) -> str:
    return "" if missed.contact is None else str(missed.contact.id)


def _why(call: Call) -> str:
    if call.callback_requested_at is not None:
        return "Asked to be called back"
    words = REASON_WORDS[call.reason or "caller_left"]
    if call.reason not in ("caller_left", None) or call.ended_at is None:
        return words
    waited = max(0, int((call.ended_at - call.started_at).total_seconds()))
    return f"{words} {waited // 60}:{waited % 60:02}"


def _mark(missed: Missed, reader: Reader) -> tuple[State, str]:
    """Return how things stand, and a sentence about it without its full stop."""
    contact = missed.contact
    if contact is None:
        claimed = missed.claimed_by(reader.now)
        if claimed is None:
            return "open", ""
        is_own = claimed == reader.member_id
        return "claimed", "You are calling back" if is_own else f"{_colleague(reader, claimed)} is calling back"
    if contact.outcome is None:
        return "talking", _talking(contact, reader)
    name, at = reader.name(contact), reader.clock(contact.started_at)
    if contact.direction == "inbound":
        return "reached", f"Called again {at}, answered {f'by {name}' if contact.agent_id else 'elsewhere'}"
    if contact.outcome == "answered":
        return "reached", f"Called back by {name} {at}"
    return "tried", f"Called back by {name} {at}: {_TRIED.get(contact.outcome, 'not reached')}"


def _talking(contact: Call, reader: Reader) -> str:
    if contact.agent_id is None:
        return "Calling again right now"
    return f"On the phone with {reader.name(contact)} since {reader.clock(contact.started_at)}"


def _colleague(reader: Reader, member_id: UUID) -> str:
    return reader.names.get(member_id, "A colleague")
