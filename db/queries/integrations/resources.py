"""What an organisation's own programs see of its rows. Never what was said, nor what an agent wrote about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import Row

from db import models
from db.base import Role
from db.call_progress import Direction, Outcome, Reason, is_over

State = Literal["ringing", "in_progress", "ended"]
Time = Annotated[datetime, Meta(tz=True)]


class Call(Struct, frozen=True):
    """A call: who, when and what came of it."""

    id: UUID
    direction: Direction
    state: State
    customer: Annotated[str | None, Meta(description="The other party's number in E.164; null if it is withheld.")]
    number_id: Annotated[UUID | None, Meta(description="Your number: the one called, or the one called from.")]
    member_id: Annotated[UUID | None, Meta(description="Who answered an inbound call, or dialled an outbound one.")]
    started_at: Time
    answered_at: Time | None
    ended_at: Time | None
    duration_s: Annotated[int | None, Meta(description="Length of the whole call in seconds, as billed.")]
    outcome: Annotated[Outcome | None, Meta(description="How it ended; null while it is in progress.")]
    reason: Annotated[Reason | None, Meta(description="Why none of your agents took an inbound call.")]
    on_hold: bool
    outcome_id: Annotated[UUID | None, Meta(description="The outcome that the agent chose: one of your outcomes.")]
    tag_ids: Annotated[list[UUID], Meta(description="The tags that the agent chose: some of your tags.")]
    follow_up: bool


class Number(Struct, frozen=True):
    """A phone number that you rent."""

    id: UUID
    e164: str
    label: str
    created_at: Time


class Member(Struct, frozen=True):
    """A person of your team."""

    id: UUID
    name: str
    email: str
    role: Role
    joined_at: Annotated[Time | None, Meta(description="Null until they accept their invitation.")]


def state_of(call: Row[Any]) -> State:
    """Return how far the call has come."""
    if call.outcome is not None or is_over(call.status):
        return "ended"
    return "ringing" if call.answered_at is None else "in_progress"


def call_of(call: Row[Any], tags: list[UUID]) -> Call:
    """Return what is seen of a call, a row of `db.queries.integrations.call_list`."""
    return Call(
        id=call.id,
        direction=call.direction,
        state=state_of(call),
        customer=call.customer if call.customer_hash is not None else None,
        number_id=call.number_id,
        member_id=call.agent_id,
        started_at=call.started_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        duration_s=call.duration_s,
        outcome=call.outcome,
        reason=call.reason,
        on_hold=call.on_hold,
        outcome_id=call.outcome_choice_id,
        tag_ids=tags,
        follow_up=call.follow_up,
    )


def number_of(number: models.Number) -> Number:
    """Return what is seen of ``number``."""
    return Number(id=number.id, e164=number.e164, label=number.label, created_at=number.created_at)


def member_of(member: models.Member) -> Member:
    """Return what is seen of ``member``."""
    return Member(id=member.id, name=member.name, email=member.email, role=member.role, joined_at=member.accepted_at)
