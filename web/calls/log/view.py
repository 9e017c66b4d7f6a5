"""The call log's filters and rows. Pure: parses the query string, formats calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from db.base import Transcription
from db.call_progress import Direction, Outcome, Reason
from db.models import Call
from db.queries.log.call_filter import CallFilter, CallState, Sort, WordsState
from db.queries.log.call_times import BANDS
from web.calls.log.number_typed import Wanted, wanted
from web.phrases.hits import Hit
from web.request.callers import customer_number, shown
from web.request.errors import InvalidError
from web.request.paging import days, filled_in

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
SORTS: tuple[Sort, ...] = get_args(Sort)
STATES: tuple[CallState, ...] = get_args(CallState)
WORDS: tuple[WordsState, ...] = get_args(WordsState)
LIVE = "live"
"""Asked as an outcome: calls that go on."""
FIELDS = (
    *("from", "to", "number", "direction", "agent", "group", "line", "source", "outcome"),
    *("result", "tag", "follow-up", "length", "wait", "state", "words", "sort", "contact"),
)

REASON_WORDS: Mapping[Reason, str] = {
    "caller_left": "Left while waiting",
    "nobody_answered": "Nobody answered",
    "declined": "Declined",
    "nobody_available": "Nobody available",
    "outside_hours": "Outside hours",
}
"""Why no agent took a call, as shown."""
BAND_WORDS = (
    "Less than 10 s",
    "10 to 30 s",
    "30 s to 1 min",
    "1 to 5 min",
    "5 to 15 min",
    "15 min to 1 h",
    "1 h or more",
)
"""The bands of `db.queries.log.call_times`, as shown."""

_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters that are filled in, as typed. ``swapped``: the days were the wrong way round, and no longer are."""

    filters: dict[str, str] = field(default_factory=dict)
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent said of a call after it; ``note`` only where the organisation keeps notes."""

    result: str = ""
    tags: Sequence[str] = ()
    follow_up: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call as shown. Times are in the organisation's time zone; ``outcome`` None: in progress."""

    id: UUID
    call: str
    direction: Direction
    customer: str
    number: str
    agent: str | None
    outcome: Outcome | None
    reason: Reason | None
    """Why no agent took it; None if one did, or the call goes on."""
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int | None
    wait_s: int | None
    talk_s: int | None
    held_s: int
    transcription: Transcription | None
    transcription_reason: str | None
    words_stopped: bool
    """Whether somebody stopped its words before it was over."""
    gaps: int = 0
    """How many stretches lack their words, and how long these are together."""
    gaps_ms: int = 0
    delay_ms: int | None = None
    """How far the words were behind, on average and at most; None without words."""
    longest_delay_ms: int | None = None
    customer_e164: str | None = None
    """None if it is withheld."""
    number_e164: str = ""
    label: str = ""
    """What was said of our number when the call began, here and below."""
    purpose: str = ""
    source: str = ""
    said: Said = Said()
    hits: Sequence[Hit] = ()
    unsaid: Sequence[str] = ()
    """The names of what had to be said and was not."""

    @property
    def duration(self) -> str:
        return duration(self.duration_s)

    @property
    def waited(self) -> str:
        return duration(self.wait_s)

    @property
    def talked(self) -> str:
        return duration(self.talk_s)

    @property
    def held(self) -> str:
        return duration(self.held_s) if self.held_s else ""

    @property
    def missing(self) -> str:
        return tenths(self.gaps_ms) if self.gaps else ""

    @property
    def delay(self) -> str:
        return tenths(self.delay_ms)

    @property
    def longest_delay(self) -> str:
        return tenths(self.longest_delay_ms)


def duration(seconds: int | None) -> str:
    """Return a duration as ``1:05`` or ``1:00:05``; empty while unknown."""
    if seconds is None:
        return ""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def tenths(ms: int | None) -> str:
    """Return milliseconds as seconds, like ``1.5``, at least ``0.1``; empty while unknown."""
    return "" if ms is None else f"{max(ms, 100) / 1000:.1f}"


def asked(query: Mapping[str, str]) -> Asked:
    """Return the filters that are filled in, as typed; days that are the wrong way round are swapped."""
    filters = filled_in(query, FIELDS)
    first, last = filters.get("from", ""), filters.get("to", "")
    if not (_is_day(first) and _is_day(last) and first > last):
        return Asked(filters)
    return Asked(filters | {"from": last, "to": first}, swapped=True)


