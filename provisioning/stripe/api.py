"""Stripe, asked by its own package. Answers come back as our own small types; what fails is a `StripeError`.

Whatever creates something carries an idempotency key, so that a repeated request or click makes one thing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import stripe

from provisioning.stripe import subscription as stripe_subscription
from provisioning.stripe.client import StripeError, connected, translate_errors
from provisioning.stripe.settings import STRIPE_API
from provisioning.stripe.subscription import StripeSubscription

__all__ = [
    "MOST_SEATS",
    "Checkout",
    "Invoice",
    "Preview",
    "Purchase",
    "StripeApi",
    "StripeError",
    "checkout_params",
    "opened",
]

PAGE = 100  # of a list; Stripe's largest
INVOICES = 12
MOST_SEATS = 500


@dataclass(frozen=True, slots=True)
class Checkout:
    """A Checkout Session. ``url`` is where the customer pays; None once it has ended."""

    id: str
    url: str | None
    organisation_id: UUID | None
    customer: str | None
    is_complete: bool
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice: amounts in cents. ``page`` is where it can be read, and paid if it is open."""

    number: str
    status: str
    total: int
    currency: str
    created: datetime
    page: str | None
    pdf: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The next invoice, in cents with GST. ``rest`` is the prorated part for this period (< 0: a credit)."""

    total: int
    rest: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a checkout sells, and the URLs to return to."""

    organisation_id: UUID
    customer: str
    seats: int
    success_url: str
    cancel_url: str
    key: str
    """Made by the form: the same click twice is the same checkout."""
    least: int = 1
    """Fewer seats than this cannot be chosen on Stripe's page either."""


@dataclass(frozen=True, slots=True)
class Sold:
    """A customer's subscription, and the organisation that its metadata names."""

    subscription: str
    customer: str
    organisation_id: UUID | None


class StripeApi:
    """All requests to Stripe. Each method raises `StripeError`."""

    def __init__(self, client: stripe.StripeClient, price: str, page: int = PAGE) -> None:
        self._v1 = client.v1
        self._price = price
        self._page = page  # most objects of one answer

    async def create_customer(
        self, organisation_id: UUID, name: str, email: str, instead_of: str | None = None
    ) -> str:
        """Create the organisation's customer and return its id. Idempotent, per deleted customer (``instead_of``)."""
        params: Any = {"name": name, "email": email, "metadata": {"organisation": str(organisation_id)}}
        # Stripe answers a key it knows with what it made then, though that may have been deleted since.
        key = f"customer:{organisation_id}" + (f":{instead_of}" if instead_of else "")
        with translate_errors():
            made = await self._v1.customers.create_async(params, _key(key, params))
        return made.id

    async def create_checkout(self, purchase: Purchase) -> Checkout:
        """Open a Checkout Session. Its payment methods are configured in Stripe's dashboard."""
        params = checkout_params(purchase, self._price)
        options = _key(f"checkout:{purchase.organisation_id}:{purchase.key}", params)
        with translate_errors():
            return _checkout(await self._v1.checkout.sessions.create_async(params, options))

    async def checkout(self, identifier: str) -> Checkout | None:
        """Return that Checkout Session; None if there is none."""
        try:
            with translate_errors():
                return _checkout(await self._v1.checkout.sessions.retrieve_async(identifier))
        except StripeError as error:
            if error.code == "resource_missing":
                return None
            raise

    async def close_other_checkouts(self, customer: str, keep: str) -> None:
        """Expire the customer's open Checkout Sessions except ``keep``, such as one in another tab."""
        with translate_errors():
            found = await self._v1.checkout.sessions.list_async({"customer": customer, "status": "open"})
            for each in found.data:
                if each.id != keep:
                    await self._v1.checkout.sessions.expire_async(each.id)

    async def subscriptions(self, customer: str) -> Sequence[StripeSubscription]:
        """Return every subscription the customer has or had."""
        params: Any = {"customer": customer, "status": "all", "limit": self._page}
        params["expand"] = ["data.latest_invoice"]
        with translate_errors():
            found = await self._v1.subscriptions.list_async(params)
        return [await self._subscription(each.to_dict()) for each in found.data]

    async def sold(self) -> Sequence[Sold]:
        """Return every subscription to our price that has not ended, of any customer."""
        params: Any = {"price": self._price, "limit": self._page}
        with translate_errors():
            found = await self._v1.subscriptions.list_async(params)
            return [_sold(each) async for each in found.auto_paging_iter()]

    async def customer_of_charge(self, charge: str) -> str | None:
        """Return the customer of the charge."""
        with translate_errors():
            customer = (await self._v1.charges.retrieve_async(charge)).customer
        return customer if isinstance(customer, str) or customer is None else customer.id

    async def change_seats(self, one: StripeSubscription, seats: int, key: str) -> None:
        """Change the number of seats; the next invoice prorates the present period."""
        params: Any = {"items": [{"id": one.item, "quantity": seats}], "proration_behavior": "create_prorations"}
        with translate_errors():
            await self._v1.subscriptions.update_async(one.id, params, _key(f"seats:{one.id}:{key}", params))

    async def cancel(self, one: StripeSubscription) -> None:
        """End a subscription now; nothing more is charged or given back. One that has ended already stays so."""
        try:
            with translate_errors():
                await self._v1.subscriptions.cancel_async(one.id)
        except StripeError as error:
            if error.code != "resource_missing":
                raise

    async def forget_payment_methods(self, customer: str) -> None:
        """Detach whatever the customer could pay with: nothing can be charged any more. Repeatable."""
        with translate_errors():
            found = await self._v1.customers.payment_methods.list_async(customer, {"limit": self._page})
            for method in [each async for each in found.auto_paging_iter()]:
                await self._v1.payment_methods.detach_async(method.id)

    async def resume(self, one: StripeSubscription, key: str) -> None:
        """Resume a paused subscription: a new period begins now, and is invoiced."""
        with translate_errors():
            await self._v1.subscriptions.resume_async(one.id, {}, _key(f"resume:{one.id}:{key}", {}))

    async def preview(self, one: StripeSubscription, seats: int) -> Preview:
        """Preview the next invoice with that number of seats; zero if there is none. Changes nothing."""
        details = {"items": [{"id": one.item, "quantity": seats}], "proration_behavior": "create_prorations"}
        params: Any = {"customer": one.customer, "subscription": one.id, "subscription_details": details}
        try:
            with translate_errors():
                invoice = await self._v1.invoices.create_preview_async(params)
        except StripeError as error:
            if error.code == "invoice_upcoming_none":  # the subscription ends with its period
                return Preview(0, 0)
            raise
        lines = [line.to_dict() for line in invoice.lines.data]
        return Preview(
            invoice.total,
            sum(stripe_subscription.with_tax(line) for line in lines if stripe_subscription.is_proration(line)),
        )

    async def portal(self, customer: str, return_url: str, key: str) -> str:
        """Return the URL of the customer's portal at Stripe: card, invoices, ABN, cancelling."""
        params: Any = {"customer": customer, "return_url": return_url}
        with translate_errors():
            return (await self._v1.billing_portal.sessions.create_async(params, _key(f"portal:{key}", params))).url

    async def invoices(self, customer: str) -> Sequence[Invoice]:
        """Return the newest invoices, without drafts."""
        with translate_errors():
            found = await self._v1.invoices.list_async({"customer": customer, "limit": INVOICES})
        return [_invoice(each) for each in found.data if each.status != "draft"]

    async def _subscription(self, shown: Mapping[str, Any]) -> StripeSubscription:
        paid = stripe_subscription.shows_payment(shown) or await self._was_paid(shown["id"])
        items = shown["items"]
        if items.get("has_more") and not stripe_subscription.has_price(items["data"], self._price):
            shown = {**shown, "items": {"data": await self._items(shown["id"])}}
        return stripe_subscription.read(shown, price=self._price, paid=paid)

    async def _items(self, subscription: str) -> Sequence[Mapping[str, Any]]:
        """Return all items of the subscription; the subscription itself lists only the first ten."""
        with translate_errors():
            found = await self._v1.subscription_items.list_async({"subscription": subscription, "limit": 100})
        return [item.to_dict() for item in found.data]

    async def _was_paid(self, subscription: str) -> bool:
        with translate_errors():
            paid = await self._v1.invoices.list_async({"subscription": subscription, "status": "paid", "limit": 1})
        return bool(paid.data)


