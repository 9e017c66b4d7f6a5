"""The call log's filters, places and lines. Pure: a query string in, values out; a row in, what is shown out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from db.call_progress import Direction, Outcome
from db.calls import CallFilter, Place
from db.models import Call, Transcription
from web.dialling import shown
from web.errors import InvalidError

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
FIELDS = ("from", "to", "direction", "agent", "outcome")
_EPOCH = datetime.fromtimestamp(0, UTC)
_EARLIEST, _LATEST = date(2000, 1, 1), date(9000, 1, 1)

_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class Line:
    """One call as people read it. ``started_at`` is in the organisation's time zone; ``outcome`` None: going on."""

    call: str
    direction: Direction
    customer: str
    number: str
    agent: str | None
    outcome: Outcome | None
    started_at: datetime
    duration_s: int | None
    transcription: Transcription | None
    transcription_reason: str | None

    @property
    def duration(self) -> str:
        """``1:05``, ``1:00:05``; empty while unknown."""
        if self.duration_s is None:
            return ""
        minutes, seconds = divmod(self.duration_s, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that are filled in, as typed."""
    return {name: query[name].strip() for name in FIELDS if query.get(name, "").strip()}


def call_filter(asked: Mapping[str, str], zone: ZoneInfo) -> CallFilter:
    """Which calls are asked for; days are those of ``zone``, the last one included. Raises `InvalidError`."""
    first, last = _day(asked.get("from"), "first day"), _day(asked.get("to"), "last day")
    if first is not None and last is not None and first > last:
        raise InvalidError("The first day is after the last day. Swap them, then try again.")
    return CallFilter(
        direction=_one_of(asked.get("direction"), DIRECTIONS, "direction"),
        outcome=_one_of(asked.get("outcome"), OUTCOMES, "outcome"),
        agent_id=_agent(asked.get("agent")),
        since=None if first is None else _midnight(first, zone),
        until=None if last is None else _midnight(last + timedelta(days=1), zone),
    )


def line(call: Call, zone: ZoneInfo) -> Line:
    """``call`` (loaded with ``agent`` and ``number``) as people of ``zone`` read it."""
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
        started_at=call.started_at.astimezone(zone),
        duration_s=_duration(call),
        transcription=call.transcription,
        transcription_reason=call.transcription_reason,
    )


def place(text: str | None) -> Place | None:
    """Where the page before this one ended. Raises `InvalidError`."""
    if not text:
        return None
    at, _, call = text.partition("_")
    try:
        return Place(_EPOCH + timedelta(microseconds=int(at)), UUID(call))
    except (ValueError, OverflowError):
        raise InvalidError("That page of the call log does not exist. Start again from the newest calls.") from None


def place_text(place: Place) -> str:
    """``place`` for a URL, to the microsecond; `place` reads it back."""
    return f"{(place.started_at - _EPOCH) // timedelta(microseconds=1)}_{place.id}"


def spreadsheet_safe(cell: str) -> str:
    """``cell`` so that no spreadsheet takes it for a formula: Excel runs what begins with one of these."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _day(text: str | None, what: str) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidError(f"The {what} is not a date. Write it like 2026-11-20.") from None
    if not _EARLIEST <= day <= _LATEST:
        raise InvalidError(f"The {what} is too far away. Write it like 2026-11-20.")
    return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


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