def call_filter(asked: Mapping[str, str], zone: ZoneInfo) -> CallFilter:
    """Parse the filters; days are in ``zone``, the last one included. Raise `InvalidError`."""
    since, until = days(asked, zone)
    live = asked.get("outcome") == LIVE
    typed = asked.get("number")
    whose = Wanted() if typed is None else wanted(typed)
    return CallFilter(
        number=whose.number,
        parts=whose.parts,
        contact_id=_id(asked, "contact"),
        tag_id=_id(asked, "tag"),
        outcome_choice_id=_id(asked, "result"),
        agent_id=_id(asked, "agent"),
        source=asked.get("source"),
        number_id=_id(asked, "line", "number"),
        group_id=_id(asked, "group"),
        length_band=_band(asked, "length"),
        wait_band=_band(asked, "wait", "waiting time"),
        follow_up=True if asked.get("follow-up") else None,
        live=True if live else None,
        outcome=None if live else _one_of(asked, "outcome", OUTCOMES),
        direction=_one_of(asked, "direction", DIRECTIONS),
        state=_one_of(asked, "state", STATES),
        words=_one_of(asked, "words", WORDS, "state of words"),
        since=since,
        until=until,
    )


def sort_of(asked: Mapping[str, str]) -> Sort:
    """Return how the calls are sorted. Raise `InvalidError`."""
    return _one_of(asked, "sort", SORTS, "order") or "newest"


def said(call: Call, labels: Mapping[UUID, str], tags: Sequence[str], *, notes_on: bool) -> Said:
    """Return what was said of ``call``; ``labels`` are those of the organisation's outcomes."""
    result = labels.get(call.outcome_choice_id, "") if call.outcome_choice_id is not None else ""
    return Said(result, tags, call.follow_up, (call.note or "") if notes_on else "")


def line(
    call: Call, zone: ZoneInfo, said: Said = Said(), hits: Sequence[Hit] = (), unsaid: Sequence[str] = ()
) -> CallRow:
    """Format ``call`` (loaded with ``agent`` and ``number``) for ``zone``."""
    customer, ours = call.from_number, call.to_number
    if call.direction == "outbound":
        customer, ours = ours, customer
    return CallRow(
        id=call.id,
        call=call.call_sid,
        direction=call.direction,
        customer=shown(customer),
        number=shown(ours),
        agent=None if call.agent is None else call.agent.name,
        outcome=call.outcome,
        reason=None if call.outcome is None else call.reason,
        started_at=call.started_at.astimezone(zone),
        answered_at=_local(call.answered_at, zone),
        ended_at=_local(call.ended_at, zone),
        duration_s=_duration(call),
        wait_s=call.wait_s,
        talk_s=call.talk_s,
        held_s=call.held_s,
        transcription=call.transcription,
        transcription_reason=call.transcription_reason,
        words_stopped=call.words_stopped_at is not None,
        gaps=call.gaps,
        gaps_ms=call.gaps_ms,
        delay_ms=call.delay_ms,
        longest_delay_ms=call.longest_delay_ms,
        customer_e164=customer_number(customer),
        number_e164=ours,
        label=call.line_label or "",
        purpose=call.line_purpose or "",
        source=call.source or "",
        said=said,
        hits=hits,
        unsaid=unsaid,
    )


def _one_of(asked: Mapping[str, str], field: str, choices: tuple[_Choice, ...], what: str = "") -> _Choice | None:
    text = asked.get(field)
    for each in choices:
        if each == text:
            return each
    if text is not None:
        listed = ", ".join(map(str, choices))
        raise InvalidError(f"There is no {what or field} with that name. Choose one of: {listed}.", field)
    return None


def _id(asked: Mapping[str, str], field: str, what: str = "") -> UUID | None:
    text = asked.get(field)
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise InvalidError(f"There is no such {what or field}. Choose one from the list.", field) from None


def _band(asked: Mapping[str, str], field: str, what: str = "") -> int | None:
    chosen = _one_of(asked, field, tuple(str(band) for band in range(len(BANDS) + 1)), what)
    return None if chosen is None else int(chosen)


def _is_day(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 (a day, which is compared with another)
    except ValueError:
        return False
    return True


def _local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    return None if at is None else at.astimezone(zone)


def _duration(call: Call) -> int | None:
    if call.duration_s is not None or call.ended_at is None:
        return call.duration_s
    return max(0, int((call.ended_at - call.started_at).total_seconds()))
