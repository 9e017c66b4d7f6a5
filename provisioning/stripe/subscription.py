"""A subscription as Stripe shows it, and what it means for an organisation. Pure.

Stripe's objects are read here and nowhere else: since its API of 2025 the period stands on the subscription's items,
and an invoice names its subscription under ``parent``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from db.base import Attention, OrganisationStatus, SubscriptionStatus

_WORKING = ("active", "trialing", "past_due")
_HALTED = ("unpaid", "paused")
_MEANS: Mapping[SubscriptionStatus, OrganisationStatus] = {
    "incomplete": "incomplete",
    "incomplete_expired": "incomplete",
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "paused": "paused",
    "unpaid": "unpaid",
    "canceled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class StripeSubscription:
    """One subscription. ``paid``: an invoice of it has been paid at some time, or it is on trial."""

    id: str
    customer: str
    status: SubscriptionStatus
    seats: int
    item: str
    """The subscription item whose quantity is the seats."""
    period_end: datetime | None
    cancel_at_period_end: bool
    created: datetime
    paid: bool
    attention: Attention | None = None

    @property
    def means(self) -> OrganisationStatus:
        """The state of an organisation with this subscription. Nothing is granted before the first payment."""
        return _MEANS[self.status] if self.paid else "incomplete"

    @property
    def is_alive(self) -> bool:
        """Whether it works or would again once paid, so that a second one would be superfluous."""
        return self.paid and self.status in (*_WORKING, *_HALTED)

    @property
    def is_under_way(self) -> bool:
        """Whether a first payment is in progress: a bank debit takes days."""
        return not self.paid and self.status in _WORKING


def read(subscription: Mapping[str, Any], *, price: str, paid: bool) -> StripeSubscription:
    """Return Stripe's subscription object (as a plain mapping) as a `StripeSubscription`.

    Args:
        price: the id of the price of a seat; an item of it is what the seats are.
        paid: an invoice of the subscription is known to have been paid.
    """
    item = seats_item(subscription["items"]["data"], price)
    ends = item.get("current_period_end")
    ending = subscription.get("cancel_at_period_end") or subscription.get("cancel_at")
    return StripeSubscription(
        id=subscription["id"],
        customer=subscription["customer"],
        status=subscription["status"],
        seats=item.get("quantity") or 0,
        item=item["id"],
        period_end=None if ends is None else datetime.fromtimestamp(ends, UTC),
        cancel_at_period_end=bool(ending),
        created=datetime.fromtimestamp(subscription["created"], UTC),
        paid=paid or subscription["status"] == "trialing",
        attention=_attention(subscription),
    )


def has_price(items: Sequence[Mapping[str, Any]], price: str) -> bool:
    """Return whether one of the items is of ``price``."""
    return any(_price_of(item) == price for item in items)


def seats_item(items: Sequence[Mapping[str, Any]], price: str) -> Mapping[str, Any]:
    """Return the item whose quantity is the seats: the one of our ``price``, wherever it stands.

    A subscription that was sold at an earlier price has none; then it is the first item that is counted in pieces.
    """
    ours = [item for item in items if _price_of(item) == price]
    counted = [item for item in items if item.get("quantity") is not None]
    return next(iter([*ours, *counted, *items]))


def _price_of(item: Mapping[str, Any]) -> str | None:
    price = item.get("price") or {}
    return price if isinstance(price, str) else price.get("id")


def _attention(subscription: Mapping[str, Any]) -> Attention | None:
    """Return the most urgent condition beside the status that somebody should act on."""
    invoice = subscription.get("latest_invoice")
    invoice = invoice if isinstance(invoice, Mapping) else {}
    if invoice.get("status") == "draft" and invoice.get("last_finalization_error"):
        return "invoice_not_finalized"
    if subscription.get("pause_collection"):
        return "collection_paused"
    if subscription.get("collection_method") == "send_invoice" and invoice.get("status") == "open":
        return "invoice_to_pay"
    return None


def shows_payment(subscription: Mapping[str, Any]) -> bool:
    """Return whether its ``latest_invoice`` (expanded) is paid; if not, an earlier one may have been."""
    invoice = subscription.get("latest_invoice")
    return isinstance(invoice, Mapping) and invoice.get("status") == "paid"


def is_proration(line: Mapping[str, Any]) -> bool:
    """Return whether an invoice line is a proration."""
    parent = line.get("parent") or {}
    item = parent.get("invoice_item_details") or parent.get("subscription_item_details") or {}
    return bool(item.get("proration"))


def with_tax(line: Mapping[str, Any]) -> int:
    """Return the cents of an invoice line, including GST that Stripe adds on top of ``amount``."""
    amounts: list[int] = [line["amount"]]
    amounts += [tax["amount"] for tax in line.get("taxes") or () if tax.get("tax_behavior") == "exclusive"]
    return sum(amounts)


def chosen(found: Iterable[StripeSubscription]) -> StripeSubscription | None:
    """Return the subscription that counts of all that a customer has, whatever their order; None if there is none.

    Rank: working, then halted, then ended, then never paid. Of several that work the oldest counts, else the newest.
    """
    return max(found, key=_rank, default=None)


def _rank(one: StripeSubscription) -> tuple[int, float, str]:
    age = one.created.timestamp()
    if not one.paid:
        return (0, age, one.id)
    if one.status in _WORKING:
        return (3, -age, one.id)
    return (2 if one.status in _HALTED else 1, age, one.id)


def superfluous(found: Sequence[StripeSubscription]) -> Sequence[StripeSubscription]:
    """Return the live subscriptions beside the one that counts."""
    best = chosen(found)
    return [one for one in found if one is not best and one.is_alive]


def organisation_named(subject: Mapping[str, Any]) -> UUID | None:
    """Return the organisation that a Checkout Session or subscription was made for, as we wrote into it."""
    metadata = subject.get("metadata")
    named = metadata.get("organisation") if isinstance(metadata, Mapping) else None
    named = named or subject.get("client_reference_id")
    try:
        return UUID(named) if isinstance(named, str) else None
    except ValueError:
        return None
