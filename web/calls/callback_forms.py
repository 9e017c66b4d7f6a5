"""Parse Twilio's callback forms into reports. Pure. The forms are signed, but may lack expected fields.

Twilio says that one "must be able to accept … an evolving set of parameters": an unknown status or event gives None,
and only a form without a CallSid is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, cast, get_args
from uuid import UUID

from db.call_progress import CallReport, CallStatus, DialReport, LegReport, is_over
from protocol.facts import printable

Form = Mapping[str, str]
StreamState = Literal["transcribing", "ended", "failed"]

CALL_SID = re.compile("CA[0-9a-fA-F]{32}")
_CLIENT = "client:"
_IDENTITY = re.compile("[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STREAM_STATES: dict[str, StreamState] = {
    "stream-started": "transcribing",
    "stream-stopped": "ended",
    "stream-error": "failed",
}
_LONGEST_CALL = 24 * 3600  # seconds, Twilio's limit
# Ours alone; Twilio never says it.
_STATUSES: frozenset[str] = frozenset(get_args(CallStatus)) - {"lost"}


class FormError(ValueError):
    """The form has no CallSid. The text names the field."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """A stream's status callback. ``reason`` is Twilio's own words for an error, never a caller's."""

    state: StreamState
    reason: str | None = None


def call_sid(form: Form, field: str = "CallSid") -> str:
    """Return the CallSid in ``field``. Raise `FormError`."""
    sid = form.get(field, "")
    if not CALL_SID.fullmatch(sid):
        raise FormError(field)
    return sid


def client_identity(member: UUID) -> str:
    """Return the Client identity of ``member`` in tokens and TwiML: 32 hex digits.

    Twilio takes "alphanumeric and underscore characters" only, at most 121 of them.
    """
    return member.hex


def is_of_leg(form: Form) -> bool:
    """Return whether the form is about a leg that was dialled for another call. An empty parent is none."""
    return bool(form.get("ParentCallSid"))


def parent_sid(form: Form) -> str:
    """Return the CallSid of the call that the form's leg belongs to, which may be itself. Raise `FormError`."""
    return call_sid(form, "ParentCallSid" if is_of_leg(form) else "CallSid")


def member_id(address: str) -> UUID | None:
    """Return the member whom ``client:{identity}`` names; None for a phone number or a foreign identity.

    Also reads the UUID with its hyphens: pages of the release before have such tokens, and calls begun with them.
    """
    if not address.startswith(_CLIENT) or not _IDENTITY.fullmatch(address, len(_CLIENT)):
        return None
    return UUID(address.removeprefix(_CLIENT))


def call_report(form: Form, now: datetime) -> CallReport | None:
    """Return the report of a callback about the call's own leg; ``now`` replaces a missing Timestamp."""
    status = _status(form.get("CallStatus", ""))
    if status is None:
        return None
    return CallReport(status, _timestamp(form) or now, _seconds(form.get("CallDuration", "")))


def leg_report(form: Form, now: datetime) -> LegReport | None:
    """Return the report of a callback about a dialled leg; ``now`` replaces a missing Timestamp."""
    status = _status(form.get("CallStatus", ""))
    if status is None:
        return None
    seconds = _seconds(form.get("CallDuration", ""))
    return LegReport(status, _timestamp(form) or now, seconds, member_id(form.get("To", "")))


def dial_report(form: Form) -> DialReport | None:
    """Return how `<Dial>` ended, None if unknown.

    Twilio also asks when the caller has left. Then CallStatus is that of a call that is over.
    """
    spelled = form.get("DialCallStatus", "")
    status = _status("completed" if spelled == "answered" else spelled)
    of_call = _status(form.get("CallStatus", ""))
    return None if status is None else DialReport(status, of_call is not None and is_over(of_call))


def stream_report(form: Form) -> StreamReport | None:
    """Return the report of a stream's callback, the only place where a refused handshake is reported."""
    state = _STREAM_STATES.get(form.get("StreamEvent", ""))
    if state is None:
        return None
    reason = printable(form.get("StreamError", "")) if state == "failed" else ""
    return StreamReport(state, reason or None)


def _status(text: str) -> CallStatus | None:
    return cast(CallStatus, text) if text in _STATUSES else None


def _timestamp(form: Form) -> datetime | None:
    """Return Twilio's Timestamp (RFC 2822, UTC); None if it is missing or invalid."""
    try:
        at = parsedate_to_datetime(form.get("Timestamp", ""))
    except (ValueError, OverflowError):
        return None
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC) if 2000 < at.year < 9000 else None


def _seconds(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,6}", text) and int(text) <= _LONGEST_CALL else None
