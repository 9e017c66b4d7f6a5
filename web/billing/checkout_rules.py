"""What has to be known of an organisation before its card is charged: who it is, and that numbers may be its. Pure.

Australian numbers are rented to known businesses only. Where the platform's own papers stand in for all there is
nothing to wait for; else an organisation's own must have been sent to Twilio, and not come back refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from db.models import Bundle, Organisation, Subscription
from db.queries.bundles import APPROVED, IN_REVIEW
from web.organisation.details import Details

PapersState = Literal["none", "unfiled", "filing", "review", "approved", "rejected"]
"""`none` are needed; `unfiled` and `filing` are not known to Twilio yet."""
PaymentState = Literal["waiting", "under_way", "failed", "ready"]
"""`under_way`: a bank debit that takes days; `failed`: and in the end the bank refused."""
NAMES = ("legal_name", "abn", "street", "locality", "region", "postcode")
PAPERS_WORDS: Mapping[PapersState, str] = {
    "none": "",
    "unfiled": "Twilio, who rents the numbers, looks at these details before you pay. That takes a moment.",
    "filing": "Your details are on their way to Twilio, who rents the numbers. You can pay in a moment.",
    "review": "Twilio has your details and looks at them, which may take some days. You can pay now: your number is"
    " rented as soon as they are approved.",
    "approved": "Twilio has approved your details.",
    "rejected": "Twilio has not accepted your details, so there can be no number yet. Correct them before you pay.",
}
_MAY_PAY: tuple[PapersState, ...] = ("none", "review", "approved")
_PROMISED = ("trialing", "active")


def details_of(organisation: Organisation) -> Details:
    """What is known of the business."""
    return Details(name=organisation.name, **{name: getattr(organisation, name) or "" for name in NAMES})


def papers_state(papers: Bundle | None, *, platform: bool) -> PapersState:
    """How the regulatory papers stand; ``platform``: its own stand in for all."""
    if platform:
        return "none"
    if papers is None:
        return "unfiled"
    if papers.status in APPROVED:
        return "approved"
    if papers.status in IN_REVIEW:
        return "review"
    return "rejected" if papers.status == "twilio-rejected" else "filing"


def may_pay(state: PapersState) -> bool:
    """Whether enough is known for a card to be charged."""
    return state in _MAY_PAY


def payment_state(organisation: Organisation, row: Subscription | None) -> PaymentState:
    """How far the first payment has come, as the webhooks have told."""
    if organisation.status not in ("incomplete", "cancelled"):
        return "ready"
    if has_failed(row):
        return "failed"
    return "under_way" if is_under_way(row) else "waiting"


def is_under_way(row: Subscription | None) -> bool:
    """Whether a first payment has been promised, and its money has not come yet."""
    return row is not None and row.status in _PROMISED and row.paid_at is None


def has_failed(row: Subscription | None) -> bool:
    """Whether a first payment was refused after all. It is tried again, so another subscription would be too many."""
    return row is not None and row.status == "past_due" and row.paid_at is None


def is_subscribed(organisation: Organisation, row: Subscription | None) -> bool:
    """Whether there is a subscription already: another one beside it would be paid twice."""
    if row is None or row.stripe_subscription_id is None:
        return False
    lives = organisation.status not in ("incomplete", "cancelled")
    return lives or is_under_way(row) or has_failed(row)
