"""Subscriptions: opened by Checkout, changed by the customer, renewed by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.stripe.account import Account, Object, listed
from sandbox.stripe.billing import collection, invoices, lifecycle, payments, prorations
from sandbox.stripe.billing.amounts import DAY, next_end
from sandbox.stripe.errors import ApiError

Proration = Literal["create_prorations", "always_invoice", "none"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a subscription is opened with."""

    customer: Object
    seats: Sequence[tuple[Object, int]]  # price, quantity
    method: Object
    automatic_tax: bool = False
    metadata: dict[str, str] | None = None
    description: str | None = None
    trial_days: int = 0


def open_(account: Account, order: Order) -> tuple[Object, Object]:
    """Create the subscription and its first invoice, collected while the customer is there."""
    now = account.now()
    anchor = now + order.trial_days * DAY
    period = (now, anchor if order.trial_days else next_end(now, now))
    subscription = account.add(
        "subscription",
        customer=order.customer["id"],
        billing_cycle_anchor=anchor,
        start_date=now,
        default_payment_method=order.method["id"],
        description=order.description,
        metadata=order.metadata or {},
        status="trialing" if order.trial_days else "active",
        trial_start=now if order.trial_days else None,
        trial_end=anchor if order.trial_days else None,
    )
    if order.automatic_tax:
        subscription["automatic_tax"] |= {"enabled": True, "liability": {"type": "self"}}
    items = [prorations.item(account, subscription["id"], price, quantity, period) for price, quantity in order.seats]
    subscription["items"] = listed(items, f"/v1/subscription_items?subscription={subscription['id']}")
    invoice = _bill(account, subscription, "subscription_create", _seats(account, subscription), period)
    account.emit("customer.subscription.created", subscription)
    invoices.finalise(account, invoice)
    collection.collect(account, invoice, present=True)
    return subscription, invoice


def change_seats(
    account: Account, subscription: Object, wanted: list[dict[str, Any]], proration: Proration, *, or_fail: bool
) -> None:
    """Change the items. ``or_fail``: as they were, with a 402, unless they are paid at once. Raise `ApiError`."""
    changes, now = prorations.planned(account, subscription, wanted), account.now()
    lines = [] if proration == "none" else prorations.prorations(account, subscription, changes, now)
    if or_fail and proration == "always_invoice":
        _ensure_payable(account, subscription, lines)
    invoice = None
    with account.changing(subscription):
        prorations.apply(subscription, changes)
        if lines and proration == "always_invoice":
            period = (now, lifecycle.period_end(subscription))
            invoice = _bill(account, subscription, "subscription_update", lines, period)
    if invoice is not None:
        advance(account, invoice)
    elif lines:
        account.note(subscription["id"]).setdefault("pending", []).extend(lines)


def preview(account: Account, subscription: Object, wanted: list[dict[str, Any]], proration: Proration) -> Object:
    """Return the next invoice if the seats were changed now; nothing is changed. Raise `ApiError`."""
    changes, now = prorations.planned(account, subscription, wanted), account.now()
    lines = [] if proration == "none" else prorations.prorations(account, subscription, changes, now)
    if proration == "always_invoice":
        period = (now, lifecycle.period_end(subscription))
        return invoices.draft(account, subscription, "subscription_update", lines, period, keep=False)
    future = subscription | {"items": dict(subscription["items"]), "status": "active"}
    prorations.apply(future, changes)
    period, lines = _following(future), [*account.note(subscription["id"]).get("pending", []), *lines]
    if not subscription["cancel_at_period_end"]:
        lines += _seats(account, future, period)
    elif not lines:
        text = f"No upcoming invoices for customer: {subscription['customer']}"
        raise ApiError(404, text, code="invoice_upcoming_none")
    return invoices.draft(account, future, "upcoming", lines, period, keep=False)


def renew(account: Account, subscription: Object) -> None:
    """End the period that is over: end the subscription, or bill the next one."""
    if subscription["cancel_at_period_end"]:
        lifecycle.end(account, subscription)
        return
    period, unpaid = _following(subscription), subscription["status"] == "unpaid"
    with account.changing(subscription):
        subscription["status"] = "active" if subscription["status"] == "trialing" else subscription["status"]
        _begin(subscription, period)
        lines = [*account.note(subscription["id"]).pop("pending", []), *_seats(account, subscription, period)]
        invoice = _bill(account, subscription, "subscription_cycle", lines, period)
    if unpaid:  # "Invoices continue to be generated each billing cycle and remain in draft state"
        invoice["auto_advance"] = False
    else:
        invoice["automatically_finalizes_at"] = account.now() + invoices.FINALISE_SECONDS


def advance(account: Account, invoice: Object) -> None:
    """Finalize a renewal's draft that has waited its hour."""
    if invoices.finalise(account, invoice)["status"] == "open":
        collection.collect(account, invoice, present=False)


def resume(account: Account, subscription: Object) -> None:
    """Resume a paused subscription, with a new period from now. Raise `ApiError`."""
    if subscription["status"] != "paused":
        raise ApiError(400, "Only paused subscriptions can be resumed.")
    now = account.now()
    period = (now, next_end(now, now))
    with account.changing(subscription, "customer.subscription.resumed"):
        subscription.update(status="active", billing_cycle_anchor=now)
        _begin(subscription, period)
        invoice = _bill(account, subscription, "subscription_update", _seats(account, subscription), period)
    advance(account, invoice)


def _begin(subscription: Object, period: tuple[int, int]) -> None:
    dates = {"current_period_start": period[0], "current_period_end": period[1]}
    items = [one | dates for one in subscription["items"]["data"]]
    subscription["items"] = subscription["items"] | {"data": items}


def _bill(
    account: Account, subscription: Object, reason: str, lines: list[Object], period: tuple[int, int]
) -> Object:
    invoice = invoices.draft(account, subscription, reason, lines, period)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def _seats(account: Account, subscription: Object, period: tuple[int, int] | None = None) -> list[Object]:
    customer = account.find("customer", subscription["customer"])
    due = invoices.taxed(account, customer, subscription["automatic_tax"]["enabled"])
    return [
        invoices.seat_line(
            account, subscription, one, period or (one["current_period_start"], one["current_period_end"]), due
        )
        for one in subscription["items"]["data"]
        if one["quantity"]
    ]


def _following(subscription: Object) -> tuple[int, int]:
    end = lifecycle.period_end(subscription)
    return end, next_end(subscription["billing_cycle_anchor"], end)


def _ensure_payable(account: Account, subscription: Object, lines: list[Object]) -> None:
    customer = account.find("customer", subscription["customer"])
    owed = sum(one["amount"] for one in lines) + customer["balance"]
    method = payments.default_method(account, customer, subscription)
    refused = payments.decline(account, customer, method, present=False) if owed > 0 else None
    if refused:
        more = {"code": refused.code, "decline_code": refused.decline_code or None}
        raise ApiError(402, refused.text, kind="card_error", **more)
