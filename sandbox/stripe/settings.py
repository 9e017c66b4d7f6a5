"""What the emulated Stripe is made of: its keys, the price it sells, where its webhooks go, its manners."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

API_VERSION = "2026-10-28.endive"  # of the `stripe` package we are asked by


@dataclass(slots=True)
class Manner:
    """How webhooks are delivered; Stripe promises neither once-only delivery nor order."""

    duplicate: float = 0.0  # probability that an event is delivered a second time
    reorder: bool = False  # events that wait together are delivered in any order
    retry_seconds: tuple[float, ...] = (
        0.5,
        1.0,
        2.0,
        4.0,
        8.0,
        15.0,
        30.0,
        60.0,
    )  # after each failure; then given up
    seed: int = 0


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """Times are those of Stripe's own default settings unless somebody says otherwise."""

    secret_key: str  # sk_test_…
    webhook_secret: str  # whsec_…
    price_id: str  # price_…, seeded
    webhook_url: str = ""  # empty: events are only kept
    enabled_events: tuple[str, ...] = ("*",)
    host: str = "127.0.0.1"
    port: int = 0
    business: str = "Bilby"
    product_name: str = "Bilby, per agent"
    unit_amount: int = 4000  # cents a seat and month, before GST
    tax_behavior: Literal["exclusive", "inclusive"] = "exclusive"
    gst_registered: bool = True
    head_office: bool = True  # known to Stripe Tax, which is pending without
    retry_days: tuple[int, ...] = (3, 5, 7)  # after each failed attempt to collect a renewal
    after_retries: Literal["cancel", "unpaid", "past_due"] = "cancel"
    debit_days: int = 3  # until a bank debit has cleared or bounced
    state: Path | None = None  # a JSON file to survive in; None: memory only
    manner: Manner = field(default_factory=Manner)
