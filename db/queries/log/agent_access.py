"""Which calls an agent may open. Pure."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_

from db.models import Call, Leg


def is_agents_own(agent_id: UUID) -> ColumnElement[bool]:
    """Return the condition that a call is the agent's own, also if it was transferred to them."""
    joined = exists().where(Leg.call_id == Call.id, Leg.member_id == agent_id, Leg.joined_at.is_not(None))
    return or_(Call.agent_id == agent_id, joined)
