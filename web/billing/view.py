"""The state of an organisation's subscription in words, and what its owner can do about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from db.base import Attention
from db.models import Organisation, Subscription
from db.queries.organisations import ATTENTION, entitlements
from provisioning.billing.notices import day
from provisioning.stripe.api import Invoice, Preview
from web.billing.checkout_rules import has_failed, is_subscribed, is_under_way
from web.request.price import Price

Tone = Literal["good", "wait", "bad"]
Name = Literal[
    "free",
    "unpaid_yet",
    "under_way",
    "first_failed",
    "trial",
    "paid",
    "ending",
    "past_due",
    "unpaid",
    "paused",
    "ended",
]
"""What the organisation's subscription amounts to; `attention` says what it needs while it works."""
Fix = Literal["", "pay", "portal", "resume", "checkout"]
"""The action: pay the open invoice, open Stripe's portal, resume, or a new checkout; "" for none."""
INVOICE_WORDS = {
    "processing": "Processing",
    "paid": "Paid",
    "open": "To pay",
    "void": "Cancelled",
    "uncollectible": "Not paid",
}


@dataclass(frozen=True, slots=True)
class State:
    """The first card of the page."""

    name: Name
    title: str
    words: str
    tone: Tone
    fix: Fix = ""
    attention: Attention | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """One invoice, as the page lists it."""

    number: str
    day: str
    amount: str
    state: str
    """As Stripe names it; `processing` while a bank debit is paying it."""
    words: str
    open: bool
    page: str | None
    pdf: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What another number of seats would cost."""

    seats: int
    agents: int
    today: str
    """A sentence about the rest of this period; empty if it costs and refunds nothing."""
    total: str
    """Of the next invoice, GST included."""


def state(organisation: Organisation, row: Subscription | None) -> State:
    """Return the state of the subscription. Days are in the organisation's time zone."""
    if row is None or not is_subscribed(organisation, row):
        return _without(organisation, row)
    if row.attention is not None and organisation.status in ("incomplete", "trialing", "active"):
        advice = ATTENTION[row.attention]
        name: Name = (
            "paid"
            if organisation.status == "active"
            else "trial"
            if organisation.status == "trialing"
            else "unpaid_yet"
        )
        return State(
            name, advice.title, advice.words, "wait" if advice.remedy else "good", advice.remedy, row.attention
        )
    if organisation.status == "incomplete" and not has_failed(row):
        words = "A bank debit takes some business days. Everything is switched on"
        return State(
            "under_way", "Your first payment is on its way", f"{words} automatically when the money arrives.", "wait"
        )
    if organisation.status == "incomplete":
        words = "The bank refused it, so nothing is switched on yet. Pay the open invoice, for example by card, and"
        return State(
            "first_failed",
            "Your first payment did not go through",
            f"{words} everything is switched on automatically.",
            "bad",
            "pay",
        )
    end = _on(row.current_period_end, organisation)
    if organisation.status in ("trialing", "active"):
        return _working(organisation, row, end)
    at = entitlements(organisation)
    since = _on(row.past_due_since, organisation)
    if organisation.status == "past_due":
        return State(
            "past_due", "A payment did not go through", _joined(at.problem, at.remedy, _since(since)), "bad", "pay"
        )
    words = _joined(at.problem, at.remedy, _kept(organisation, row))
    if organisation.status == "paused":
        return State("paused", "The subscription is paused", words, "bad", "resume")
    return State("unpaid", "An invoice is not paid", words, "bad", "pay")


def _working(organisation: Organisation, row: Subscription, end: str) -> State:
    trial = organisation.status == "trialing"
    if row.cancel_at_period_end:
        words = f"Everything works until {end}. After that calls do not connect, and your numbers are released."
        return State("ending", f"Ends on {end}", f"{words} To keep going, undo the cancellation.", "wait", "portal")
    if trial:
        return State("trial", "On trial", f"Your first payment is due on {end}." if end else "", "good")
    return State("paid", "All paid", f"The next invoice is due on {end}." if end else "", "good")


def _without(organisation: Organisation, row: Subscription | None) -> State:
    at = entitlements(organisation)
    if organisation.status == "cancelled":
        words = _joined(at.problem, at.remedy, _kept(organisation, row))
        return State("ended", "The subscription has ended", words, "bad", "checkout")
    if organisation.status == "incomplete":
        return State("unpaid_yet", "Not paid yet", at.remedy, "wait", "checkout")
    if at.problem:
        return State("unpaid", "Payment has stopped", at.problem, "bad", "checkout")
    return State("free", "Free of charge", "Your organisation works without a subscription.", "good")


def _kept(organisation: Organisation, row: Subscription | None) -> str:
    """Return a sentence with the day on which the numbers are released; "" if there is none."""
    after = _on(row.release_after if row else None, organisation)
    return f"Your numbers are released on {after}." if after else ""


def _since(since: str) -> str:
    return f"It has been open since {since}." if since else ""


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _on(at: datetime | None, organisation: Organisation) -> str:
    return day(at, organisation.time_zone) if at else ""


def may_change_seats(organisation: Organisation, row: Subscription | None) -> bool:
    """Return whether there is a subscription whose seats can be changed."""
    return is_subscribed(organisation, row) and organisation.status != "incomplete"


def bills(invoices: Sequence[Invoice], organisation: Organisation, row: Subscription | None) -> list[Bill]:
    """Return the invoices as listed. One that a bank debit is already paying is not offered for payment."""
    paying = organisation.status == "incomplete" and is_under_way(row)
    return [_bill(each, ZoneInfo(organisation.time_zone), paying=paying) for each in invoices]


def _bill(invoice: Invoice, zone: ZoneInfo, *, paying: bool) -> Bill:
    at, is_open = invoice.created.astimezone(zone), invoice.status == "open"
    state = "processing" if is_open and paying else invoice.status
    return Bill(
        number=invoice.number,
        day=f"{at.day} {at:%B %Y}",
        amount=amount(invoice.total),
        state=state,
        words=INVOICE_WORDS.get(state, state),
        open=is_open and not paying,
        page=invoice.page,
        pdf=invoice.pdf,
    )


def change(seats: int, agents: int, now: Preview, then: Preview) -> Change:
    """Return the cost of ``seats``: ``now`` previews the next invoice as it is, ``then`` with the change."""
    rest = then.rest - now.rest
    if rest > 0:
        today = f"{amount(rest)} of it is for the new seats from today to the end of this period."
    else:
        today = f"{amount(-rest)} is deducted for the seats you give up today." if rest else ""
    return Change(seats=seats, agents=agents, today=today, total=amount(then.total))


def amount(cents: int) -> str:
    """Return ``cents`` as ``A$44``, or ``−A$4.50`` if negative."""
    return f"−{Price(-cents)}" if cents < 0 else str(Price(cents))
