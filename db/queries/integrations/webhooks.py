"""Webhook endpoints and what is on its way to them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import SwitchedOff
from db.models import Organisation, WebhookDelivery, WebhookEndpoint, WebhookEvent
from db.queries.integrations import events
from db.queries.integrations.events import EventType

MOST = 20  # endpoints of one organisation
OVERLAP = timedelta(hours=24)
"""How long what is sent is signed with the former secret as well."""
MOST_AGAIN = 1000  # events sent again by one request


class TooManyEndpointsError(Exception):
    """The organisation has as many endpoints as it may."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be attempted now, with what it takes."""

    delivery_id: UUID
    endpoint_id: UUID
    event_id: UUID
    organisation_id: UUID
    attempts: int
    url: str
    secrets: tuple[str, ...]
    body: str


async def take_due(
    session: AsyncSession, *, now: datetime, until: datetime, most: int, besides: Collection[UUID] = ()
) -> Sequence[Due]:
    """Return deliveries that are due, one for each endpoint, ``besides`` these endpoints; the oldest ``most``.

    What a suspended organisation's programs would be told waits until it works again, or is forgotten with the event.
    Nobody else gets them before ``until``: whoever takes them and dies leaves them to others then.
    """
    suspended = select(Organisation.id).where(Organisation.suspended_at.is_not(None))
    first = (
        select(WebhookDelivery.id, WebhookDelivery.endpoint_id)
        .where(WebhookDelivery.next_try_at <= now, WebhookDelivery.endpoint_id.not_in(besides))
        .where(WebhookDelivery.organisation_id.not_in(suspended))
        .order_by(WebhookDelivery.next_try_at)
        .limit(most * 8)
        .with_for_update(skip_locked=True)
    )
    chosen: dict[UUID, UUID] = {}
    for delivery_id, endpoint_id in await session.execute(first):
        if len(chosen) < most:
            chosen.setdefault(endpoint_id, delivery_id)
    taken = update(WebhookDelivery).where(WebhookDelivery.id.in_(chosen.values())).values(next_try_at=until)
    await session.execute(taken.execution_options(synchronize_session=False))
    whole = (
        select(WebhookDelivery, WebhookEndpoint, WebhookEvent)
        .join(WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)
        .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
        .where(WebhookDelivery.id.in_(chosen.values()))
    )
    return [
        Due(
            delivery.id,
            endpoint.id,
            event.id,
            endpoint.organisation_id,
            delivery.attempts,
            endpoint.url,
            secrets_of(endpoint, now),
            event.body,
        )
        for delivery, endpoint, event in await session.execute(whole)
    ]


async def locked(session: AsyncSession, due: Due) -> tuple[WebhookEndpoint, WebhookDelivery] | None:
    """Lock the rows of a delivery that was attempted; return None if they were removed meanwhile."""
    endpoint = await session.get(WebhookEndpoint, due.endpoint_id, with_for_update={"key_share": True})
    delivery = await session.get(WebhookDelivery, due.delivery_id, with_for_update=True)
    return None if endpoint is None or delivery is None else (endpoint, delivery)


async def switch_off(session: AsyncSession, endpoint: WebhookEndpoint, reason: SwitchedOff, now: datetime) -> None:
    """Send nothing there any more. What waits has failed; it can be sent again later."""
    endpoint.off_at, endpoint.off_reason = now, reason
    waiting = update(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state == "waiting"
    )
    await session.execute(waiting.values(state="failed", next_try_at=None, error="off"))


def secrets_of(endpoint: WebhookEndpoint, now: datetime) -> tuple[str, ...]:
    """Return what is signed with at ``now``, the newest secret first."""
    former, until = endpoint.former_secret, endpoint.former_until
    return (endpoint.secret, former) if former and until is not None and now < until else (endpoint.secret,)


