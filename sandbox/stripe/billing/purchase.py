"""Checkout's page filled in by a person: checked, the bank asked, and what a completed Checkout Session sets off."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.stripe.account import Account, Object, token
from sandbox.stripe.billing import checkout_sessions, payments
from sandbox.stripe.billing.amounts import is_abn
from sandbox.stripe.billing.payment_methods import GENERIC, INSTRUMENTS, Decline
from sandbox.stripe.billing.subscriptions import Order, open_

STATES = ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person has entered on Checkout's page."""

    instrument: str = "visa"
    quantity: int | None = None
    email: str = ""
    name: str = ""
    abn: str = ""
    line1: str = "1 Bligh Street"
    city: str = "Sydney"
    state: str = "NSW"
    postal_code: str = "2000"

    def address(self) -> Object:
        """As a Customer shows it."""
        place = {"line1": self.line1, "line2": None, "city": self.city, "state": self.state}
        return place | {"postal_code": self.postal_code, "country": "AU"}


class FillError(Exception):
    """A sentence for the person at the page: what to enter otherwise, or why the bank refused.

    ``decline_code`` is the bank's, "" if it was not asked.
    """

    def __init__(self, text: str, decline_code: str = "") -> None:
        super().__init__(text)
        self.decline_code = decline_code


def choose_quantity(account: Account, checkout: Object, quantity: int) -> None:
    """Choose other seats than were asked for. Raise `FillError`."""
    item = account.note(checkout["id"])["items"][0]
    limits = item["adjustable_quantity"] or {}
    least, most = limits.get("minimum") or 0, limits.get("maximum") or 99
    if quantity == item["quantity"]:
        return
    if not limits.get("enabled") or not least <= quantity <= most:
        raise FillError(f"Choose between {least} and {most}." if limits else "The quantity cannot be changed.")
    item["quantity"] = quantity
    checkout_sessions.add_up(account, checkout, None)


def complete(account: Account, checkout: Object, filled: Filled) -> Object:
    """Press "Subscribe" as the person does. Raise `FillError`; the session stays open then."""
    if checkout["status"] != "open":
        raise FillError("This checkout is not open any more.")
    if filled.quantity is not None:
        choose_quantity(account, checkout, filled.quantity)
    _check(checkout, filled)
    customer = _known_customer(account, checkout, filled)
    instrument = INSTRUMENTS[filled.instrument]
    if refused := _refusal(account, customer, filled):
        raise FillError(f"{refused.text} Try another card, or ask your bank.", refused.decline_code)
    if checkout["customer"] is None:
        _settle_in(account, customer)
    _update_customer(account, checkout, customer, filled)
    method = payments.attach(account, customer, instrument)
    subscription, invoice = open_(account, _order(account, checkout, customer, method))
    _finish(checkout, customer, subscription, invoice)
    account.emit("checkout.session.completed", checkout)
    return checkout


def _check(checkout: Object, filled: Filled) -> None:
    """Raise `FillError` for what Checkout's page would not let through."""
    if "@" not in (filled.email or checkout["customer_email"] or "") and checkout["customer"] is None:
        raise FillError("Your email is incomplete.")
    if not (filled.name.strip() and filled.line1.strip() and filled.city.strip()):
        raise FillError("Enter the business's name and address.")
    if filled.state not in STATES or len(filled.postal_code) != 4 or not filled.postal_code.isdecimal():
        raise FillError("Choose a state, and enter a postcode of four digits.")
    if filled.abn.strip() and not is_abn(filled.abn):
        raise FillError("This is not a valid ABN.")
    if not filled.abn.strip() and checkout["tax_id_collection"].get("required") == "if_supported":
        raise FillError("Enter your ABN.")
    if filled.instrument not in INSTRUMENTS:
        raise FillError("Choose how to pay.")


def _known_customer(account: Account, checkout: Object, filled: Filled) -> Object:
    """Return the session's customer, or one that is kept only if the bank agrees."""
    if checkout["customer"]:
        return account.find("customer", checkout["customer"])
    return account.make("customer", email=filled.email or checkout["customer_email"], name=filled.name)


def _refusal(account: Account, customer: Object, filled: Filled) -> Decline | None:
    if account.note(customer["id"]).get("fail_next", 0) > 0:
        account.note(customer["id"])["fail_next"] -= 1
        return GENERIC
    return INSTRUMENTS[filled.instrument].first


def _settle_in(account: Account, customer: Object) -> None:
    customer["invoice_prefix"] = token(8).upper()
    account.objects[customer["id"]] = customer
    account.emit("customer.created", customer)


def _update_customer(account: Account, checkout: Object, customer: Object, filled: Filled) -> None:
    with account.changing(customer):
        customer.update(address=filled.address(), name=filled.name, currency="aud")
    abn = "".join(filled.abn.split())
    if abn and not account.all("tax_id", customer=customer["id"], value=abn):
        checkout_sessions.add_tax_id(account, customer, "au_abn", abn)
    checkout_sessions.add_up(account, checkout, customer)
    checkout_sessions.show_customer(checkout, customer, account.all("tax_id", customer=customer["id"]))


def _order(account: Account, checkout: Object, customer: Object, method: Object) -> Order:
    note = account.note(checkout["id"])
    return Order(
        customer=customer,
        seats=[(item["price"], item["quantity"]) for item in note["items"]],
        method=method,
        automatic_tax=checkout["automatic_tax"]["enabled"],
        metadata=note["subscription"].get("metadata"),
        description=note["subscription"].get("description"),
        trial_days=note["subscription"].get("trial_period_days") or 0,
    )


def _finish(checkout: Object, customer: Object, subscription: Object, invoice: Object) -> None:
    paid = "paid" if invoice["status"] == "paid" else "unpaid"
    checkout.update(
        status="complete",
        url=None,
        customer=customer["id"],
        subscription=subscription["id"],
        invoice=invoice["id"],
        payment_status="no_payment_required" if subscription["status"] == "trialing" else paid,
    )
