"""What is done about an event of Stripe's. An event is a nudge: what is so is asked of Stripe (`subscriptions`).

    checkout.session.completed · .async_payment_succeeded       money may have come: look
    checkout.session.async_payment_failed                       a bank debit bounced: look, tell the owners
    customer.subscription.created/updated/deleted/paused/…      look
    invoice.paid                                                look
    invoice.payment_failed · .payment_action_required           look, write it down; tell the owners
    charge.refunded · charge.dispute.created                    look, write it down
    anything else                                               recorded and ignored

Every event is recorded under its id in a transaction of its own before anything is done, and acted on in another,
which also says that it is done: what fails leaves nothing behind but its error, and Stripe sends it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db import audit, organisations, stripe_events, subscriptions
from db.audit import Details
from db.base import EventState
from db.engine import Database
from provisioning import notices
from provisioning.agreement import organisation_named
from provisioning.customers import adopt
from provisioning.notices import Kind
from provisioning.stripe_api import StripeApi, StripeError
from provisioning.subscriptions import synchronise

SECONDS = 18.0  # for all that is done about one event; Stripe waits for 20 or so
Outcome = Literal["done", "ignored", "failed"]

_ACTIONS: Mapping[str, str] = {
    "checkout.session.async_payment_failed": "payment.failed",
    "invoice.payment_failed": "payment.failed",
    "invoice.payment_action_required": "payment.action_required",
    "charge.refunded": "payment.refunded",
    "charge.dispute.created": "payment.disputed",
}
"""What is written into the audit log besides what the look itself brings."""
_LOOK = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.paid",
)
ACTED_ON = frozenset((*_LOOK, *_ACTIONS))
"""Every kind of event that is not ignored: what the endpoint has to be subscribed to in Stripe's dashboard."""
_NOTICES: Mapping[str, Kind] = {
    "checkout.session.async_payment_failed": "debit_failed",
    "invoice.payment_action_required": "action_required",
}
_TOLD = ("amount_due", "amount_total", "amount_refunded", "amount", "currency", "attempt_count", "number", "reason")

_log = structlog.get_logger(__name__)


async def _nobody(_: UUID) -> None:
    """Whoever is to be told of a change, where nobody is."""


class EventError(Exception):
    """Not an event as Stripe sends them."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, read from what was signed: its id, its kind, and the object it is about."""

    id: str
    kind: str
    subject: Mapping[str, Any]

    @property
    def customer(self) -> str | None:
        """Whose object it is, if it says so."""
        customer = self.subject.get("customer")
        return customer if isinstance(customer, str) else None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where events are taken to."""

    database: Database
    stripe: StripeApi
    grace: timedelta
    tell: Callable[[UUID], Awaitable[None]] = _nobody
    """Told of each organisation whose state has become another, once that is written down. Must not raise."""

    async def take(self, event: Event) -> Outcome:
        """Act on ``event``, once. `failed` is recorded with its error, and asks Stripe to send it again."""
        async with self.database.begin() as session:
            row = await stripe_events.receive(session, event.id, event.kind, await _named(session, event))
            known, again = row.organisation_id, row.attempts > 1
        if row.state in ("done", "ignored"):
            return "ignored" if row.state == "ignored" else "done"
        if again and known is not None:
            await self._note_retry(known, event, row.attempts)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._act(event)
        except Exception as error:  # whatever it is, Stripe shall send it again, and admins shall see why
            await self._fail(event, error)
            return "failed"

    async def _act(self, event: Event) -> Outcome:
        changed = False
        async with self.database.begin() as session:
            organisation_id = await self._whose(session, event) if event.kind in ACTED_ON else None
            state: EventState = "ignored"
            if organisation_id is not None:
                changed = await self._look(session, organisation_id)
                state = "done"
            first = await stripe_events.settle(session, event.id, state, organisation_id=organisation_id)
            if first and organisation_id is not None:  # not twice, should it have come twice at the same time
                await _write_down(session, organisation_id, event)
        if changed and organisation_id is not None:
            await self.tell(organisation_id)
        return "ignored" if organisation_id is None else "done"

    async def _look(self, session: AsyncSession, organisation_id: UUID) -> bool:
        """Have Stripe's word written down; whether the organisation's state is another one now."""
        before = await _state(session, organisation_id)
        await synchronise(session, self.stripe, organisation_id, self.grace)
        return await _state(session, organisation_id) != before

    async def _whose(self, session: AsyncSession, event: Event) -> UUID | None:
        """The organisation behind the event; None if it is about somebody who is no customer of ours."""
        customer = event.customer
        charge = event.subject.get("charge")
        if customer is None and isinstance(charge, str):  # a dispute names its charge alone
            customer = await self.stripe.customer_of_charge(charge)
        if customer is None:
            return None
        organisation_id = await subscriptions.of_customer(session, customer)
        return organisation_id or await adopt(session, organisation_named(event.subject), customer)

    async def _note_retry(self, organisation_id: UUID, event: Event, attempt: int) -> None:
        async with self.database.begin() as session:
            details: Details = {"event": event.id, "type": event.kind, "attempt": attempt}
            await audit.record(session, organisation_id, "webhook.retried", details, audit.STRIPE)

    async def _fail(self, event: Event, error: Exception) -> None:
        expected = isinstance(error, StripeError | TimeoutError)
        _log.error("event failed", id=event.id, type=event.kind, error=type(error).__name__, exc_info=not expected)
        sentence = f"{type(error).__name__}: {error}" if isinstance(error, StripeError) else type(error).__name__
        async with self.database.begin() as session:
            await stripe_events.settle(session, event.id, "failed", error=sentence)


async def _state(session: AsyncSession, organisation_id: UUID) -> str | None:
    organisation = await organisations.find(session, organisation_id)
    return organisation.status if organisation else None


def read(payload: Any) -> Event:
    """The event in the JSON that was signed. Raises `EventError`."""
    try:
        event, subject = payload, payload["data"]["object"]
        identifier, kind = event["id"], event["type"]
    except (TypeError, KeyError, IndexError):
        raise EventError("no event") from None
    if not (isinstance(identifier, str) and isinstance(kind, str) and isinstance(subject, dict)) or not identifier:
        raise EventError("no event")
    return Event(identifier, kind, subject)


async def _named(session: AsyncSession, event: Event) -> UUID | None:
    """The organisation, as far as it can be told without asking Stripe."""
    return await subscriptions.of_customer(session, event.customer) if event.customer else None


async def _write_down(session: AsyncSession, organisation_id: UUID, event: Event) -> None:
    action = _ACTIONS.get(event.kind)
    if action is not None:
        told = {name: event.subject[name] for name in _TOLD if isinstance(event.subject.get(name), str | int)}
        await audit.record(session, organisation_id, action, {"event": event.id, **told}, audit.STRIPE)
    notice = _NOTICES.get(event.kind)
    if notice is not None:
        await notices.tell(session, organisation_id, notice, str(event.subject.get("id", event.id)))
