"""What a caller gets: agents are rung, another phone number is called, or an announcement is spoken. Pure.

It is decided from the number's plan alone, and says nothing about how a call is connected: `web.calls.voice` asks
when a call comes in, `web.calls.dial_ends` when it has rung in vain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.call_progress import Reason
from db.opening_hours import Closed, is_open
from db.queries.answering_plans import Alternative, Plan

CLOSED = "Thank you for calling. We are closed at the moment. Please call again during our opening hours. Goodbye."
NOBODY = "Sorry, nobody can take your call at the moment. Please call again later. Goodbye."


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring the agents."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Say ``sentence`` and hang up."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """Call ``number`` (E.164). If nobody answers there, say ``otherwise``."""

    number: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What to do with a call that has come in. ``reason`` is why no agent is rung; None if some are."""

    step: Ring | Announce | Overflow
    reason: Reason | None = None


def on_arrival(plan: Plan, usual_zone: str, at: datetime, *, has_agents: bool) -> Arrival:
    """Decide about a call that comes in ``at`` that moment; ``usual_zone`` is the organisation's time zone."""
    if isinstance(is_open(plan.schedule(usual_zone), at), Closed):
        return Arrival(when_closed(plan), "outside_hours")
    return Arrival(Ring()) if has_agents else Arrival(unanswered(plan), "nobody_available")


def when_closed(plan: Plan) -> Announce | Overflow:
    """Decide about a call outside opening hours."""
    return _instead(plan.closed, CLOSED)


def unanswered(plan: Plan) -> Announce | Overflow:
    """Decide about a call that no agent can take, or that no agent took."""
    return _instead(plan.unanswered, NOBODY)


def _instead(alternative: Alternative, usual: str) -> Announce | Overflow:
    sentence = alternative.announcement or usual
    return Announce(sentence) if alternative.overflow is None else Overflow(alternative.overflow, sentence)
