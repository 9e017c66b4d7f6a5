"""What happens, for programs of an organisation's own: written in the transaction in which it happens.

An event is stored only if an endpoint wants its type, with one delivery for each; `provisioning.webhooks` sends them.
Its body is as Standard Webhooks has it: type, timestamp, data. The data are ids, numbers, times and names of members:
never what was said, nor what an agent wrote about a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import any_, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from db import models
from db.call_progress import CallProgress
from db.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from db.queries.integrations import resources
from db.queries.integrations.call_list import CallList

CallEventType = Literal[
    "call.started",
    "call.answered",
    "call.held",
    "call.resumed",
    "call.transferred",
    "call.ended",
    "call.missed",
    "call.outcome",
]
NumberEventType = Literal["number.added", "number.changed", "number.released"]
MemberEventType = Literal["member.invited", "member.joined", "member.changed", "member.removed"]
EventType = CallEventType | NumberEventType | MemberEventType
TEST = "webhook.test"
"""Sent when a member asks for it, to one endpoint."""
KEPT = timedelta(days=7)
"""How long events are kept, to be sent again."""


class CallEvent(Struct, frozen=True, omit_defaults=True):
    """Something has become of a call."""

    call: resources.Call
    to_member_id: Annotated[UUID | None, Meta(description="Of a transfer: who has the call now.")] = None


class NumberEvent(Struct, frozen=True):
    """Something has become of a number of yours."""

    number: resources.Number


class MemberEvent(Struct, frozen=True):
    """Something has become of a person of your team."""

    member: resources.Member


class TestEvent(Struct, frozen=True):
    """Somebody tries an endpoint."""

    endpoint_id: UUID


class Envelope(Struct, frozen=True):
    """An event as it is sent."""

    type: str
    timestamp: resources.Time
    data: Any


def calls_events(before: CallProgress, after: CallProgress) -> Sequence[CallEventType]:
    """Return what has become of a call between two states of its row. Pure."""
    found: list[CallEventType] = []
    if before.answered_at is None and after.answered_at is not None:
        found.append("call.answered")
    if before.outcome is None and after.outcome is not None:
        found.append("call.ended")
        if after.outcome == "missed":
            found.append("call.missed")
    return found


async def note_call(
    session: AsyncSession,
    organisation_id: UUID,
    kind: CallEventType,
    call_id: UUID,
    *,
    to_member_id: UUID | None = None,
) -> None:
    """Note what has become of a call, as its row is now."""
    endpoints = await _wanting(session, organisation_id, kind)
    if not endpoints:
        return
    call = await CallList(session, organisation_id).one(call_id)
    if call is not None:
        await _store(session, organisation_id, kind, CallEvent(call, to_member_id), endpoints)


async def note_number(session: AsyncSession, kind: NumberEventType, number: models.Number) -> None:
    """Note what has become of a number."""
    await _note(session, number.organisation_id, kind, lambda: NumberEvent(resources.number_of(number)))


async def note_member(session: AsyncSession, kind: MemberEventType, member: models.Member) -> None:
    """Note what has become of a member."""
    await _note(session, member.organisation_id, kind, lambda: MemberEvent(resources.member_of(member)))


async def note_test(session: AsyncSession, endpoint: WebhookEndpoint) -> None:
    """Have a test sent to one endpoint."""
    await _store(session, endpoint.organisation_id, TEST, TestEvent(endpoint.id), [endpoint.id])


async def purge(session: AsyncSession, before: datetime) -> int:
    """Delete events that are older, and their deliveries; return how many."""
    old = delete(WebhookEvent).where(WebhookEvent.at < before).returning(WebhookEvent.id)
    return len((await session.scalars(old)).all())


async def _note(session: AsyncSession, organisation_id: UUID, kind: EventType, data: Callable[[], Struct]) -> None:
    endpoints = await _wanting(session, organisation_id, kind)
    if endpoints:
        await _store(session, organisation_id, kind, data(), endpoints)


async def _wanting(session: AsyncSession, organisation_id: UUID, kind: EventType) -> Sequence[UUID]:
    """Return the endpoints that want to be told."""
    theirs = select(WebhookEndpoint.id).where(
        WebhookEndpoint.organisation_id == organisation_id,
        WebhookEndpoint.off_at.is_(None),
        literal(kind) == any_(WebhookEndpoint.types),
    )
    return (await session.scalars(theirs)).all()


async def _store(
    session: AsyncSession, organisation_id: UUID, kind: str, data: Struct, endpoints: Sequence[UUID]
) -> None:
    now: datetime = (await session.scalars(select(func.clock_timestamp()))).one()
    body = msgspec.json.encode(Envelope(kind, now, data)).decode()
    event = WebhookEvent(organisation_id=organisation_id, type=kind, body=body, at=now)
    session.add(event)
    await session.flush()
    session.add_all(
        WebhookDelivery(organisation_id=organisation_id, endpoint_id=each, event_id=event.id, next_try_at=now)
        for each in endpoints
    )
    await session.flush()
