"""Checkout preconditions: business details complete and the regulatory bundle submitted. Pure.

Australian numbers are only rented to identified businesses. Where the platform's own bundle covers all customers,
there is nothing to wait for; otherwise an organisation's own must be with Twilio and not rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from db.models import Bundle, Organisation, Subscription
from db.queries.bundles import APPROVED, IN_REVIEW

BundleState = Literal["none", "unfiled", "filing", "review", "approved", "rejected"]
"""`none`: none is needed; `unfiled`, `filing`: Twilio does not have it yet."""
PaymentState = Literal["waiting", "under_way", "failed", "ready"]
"""`under_way`: a bank debit, which takes days; `failed`: the bank refused it."""
BUNDLE_WORDS: Mapping[BundleState, str] = {
    "none": "",
    "unfiled": "Twilio, our phone provider, checks these details before you pay. It takes a moment.",
    "filing": "Your details are being sent to Twilio, our phone provider. You can pay in a moment.",
    "review": "Twilio is reviewing your details, which may take some days. You can pay now: your number is"
    " rented as soon as they are approved.",
    "approved": "Twilio has approved your details.",
    "rejected": "Twilio has rejected your details, so a number cannot be rented yet. Correct them before you pay.",
}
_MAY_PAY: tuple[BundleState, ...] = ("none", "review", "approved")
_PROMISED = ("trialing", "active")


def bundle_state(bundle: Bundle | None, *, platform: bool) -> BundleState:
    """Return the state of the bundle; ``platform``: the platform's own covers every customer."""
    if platform:
        return "none"
    if bundle is None:
        return "unfiled"
    if bundle.status in APPROVED:
        return "approved"
    if bundle.status in IN_REVIEW:
        return "review"
    return "rejected" if bundle.status == "twilio-rejected" else "filing"


def may_pay(state: BundleState) -> bool:
    """Return whether the card may be charged."""
    return state in _MAY_PAY


def payment_state(organisation: Organisation, row: Subscription | None) -> PaymentState:
    """Return the progress of the first payment, as the webhooks have reported it."""
    if organisation.status not in ("incomplete", "cancelled"):
        return "ready"
    if has_failed(row):
        return "failed"
    return "under_way" if is_under_way(row) else "waiting"


def is_under_way(row: Subscription | None) -> bool:
    """Return whether a first payment was started and its money has not arrived yet."""
    return row is not None and row.status in _PROMISED and row.paid_at is None


def has_failed(row: Subscription | None) -> bool:
    """Return whether the first payment failed. Stripe retries it, so there must be no second subscription."""
    return row is not None and row.status == "past_due" and row.paid_at is None


def is_subscribed(organisation: Organisation, row: Subscription | None) -> bool:
    """Return whether there is a subscription; a second one would be charged as well."""
    if row is None or row.stripe_subscription_id is None:
        return False
    lives = organisation.status not in ("incomplete", "cancelled")
    return lives or is_under_way(row) or has_failed(row)
