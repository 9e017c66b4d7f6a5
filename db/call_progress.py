"""What a Twilio callback makes of a call: pure, and the same whichever order the callbacks come in.

Twilio does not guarantee the order of its status callbacks, and repeats what was not answered in time. So
nothing here depends on what came before: every field is joined by an order (a status by its rank, an answer by
who was first), which makes any shuffle with any repetition end in the same row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

Direction = Literal["inbound", "outbound"]
CallStatus = Literal[
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "lost",
    "canceled",
    "no-answer",
    "failed",
    "busy",
    "completed",
    "blocked",
]
"""Twilio's ``CallStatus``, spelled as Twilio does. Two are ours: `lost`, open too long without any callback, and
`blocked`, refused by us, whatever Twilio calls that."""
Outcome = Literal["answered", "missed", "unanswered", "busy", "failed", "blocked"]
"""How a call ended, for people: `missed` is inbound, `unanswered` outbound, and nobody came; `blocked` never rang."""
Reason = Literal["caller_left", "nobody_answered", "declined", "nobody_available", "outside_hours"]
"""Why no agent took an inbound call, the weightiest last: the caller left while waiting; it rang in vain; everybody
who was rung declined; there was nobody to ring; the number was closed."""

_RANK: dict[CallStatus, int] = {
    "queued": 0,
    "initiated": 1,
    "ringing": 2,
    "in-progress": 3,
    # From here a call is over. Twilio sends one of these; `lost` gives way to it should it come after all.
    "lost": 4,
    "canceled": 5,
    "no-answer": 6,
    "failed": 7,
    "busy": 8,
    "completed": 9,
    "blocked": 10,
}
_FIRST_TERMINAL = _RANK["lost"]
_REASONS: tuple[Reason, ...] = get_args(Reason)
_DIAL_REASONS: dict[CallStatus, Reason] = {
    "no-answer": "nobody_answered",
    "busy": "declined",  # a softphone says so when its agent declines
    "failed": "nobody_available",
    "canceled": "caller_left",
}


@dataclass(frozen=True, slots=True)
class CallReport:
    """A status callback of the call's own leg: ``at`` is its Timestamp, ``duration_s`` its CallDuration."""

    status: CallStatus
    at: datetime
    duration_s: int | None = None


@dataclass(frozen=True, slots=True)
class LegReport:
    """A status callback of a dialled leg: an agent's softphone (``member_id``), or a customer's phone."""

    status: CallStatus
    at: datetime
    duration_s: int | None = None
    member_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class DialReport:
    """What ``<Dial>`` sent to its action URL: DialCallStatus, where ``answered`` is spelled ``completed``.

    ``caller_left``: the call itself was over by then. The status alone does not tell.
    """

    status: CallStatus
    caller_left: bool = False


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """We rang nobody, for ``reason``."""

    reason: Reason


Report = CallReport | LegReport | DialReport | TurnedAway


@dataclass(frozen=True, slots=True)
class CallProgress:
    """The part of a call's row that callbacks change. Times are UTC; ``duration_s`` counts the whole call."""

    direction: Direction
    status: CallStatus
    dial_status: CallStatus | None = None
    agent_id: UUID | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: int | None = None
    reason: Reason | None = None
    """The weightiest that was reported so far; `settled_reason` is what is true of the call."""

    @property
    def settled_reason(self) -> Reason | None:
        """Why no agent took it; None for a call that an agent took, or that is not inbound.

        An answered call without an agent was answered at the overflow number.
        """
        if self.direction == "outbound" or self.agent_id is not None:
            return None
        if self.outcome == "missed":
            return self.reason or "caller_left"
        return None if self.outcome == "answered" and self.reason == "caller_left" else self.reason

    @property
    def outcome(self) -> Outcome | None:
        """How the call ended; None while it goes on."""
        if not is_over(self.status):
            return None
        if self.status == "blocked":
            return "blocked"
        if self.answered_at is not None or self.dial_status == "completed":
            return "answered"
        if self.direction == "inbound":
            return "missed"
        return _unreached(self.dial_status or self.status)


def is_over(status: CallStatus) -> bool:
    """Return whether ``status`` is one that a call does not leave."""
    return _RANK[status] >= _FIRST_TERMINAL


def later(one: CallStatus | None, other: CallStatus) -> CallStatus:
    """Return the status that is further along."""
    return other if one is None or _RANK[other] > _RANK[one] else one


def advance(progress: CallProgress, report: Report) -> CallProgress:
    """Return ``progress`` after ``report``. Repeating a report changes nothing; nor does the order of several."""
    match report:
        case CallReport():
            return _with_call(progress, report)
        case LegReport():
            return _with_leg(progress, report)
        case DialReport():
            return _with_dial(progress, report)
        case TurnedAway(reason):
            return replace(progress, reason=_weightier(progress.reason, reason))


def _with_call(progress: CallProgress, report: CallReport) -> CallProgress:
    return replace(
        progress,
        status=later(progress.status, report.status),
        ended_at=_ended_at(progress, report),
        duration_s=_largest(progress.duration_s, report.duration_s),
    )


def _with_dial(progress: CallProgress, report: DialReport) -> CallProgress:
    reason = progress.reason
    if progress.direction == "inbound" and report.status in _DIAL_REASONS:
        reason = _weightier(reason, "caller_left" if report.caller_left else _DIAL_REASONS[report.status])
    return replace(progress, dial_status=later(progress.dial_status, report.status), reason=reason)


def _weightier(one: Reason | None, other: Reason) -> Reason:
    return other if one is None or _REASONS.index(other) > _REASONS.index(one) else one


def _ended_at(progress: CallProgress, report: CallReport) -> datetime | None:
    if not is_over(report.status) or _RANK[report.status] < _RANK[progress.status]:
        return progress.ended_at
    if report.status != progress.status:
        return report.at
    return _earliest(progress.ended_at, report.at)


def _with_leg(progress: CallProgress, report: LegReport) -> CallProgress:
    answered_at = _answered_at(report)
    if answered_at is None:
        return progress
    if progress.direction == "outbound":  # the agent is the one who dialled, the leg is the customer's
        return replace(progress, answered_at=_earliest(progress.answered_at, answered_at))
    if progress.answered_at is None or _order(answered_at, report.member_id) < _order(
        progress.answered_at, progress.agent_id
    ):
        return replace(progress, answered_at=answered_at, agent_id=report.member_id)
    return progress


def _answered_at(report: LegReport) -> datetime | None:
    if report.status == "in-progress":
        return report.at
    # Twilio gives `completed` only to a leg that was answered; its `in-progress` may have been lost.
    if report.status == "completed":
        return report.at - timedelta(seconds=report.duration_s or 0)
    return None


def _order(at: datetime, member_id: UUID | None) -> tuple[datetime, bool, str]:
    return at, member_id is None, str(member_id)


def _unreached(status: CallStatus) -> Outcome:
    if status == "busy":
        return "busy"
    return "unanswered" if status in ("no-answer", "canceled", "completed") else "failed"


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _largest(one: int | None, other: int | None) -> int | None:
    return max((count for count in (one, other) if count is not None), default=None)
