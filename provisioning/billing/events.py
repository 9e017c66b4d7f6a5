"""Act on Stripe's events. An event is only a trigger: the present state is read from Stripe (`sync`).

    checkout.session.completed · .async_payment_succeeded       payment may have arrived: synchronise
    checkout.session.async_payment_failed                       a bank debit bounced: synchronise, mail the owners
    customer.subscription.created/updated/deleted/paused/…      synchronise
    invoice.paid                                                synchronise
    invoice.payment_failed · .payment_action_required           synchronise, record; mail the owners
    invoice.finalization_failed                                 synchronise, record; mail the owners what to correct
    charge.refunded · charge.dispute.created                    synchronise, record
    anything else                                               recorded and ignored

Web's webhook only records an event under its id and enqueues a job (`receive`), so that Stripe has its
answer at once. The worker acts on it: it asks Stripe, then writes down what is so and that the event is done in one
transaction. What fails leaves nothing behind but its error, which admins see, and is tried again for three days.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import EventState
from db.engine import Database, DatabaseUnavailableError
from db.models import StripeEvent
from db.models.billing import PATIENCE
from db.queries import audit
from db.queries.audit import Details
from db.queries.billing import stripe_events, subscriptions
from provisioning.billing import notices
from provisioning.billing.customers import adopt
from provisioning.billing.sync import ask, write
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.mail.queue import NoticeKind
from provisioning.stripe.api import StripeApi, StripeError
from provisioning.stripe.subscription import organisation_named
from provisioning.worker import JobHandler

ACT = "stripe_event"
SECONDS = 60.0  # for everything that is done about one event
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(hours=1)

_ACTIONS: Mapping[str, str] = {
    "checkout.session.async_payment_failed": "payment.failed",
    "invoice.payment_failed": "payment.failed",
    "invoice.payment_action_required": "payment.action_required",
    "invoice.finalization_failed": "invoice.not_finalized",
    "charge.refunded": "payment.refunded",
    "charge.dispute.created": "payment.disputed",
}
"""Audit log actions of events that are recorded beside the change of state."""
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
"""The event types to act on: what the endpoint must be subscribed to in Stripe's dashboard."""
_NOTICES: Mapping[str, NoticeKind] = {
    "checkout.session.async_payment_failed": "debit_failed",
    "invoice.payment_action_required": "action_required",
    "invoice.finalization_failed": "not_finalized",
}
_KEPT = ("id", "customer", "charge")
_DETAILS = (
    "amount_due",
    "amount_total",
    "amount_refunded",
    "amount",
    "currency",
    "attempt_count",
    "number",
    "reason",
)

_log = structlog.get_logger(__name__)


class EventError(Exception):
    """The payload is not a Stripe event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One verified event: its id, its type (``kind``), and the object it is about."""

    id: str
    kind: str
    subject: Mapping[str, Any]

    @property
    def customer(self) -> str | None:
        """The customer of the event's object; None if it names none."""
        customer = self.subject.get("customer")
        return customer if isinstance(customer, str) else None


async def receive(session: AsyncSession, event: Event) -> EventState:
    """Record ``event`` and enqueue a job for it once ``session`` commits. Return the state it had if it came before.

    Nothing is asked of Stripe here: whoever answers Stripe's webhook must not wait for Stripe.
    """
    whose = await subscriptions.of_customer(session, event.customer) if event.customer else None
    row = await stripe_events.receive(session, event.id, event.kind, whose)
    if row.state in ("done", "ignored"):
        return row.state
    if event.kind not in ACTED_ON:
        await stripe_events.settle(session, event.id, "ignored")
        return "ignored"
    await enqueue(session, ACT, _payload(event), key=event.id)
    return row.state


