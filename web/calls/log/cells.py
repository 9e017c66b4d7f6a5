"""The call log as a spreadsheet: one row a call, numbers in E.164, times in the organisation's zone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from web.calls.log.view import CallRow
from web.phrases.hits import hit_cells

_COLUMNS = (
    *("Started", "Direction", "Customer", "Number", "Agent"),
    *("Outcome", "Seconds", "Transcription", "Call", "Reason"),
    *("Result", "Tags", "Follow-up"),
    *("Answered", "Ended", "Waited", "Talked", "On hold"),
    *("Line", "Purpose", "Source"),
    *("Noticed", "Said", "Not said"),
    *("Gaps", "Seconds missing", "Delay", "Longest delay"),
)
_NOTE = "Note"
"""The last column, only where the organisation keeps notes."""


def columns(*, notes_on: bool) -> Sequence[str]:
    """Return the headings."""
    return (*_COLUMNS, _NOTE) if notes_on else _COLUMNS


def cells(*, notes_on: bool) -> Callable[[CallRow], Sequence[str]]:
    """Return what makes a row's cells."""
    return lambda line: (*_cells(line), line.said.note) if notes_on else _cells(line)


def _cells(line: CallRow) -> Sequence[str]:
    return (
        _time(line.started_at),
        line.direction,
        line.customer_e164 or line.customer,
        line.number_e164,
        line.agent or "",
        line.outcome or "in progress",
        _seconds(line.duration_s),
        "stopped" if line.words_stopped else line.transcription or "",
        line.call,
        line.reason or "",
        line.said.result,
        ", ".join(line.said.tags),
        "yes" if line.said.follow_up else "",
        _time(line.answered_at),
        _time(line.ended_at),
        _seconds(line.wait_s),
        _seconds(line.talk_s),
        _seconds(line.held_s),
        line.label,
        line.purpose,
        line.source,
        *hit_cells(line.hits, line.unsaid),
        str(line.gaps) if line.transcription else "",
        line.missing,
        line.delay,
        line.longest_delay,
    )


def _time(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(sep=" ", timespec="seconds")


def _seconds(count: int | None) -> str:
    return "" if count is None else str(count)
