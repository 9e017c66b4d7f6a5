"""The call log's filters and rows. Pure: parses the query string, formats calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from db.call_progress import Direction, Outcome, Reason
from db.models import Call, Transcription
from db.queries.calls import CallFilter
from web.request.callers import shown
from web.request.errors import InvalidError
from web.request.paging import days, filled_in

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
FIELDS = ("from", "to", "direction", "agent", "outcome")

REASON_WORDS: Mapping[Reason, str] = {
    "caller_left": "Left while waiting",
    "nobody_answered": "Nobody answered",
    "declined": "Declined",
    "nobody_available": "Nobody available",
    "outside_hours": "Outside hours",
}
"""Why no agent took a call, as shown."""

_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class Line:
    """One call as shown. ``started_at`` is in the organisation's time zone; ``outcome`` None: in progress."""

    call: str
    direction: Direction
    customer: str
    number: str
    agent: str | None
    outcome: Outcome | None
    reason: Reason | None
    """Why no agent took it; None if one did, or the call goes on."""
    started_at: datetime
    duration_s: int | None
    transcription: Transcription | None
    transcription_reason: str | None
    words_stopped: bool
    """Whether somebody stopped its words before it was over."""

    @property
    def duration(self) -> str:
        """``1:05``, ``1:00:05``; empty while unknown."""
        if self.duration_s is None:
            return ""
        minutes, seconds = divmod(self.duration_s, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that are filled in, as typed."""
    return filled_in(query, FIELDS)


def call_filter(asked: Mapping[str, str], zone: ZoneInfo) -> CallFilter:
    """Parse the filters; days are in ``zone``, the last one included. Raises `InvalidError`."""
    since, until = days(asked, zone)
    return CallFilter(
        direction=_one_of(asked.get("direction"), DIRECTIONS, "direction"),
        outcome=_one_of(asked.get("outcome"), OUTCOMES, "outcome"),
        agent_id=_agent(asked.get("agent")),
        since=since,
        until=until,
    )


def line(call: Call, zone: ZoneInfo) -> Line:
    """Format ``call`` (loaded with ``agent`` and ``number``) for ``zone``."""
    customer, ours = call.from_number, call.to_number
    if call.direction == "outbound":
        customer, ours = ours, customer
    return Line(
        call=call.call_sid,
        direction=call.direction,
        customer=shown(customer),
        number=shown(ours),
        agent=None if call.agent is None else call.agent.name,
        outcome=call.outcome,
        reason=None if call.outcome is None else call.reason,
        started_at=call.started_at.astimezone(zone),
        duration_s=_duration(call),
        transcription=call.transcription,
        transcription_reason=call.transcription_reason,
        words_stopped=call.words_stopped_at is not None,
    )


def _one_of(text: str | None, choices: tuple[_Choice, ...], what: str) -> _Choice | None:
    if text is not None and text not in choices:
        raise InvalidError(f"There is no {what} of that name. Choose one of: {', '.join(map(str, choices))}.")
    return text


def _agent(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise InvalidError("There is no such agent. Choose one from the list.") from None


def _duration(call: Call) -> int | None:
    if call.duration_s is not None or call.ended_at is None:
        return call.duration_s
    return max(0, int((call.ended_at - call.started_at).total_seconds()))