def checkout_params(purchase: Purchase, price: str) -> Any:
    """Return what is asked for. No ``payment_method_types``: Stripe then offers what suits the customer. Pure."""
    organisation = str(purchase.organisation_id)
    adjustable = {"enabled": True, "minimum": purchase.least, "maximum": MOST_SEATS}
    return {
        "mode": "subscription",
        "line_items": [{"price": price, "quantity": purchase.seats, "adjustable_quantity": adjustable}],
        "automatic_tax": {"enabled": True},
        "tax_id_collection": {"enabled": True},  # the ABN
        "client_reference_id": organisation,
        "customer": purchase.customer,
        "customer_update": {"address": "auto", "name": "auto"},  # Stripe wants both, for tax and for the ABN
        "billing_address_collection": "required",
        "subscription_data": {"metadata": {"organisation": organisation}},
        "success_url": purchase.success_url,
        "cancel_url": purchase.cancel_url,
    }


@asynccontextmanager
async def opened(key: str, price: str, base: str = STRIPE_API, *, page: int = PAGE) -> AsyncIterator[StripeApi]:
    """Open Stripe's API for as long as the block lasts. Enter it inside the running loop."""
    async with connected(key, base) as client:
        yield StripeApi(client, price, page)


def _key(text: str, params: Any) -> Any:
    """Return an idempotency key. Stripe refuses one that returns with other parameters, so these are part of it."""
    digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
    return {"idempotency_key": f"{text}:{digest[:16]}"}


def _checkout(session: stripe.checkout.Session) -> Checkout:
    customer = session.customer
    return Checkout(
        id=session.id,
        url=session.url,
        organisation_id=stripe_subscription.organisation_named({"client_reference_id": session.client_reference_id}),
        customer=customer if isinstance(customer, str) or customer is None else customer.id,
        is_complete=session.status == "complete",
        is_paid=session.payment_status != "unpaid",
    )


def _sold(subscription: stripe.Subscription) -> Sold:
    customer = subscription.customer
    named = stripe_subscription.organisation_named({"metadata": dict(subscription.metadata.to_dict())})
    return Sold(subscription.id, customer if isinstance(customer, str) else customer.id, named)


def _invoice(invoice: stripe.Invoice) -> Invoice:
    return Invoice(
        number=invoice.number or invoice.id or "",
        status=invoice.status or "",
        total=invoice.total,
        currency=invoice.currency,
        created=datetime.fromtimestamp(invoice.created, UTC),
        page=invoice.hosted_invoice_url,
        pdf=invoice.invoice_pdf,
    )