def new_secret() -> str:
    """Return a secret as Standard Webhooks has it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


class Webhooks:
    """The webhook endpoints of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[WebhookEndpoint]:
        """Return the endpoints, oldest first."""
        mine = select(WebhookEndpoint).where(WebhookEndpoint.organisation_id == self._organisation_id)
        return (await self._session.scalars(mine.order_by(WebhookEndpoint.created_at, WebhookEndpoint.id))).all()

    async def get(self, endpoint_id: UUID) -> WebhookEndpoint | None:
        """Lock the endpoint until the transaction ends and return it."""
        mine = select(WebhookEndpoint).where(
            WebhookEndpoint.organisation_id == self._organisation_id, WebhookEndpoint.id == endpoint_id
        )
        return await self._session.scalar(mine.with_for_update(key_share=True))

    async def add(self, *, url: str, types: Collection[EventType], created_by: UUID) -> WebhookEndpoint:
        """Add an endpoint. Raise `TooManyEndpointsError`; the organisation should be locked."""
        if len(await self.all()) >= MOST:
            raise TooManyEndpointsError
        endpoint = WebhookEndpoint(
            organisation_id=self._organisation_id,
            url=url,
            types=sorted(types),
            secret=new_secret(),
            created_by=created_by,
        )
        self._session.add(endpoint)
        await self._session.flush()
        return endpoint

    async def rotate(self, endpoint: WebhookEndpoint) -> None:
        """Give the endpoint a new secret. The former one counts for `OVERLAP`."""
        now: datetime = (await self._session.scalars(select(func.now()))).one()
        endpoint.former_secret, endpoint.former_until = endpoint.secret, now + OVERLAP
        endpoint.secret = new_secret()
        await self._session.flush()

    async def test(self, endpoint: WebhookEndpoint) -> None:
        """Have a test sent there."""
        await events.note_test(self._session, endpoint)

    async def switch_off(self, endpoint: WebhookEndpoint) -> None:
        """Send nothing there any more, as a member wishes."""
        await switch_off(self._session, endpoint, "member", datetime.now(UTC))

    async def switch_on(self, endpoint: WebhookEndpoint) -> None:
        """Send there again what happens from now on."""
        endpoint.off_at = endpoint.off_reason = endpoint.failing_since = endpoint.warned_at = None
        await self._session.flush()

    async def remove(self, endpoint: WebhookEndpoint) -> None:
        """Remove it, and what is on its way there."""
        await self._session.delete(endpoint)
        await self._session.flush()

    async def deliveries(self, endpoint_id: UUID, limit: int) -> Sequence[tuple[WebhookDelivery, str]]:
        """Return the newest ``limit`` deliveries to an endpoint, each with its event's type."""
        mine = (
            select(WebhookDelivery, WebhookEvent.type)
            .join(WebhookEvent, WebhookEvent.id == WebhookDelivery.event_id)
            .where(
                WebhookDelivery.organisation_id == self._organisation_id, WebhookDelivery.endpoint_id == endpoint_id
            )
            .order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id)
            .limit(limit)
        )
        return [(delivery, kind) for delivery, kind in await self._session.execute(mine)]

    async def send_again(self, endpoint_id: UUID, delivery_id: UUID) -> bool:
        """Send one delivery again, with all its attempts; return whether it is there."""
        mine = update(WebhookDelivery).where(
            WebhookDelivery.organisation_id == self._organisation_id,
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.id == delivery_id,
        )
        again = mine.values(state="waiting", attempts=0, next_try_at=func.now()).returning(WebhookDelivery.id)
        return (await self._session.execute(again)).first() is not None

    async def send_since(self, endpoint: WebhookEndpoint, since: datetime) -> int:
        """Send again what happened ``since`` then and the endpoint wants: what failed, and what it never got."""
        wanted = (
            select(WebhookEvent.id)
            .where(
                WebhookEvent.organisation_id == self._organisation_id,
                WebhookEvent.at >= since,
                WebhookEvent.type.in_(endpoint.types),
            )
            .order_by(WebhookEvent.at)
            .limit(MOST_AGAIN)
        )
        events = (await self._session.scalars(wanted)).all()
        if not events:
            return 0
        same = {
            "organisation_id": self._organisation_id,
            "endpoint_id": endpoint.id,
            "state": "waiting",
            "attempts": 0,
        }
        rows = insert(WebhookDelivery).values([{**same, "event_id": each} for each in events])
        again = rows.on_conflict_do_update(
            index_elements=[WebhookDelivery.endpoint_id, WebhookDelivery.event_id],
            set_={"state": "waiting", "attempts": 0, "next_try_at": func.now(), "error": None},
            where=WebhookDelivery.state == "failed",
        )
        return len((await self._session.execute(again.returning(WebhookDelivery.id))).all())
