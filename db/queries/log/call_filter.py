"""What the call log may be asked for: which calls, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from db.call_progress import Direction, Outcome
from db.queries.log.number_parts import Part

Sort = Literal["newest", "oldest", "longest", "waited"]
CallState = Literal["ringing", "talking", "held", "over"]
"""Where a call is: not answered yet, answered, on hold, or over."""
GOING_ON: tuple[CallState, ...] = ("ringing", "talking", "held")
WordsState = Literal["shown", "gaps", "failed", "waiting_for_slot", "stopped", "none"]
"""What became of a call's words; ``gaps``: some are missing."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls of the log to show; None asks nothing. ``since`` is inclusive, ``until`` is not."""

    number: str | None = None
    """A customer's whole number, E.164."""
    parts: tuple[Part, ...] = ()
    """Or a part of it: one of these."""
    contact_id: UUID | None = None
    """Whoever has that contact, from any of their numbers."""
    tag_id: UUID | None = None
    outcome_choice_id: UUID | None = None
    agent_id: UUID | None = None
    source: str | None = None
    number_id: UUID | None = None
    group_id: UUID | None = None
    length_band: int | None = None
    wait_band: int | None = None
    follow_up: Literal[True] | None = None
    live: Literal[True] | None = None
    """Calls that go on."""
    outcome: Outcome | None = None
    direction: Direction | None = None
    state: CallState | None = None
    words: WordsState | None = None
    since: datetime | None = None
    until: datetime | None = None
