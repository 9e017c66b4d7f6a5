"""The call log's filters as conditions of SQL. An index of calls begins with what each of them asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, exists, false, literal, or_
from sqlalchemy.orm import InstrumentedAttribute

from db.base import among
from db.encryption import Keyring
from db.models import Call, CallTag
from db.queries.log.call_filter import CallState, WordsState
from db.queries.log.number_parts import Part, checked, indexed

_LACKING: tuple[WordsState, ...] = ("gaps", "stopped", "failed", "waiting_for_slot")
"""Rare enough for indexes of their own."""
_IN_INDEX: tuple[WordsState, ...] = ("gaps", "stopped")
"""Those whose index says everything about them."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A column of `Call`, and the values that it may have."""

    column: InstrumentedAttribute[Any]
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter that is set: a call must meet one of ``ways``."""

    ways: Sequence[ColumnElement[bool]]
    one_of: OneOf | None = None
    """Set if its only way is that a column has one of several values."""
    tag_id: UUID | None = None
    """Calls with this tag, which `CallTag` has in order."""
    has_index: bool = True
    """Otherwise it is checked in calls that are walked past."""
    is_narrow: bool = False
    """Few calls meet it as a rule, and its index alone says which and when."""

    @property
    def check(self) -> ColumnElement[bool]:
        return or_(*self.ways) if self.ways else false()


def equal(column: InstrumentedAttribute[Any], value: Any, *, is_narrow: bool = False) -> Condition | None:
    """Return the condition that ``column`` is ``value``; None asks nothing, here and below."""
    return None if value is None else Condition([column == value], is_narrow=is_narrow)


def any_of(column: InstrumentedAttribute[Any], values: Sequence[Any]) -> Condition:
    """Return the condition that ``column`` has one of ``values``; without any, no call meets it."""
    return Condition([among(column, values)], OneOf(column, values))


def tagged(tag_id: UUID | None) -> Condition | None:
    """Return the condition that a call has that tag."""
    if tag_id is None:
        return None
    has_it = exists().where(CallTag.call_id == Call.id, CallTag.choice_id == tag_id)
    return Condition([has_it], tag_id=tag_id, is_narrow=True)


def number_has(parts: Sequence[Part], keyring: Keyring) -> Condition | None:
    """Return the condition that a customer's number has one of ``parts``."""
    return Condition([way for part in parts for way in _ways(part, keyring)]) if parts else None


def in_state(state: CallState | None) -> Condition | None:
    """Return the condition that a call is in that state."""
    if state is None:
        return None
    answered = Call.answered_at.is_not(None)
    match state:
        case "ringing":
            found: ColumnElement[bool] = ~answered
        case "talking":
            found = and_(answered, ~Call.on_hold)
        case "held":
            found = and_(answered, Call.on_hold)
        case "over":
            found = Call.outcome.is_not(None)
    return Condition([found], has_index=False)


def words(state: WordsState | None, *, lacking: bool) -> Condition | None:
    """Return the condition that this became of a call's words; None unless it is among the ``lacking``, or is not."""
    if state is None or (state in _LACKING) != lacking:
        return None
    return Condition([_with_words(state)], has_index=lacking, is_narrow=state in _IN_INDEX)


def between(
    at: InstrumentedAttribute[Any], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """Return what says that ``at`` lies in that time; ``since`` is inclusive, ``until`` is not."""
    begun = [] if since is None else [at >= since]
    return begun if until is None else [*begun, at < until]


def _with_words(state: WordsState) -> ColumnElement[bool]:
    # What a partial index says is written into the statement: the plan must know it to take that index.
    stopped = Call.words_stopped_at.is_not(None)
    match state:
        case "gaps":
            return Call.gaps > literal(0, literal_execute=True)
        case "stopped":
            return stopped
        case "none":
            return and_(Call.transcription.is_(None), ~stopped)
        case "failed" | "waiting_for_slot":
            return and_(Call.transcription == literal(state, literal_execute=True), ~stopped)
        case "shown":
            return and_(Call.transcription.not_in(("failed", "waiting_for_slot")), ~stopped)


def _ways(part: Part, keyring: Keyring) -> list[ColumnElement[bool]]:
    """Return the conditions, one for each key, for numbers with that part."""
    name, found = indexed(keyring, part)
    checks = [literal(each) == any_(Call.part_keys) for each in checked(keyring, part)]
    longer = [or_(*checks)] if checks else []
    return [and_(getattr(Call, name) == each, *longer) for each in found]
