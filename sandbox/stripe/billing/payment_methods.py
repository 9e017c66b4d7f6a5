"""The cards and bank accounts people may pay with here, and how each of them behaves. Plain values.

Numbers and sentences are those of Stripe's own testing page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank refuses: Stripe's code, the bank's, and the sentence a customer reads."""

    code: str
    decline_code: str
    text: str


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
AUTHENTICATE = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
BOUNCED = Decline("debit_not_authorized", "account_closed", "The bank account has been closed.")


@dataclass(frozen=True, slots=True)
class Instrument:
    """``first`` is what happens while its owner is there, ``later`` what happens at a renewal; None: it pays."""

    key: str
    label: str
    last4: str
    kind: Literal["card", "au_becs_debit"] = "card"
    first: Decline | None = None
    later: Decline | None = None
    bounces: Decline | None = None  # of a bank debit, days later

    def details(self) -> dict[str, Any]:
        """Return what a PaymentMethod shows of it, under its kind's name."""
        if self.kind == "au_becs_debit":
            return {"bsb_number": "000000", "fingerprint": f"FP{self.last4}", "last4": self.last4}
        return _CARD | {"last4": self.last4, "fingerprint": f"FP{self.last4}"}


_CARD: dict[str, Any] = {
    "brand": "visa",
    "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
    "country": "AU",
    "display_brand": "visa",
    "exp_month": 12,
    "exp_year": 2034,
    "funding": "credit",
    "generated_from": None,
    "networks": {"available": ["visa"], "preferred": None},
    "regulated_status": "unregulated",
    "three_d_secure_usage": {"supported": True},
    "wallet": None,
}

INSTRUMENTS: dict[str, Instrument] = {
    instrument.key: instrument
    for instrument in (
        Instrument("visa", "Visa that pays", "4242"),
        Instrument("declined", "Visa that is declined", "0002", first=GENERIC, later=GENERIC),
        Instrument("funds", "Visa with insufficient funds", "9995", first=FUNDS, later=FUNDS),
        Instrument("later", "Visa that pays now and is declined at renewals", "0341", later=GENERIC),
        Instrument("asks", "Visa whose bank wants to see its owner at renewals", "3184", later=AUTHENTICATE),
        Instrument("debit", "Bank debit (BECS) that clears days later", "3456", "au_becs_debit"),
        Instrument("bounces", "Bank debit (BECS) that bounces days later", "1113", "au_becs_debit", bounces=BOUNCED),
    )
}