@dataclass(frozen=True, slots=True)
class Events:
    """Process events in the worker."""

    stripe: StripeApi
    grace: timedelta
    tell: Callable[[UUID], None] = lambda _: None
    """Called with each organisation whose state changed, after the commit. Must not raise."""
    first_pause: timedelta = FIRST_PAUSE
    seconds: float = SECONDS

    def jobs(self) -> Mapping[str, JobHandler]:
        """Return the job handlers by name."""
        return {ACT: self.act}

    async def act(self, database: Database, payload: Payload) -> None:
        """Job: act on one event, once. Record a failure with its error and retry it for `PATIENCE`."""
        event = _event(payload)
        async with database.begin() as session:
            row = await stripe_events.find(session, event.id)
            if row is None or row.state in ("done", "ignored"):
                return
            if row.state == "failed":
                await _note_retry(session, row)
        try:
            async with asyncio.timeout(self.seconds):
                await self._act(database, event)
        except Exception as error:  # any error is retried, and admins see why
            await _fail(database, event, error)
            pause = pause_after(datetime.now(UTC) - row.received_at, self.first_pause)
            if pause is not None:
                raise TryAgain(pause) from None

    async def _act(self, database: Database, event: Event) -> None:
        customer = await self._customer(event)
        async with database.begin() as session:
            organisation_id = await _whose(session, event, customer)
            if organisation_id is None:
                await stripe_events.settle(session, event.id, "ignored")
                return
        look = await ask(database, self.stripe, organisation_id)
        async with database.begin() as session:
            changed = await write(session, look, self.grace)
            first = await stripe_events.settle(session, event.id, "done", organisation_id=organisation_id)
            if first:  # only once if another worker acts on the same event
                await _write_down(session, organisation_id, event)
        if changed:
            self.tell(organisation_id)

    async def _customer(self, event: Event) -> str | None:
        charge = event.subject.get("charge")
        if event.customer is None and isinstance(charge, str):  # a dispute names only its charge
            return await self.stripe.customer_of_charge(charge)
        return event.customer


def pause_after(age: timedelta, first: timedelta = FIRST_PAUSE) -> timedelta | None:
    """Return the delay before a failed event of that ``age`` is retried; None to stop. Pure."""
    return None if age > PATIENCE else min(max(age, first), LONGEST_PAUSE)


async def _whose(session: AsyncSession, event: Event, customer: str | None) -> UUID | None:
    """Return the organisation of the event; None if its customer is not ours."""
    if customer is None:
        return None
    organisation_id = await subscriptions.of_customer(session, customer)
    return organisation_id or await adopt(session, organisation_named(event.subject), customer)


async def _note_retry(session: AsyncSession, row: StripeEvent) -> None:
    await stripe_events.try_again(session, row)
    if row.organisation_id is not None:
        details: Details = {"event": row.id, "type": row.type, "attempt": row.attempts}
        await audit.record(session, row.organisation_id, "webhook.retried", details, audit.STRIPE)


async def _fail(database: Database, event: Event, error: Exception) -> None:
    expected = isinstance(error, StripeError | TimeoutError | DatabaseUnavailableError)
    _log.error("stripe event failed", id=event.id, type=event.kind, error=type(error).__name__, exc_info=not expected)
    sentence = f"{type(error).__name__}: {error}" if isinstance(error, StripeError) else type(error).__name__
    async with database.begin() as session:
        await stripe_events.settle(session, event.id, "failed", error=sentence)


def _payload(event: Event) -> Payload:
    """Return the job's payload: ids and amounts, no personal data."""
    kept = {
        name: event.subject[name] for name in (*_KEPT, *_DETAILS) if isinstance(event.subject.get(name), str | int)
    }
    named = organisation_named(event.subject)
    if named is not None:
        kept["client_reference_id"] = str(named)
    return {"event": event.id, "kind": event.kind, "subject": json.dumps(kept)}


def _event(payload: Payload) -> Event:
    return Event(payload["event"], payload["kind"], json.loads(payload["subject"]))


def read(payload: Any) -> Event:
    """Return the event in verified JSON. Raise `EventError`."""
    try:
        event, subject = payload, payload["data"]["object"]
        identifier, kind = event["id"], event["type"]
    except (TypeError, KeyError, IndexError):
        raise EventError("no event") from None
    if not (isinstance(identifier, str) and isinstance(kind, str) and isinstance(subject, dict)) or not identifier:
        raise EventError("no event")
    if not all(map(_is_storable, _words(payload))):
        raise EventError("no text that can be kept")
    return Event(identifier, kind, subject)


def _words(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, keys included."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(word):
                yield word
            case list(items):
                waiting += items
            case dict(members):
                waiting += [*members.keys(), *members.values()]


def _is_storable(word: str) -> bool:
    """Return whether Postgres can store ``word``: JSON may hold NUL and lone surrogates, which Postgres rejects."""
    return "\0" not in word and not any("\ud800" <= character <= "\udfff" for character in word)


async def _write_down(session: AsyncSession, organisation_id: UUID, event: Event) -> None:
    action = _ACTIONS.get(event.kind)
    if action is not None:
        kept = {name: event.subject[name] for name in _DETAILS if isinstance(event.subject.get(name), str | int)}
        await audit.record(session, organisation_id, action, {"event": event.id, **kept}, audit.STRIPE)
    notice = _NOTICES.get(event.kind)
    if notice is not None:
        await notices.tell(session, organisation_id, notice, str(event.subject.get("id", event.id)))
