"""What becomes of a subscription when its invoices are paid, not paid, or when somebody ends it."""

from __future__ import annotations

from sandbox.stripe.account import Account, Object


def activate(account: Account, subscription: Object) -> None:
    """Activate the subscription: its newest invoice is paid."""
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        with account.changing(subscription):
            subscription["status"] = "active"


def fall_behind(account: Account, subscription: Object, *, for_good: bool) -> None:
    """Note that an invoice could not be collected; ``for_good``: and will not be tried again."""
    after = account.settings.after_retries
    if subscription["status"] not in ("active", "trialing", "past_due"):
        return
    if for_good and after == "cancel":
        end(account, subscription, "payment_failed")
    else:
        with account.changing(subscription):
            subscription["status"] = "unpaid" if for_good and after == "unpaid" else "past_due"


def end(account: Account, subscription: Object, reason: str = "cancellation_requested") -> Object:
    """Cancel the subscription for ever. Its open invoices are not collected any more."""
    now = account.now()
    subscription.update(status="canceled", ended_at=now, canceled_at=subscription["canceled_at"] or now)
    subscription["cancellation_details"] = subscription["cancellation_details"] | {"reason": reason}
    for invoice in account.all("invoice"):
        if invoice["status"] in ("draft", "open") and _is_of(invoice, subscription):
            invoice.update(auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
    account.emit("customer.subscription.deleted", subscription)
    return subscription


def pause(account: Account, subscription: Object) -> None:
    """Pause the subscription: nothing is owed and nothing served until it is resumed."""
    if subscription["status"] in ("active", "trialing", "past_due"):
        with account.changing(subscription, "customer.subscription.paused"):
            subscription["status"] = "paused"


def cancel_later(account: Account, subscription: Object, at_period_end: bool) -> None:
    """End it with the period, or (not ``at_period_end``) do not after all."""
    asked = "cancellation_requested" if at_period_end else None
    with account.changing(subscription):
        subscription["cancel_at_period_end"] = at_period_end
        subscription["cancel_at"] = period_end(subscription) if at_period_end else None
        subscription["canceled_at"] = account.now() if at_period_end else None
        subscription["cancellation_details"] = subscription["cancellation_details"] | {"reason": asked}


def period_end(subscription: Object) -> int:
    """Return when the current period ends."""
    end: int = min(item["current_period_end"] for item in subscription["items"]["data"])
    return end


def _is_of(invoice: Object, subscription: Object) -> bool:
    return bool(invoice["parent"]["subscription_details"]["subscription"] == subscription["id"])
