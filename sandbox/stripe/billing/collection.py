"""Invoices and money: trying to collect, trying again, debits that end days later, and what follows from each."""

from __future__ import annotations

from sandbox.stripe.account import Account, Object
from sandbox.stripe.billing import invoices, lifecycle, payments
from sandbox.stripe.billing.amounts import DAY
from sandbox.stripe.errors import ApiError


def collect(account: Account, invoice: Object, *, present: bool, method: Object | None = None) -> Object | None:
    """Try to have an open invoice paid: by its customer's own hand (``present``), or else by itself.

    The PaymentIntent; None where nothing was due.
    """
    if invoice["amount_due"] == 0:
        _paid(account, invoice)
        return None
    intent = _intent(account, invoice)
    if intent["status"] == "processing":
        raise ApiError(400, "This invoice has a payment in progress.", code="invoice_payment_in_progress")
    customer = account.find("customer", invoice["customer"])
    subscription = account.find("subscription", invoices.subscription_of(invoice))
    chosen = method or payments.default_method(account, customer, subscription)
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1, next_payment_attempt=None)
    payments.attempt(account, intent, chosen, present=present)
    _outcome(account, invoice, intent)
    return intent


def settle(account: Account, intent: Object, clears: bool | None = None) -> None:
    """Let a bank debit clear or bounce."""
    payments.settle(account, intent, clears)
    for payment in account.all("invoice_payment"):
        if payment["payment"]["payment_intent"] == intent["id"]:
            invoice = account.find("invoice", payment["invoice"])
            _outcome(account, invoice, intent)
            _tell_checkout(account, invoice)


def _outcome(account: Account, invoice: Object, intent: Object) -> None:
    if intent["status"] == "succeeded":
        _paid(account, invoice)
    elif intent["status"] != "processing":
        _unpaid(account, invoice, asks=intent["status"] == "requires_action")


def _intent(account: Account, invoice: Object) -> Object:
    """Return the invoice's PaymentIntent, made at the first attempt."""
    for payment in account.all("invoice_payment", invoice=invoice["id"]):
        return account.find("payment_intent", payment["payment"]["payment_intent"])
    customer = account.find("customer", invoice["customer"])
    first = invoice["billing_reason"] == "subscription_create"
    text = "Subscription creation" if first else "Subscription update"
    intent = payments.intend(account, customer, invoice["amount_due"], text)
    account.add(
        "invoice_payment",
        amount_requested=invoice["amount_due"],
        invoice=invoice["id"],
        is_default=True,
        livemode=False,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
    )
    return intent


def _paid(account: Account, invoice: Object) -> None:
    invoices.mark_paid(account, invoice)
    for payment in account.all("invoice_payment", invoice=invoice["id"]):
        payment.update(status="paid", amount_paid=invoice["amount_paid"])
        payment["status_transitions"]["paid_at"] = account.now()
        account.emit("invoice_payment.paid", payment)
    subscription = account.find("subscription", invoices.subscription_of(invoice))
    if subscription["latest_invoice"] == invoice["id"]:
        lifecycle.activate(account, subscription)


def _unpaid(account: Account, invoice: Object, *, asks: bool) -> None:
    """Retry after some days, a limited number of times, then stop. The customer is notified either way."""
    days, tried = account.settings.retry_days, invoice["attempt_count"]
    again = invoice["auto_advance"] and tried <= len(days)
    invoice["next_payment_attempt"] = account.now() + days[tried - 1] * DAY if again else None
    if asks:
        account.emit("invoice.payment_action_required", invoice)
    account.emit("invoice.payment_failed", invoice)
    subscription = account.find("subscription", invoices.subscription_of(invoice))
    lifecycle.fall_behind(account, subscription, for_good=not again)


def _tell_checkout(account: Account, invoice: Object) -> None:
    """Update the Checkout Session whose delayed payment this was."""
    for checkout in account.all("checkout.session", invoice=invoice["id"]):
        if invoice["status"] == "paid":
            checkout["payment_status"] = "paid"
        succeeded = "succeeded" if invoice["status"] == "paid" else "failed"
        account.emit(f"checkout.session.async_payment_{succeeded}", checkout)
