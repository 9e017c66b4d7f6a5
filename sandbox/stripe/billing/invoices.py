"""Invoices: lines, GST, totals, from draft to open to paid. `collection` takes the money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.stripe.account import Account, Object, listed
from sandbox.stripe.billing.amounts import GST_PERCENT, gst

FINALISE_SECONDS = 3600  # "an hour" that a renewal's draft waits


def taxed(account: Account, customer: Object, automatic: bool) -> bool:
    """Return whether GST is due: "without a registration" Stripe "doesn't return an error", it adds none."""
    in_australia = (customer["address"] or {}).get("country") == "AU"
    return automatic and in_australia and bool(account.all("tax.registration", country="AU", status="active"))


def gst_rate(account: Account) -> Object:
    """Return the TaxRate that automatic tax applies; made when it is first needed."""
    for rate in account.all("tax_rate"):
        return rate
    return account.add("tax_rate", inclusive=account.settings.tax_behavior == "inclusive", percentage=GST_PERCENT)


def taxes(account: Account, amount: int, price: Object, due: bool) -> list[Object]:
    """Return the ``taxes`` of a line of ``amount`` cents."""
    if not due:
        return []
    inclusive = price["tax_behavior"] == "inclusive"
    tax = gst(amount, inclusive)
    return [
        {
            "amount": tax,
            "tax_behavior": "inclusive" if inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": gst_rate(account)["id"]},
            "taxability_reason": "standard_rated",
            "taxable_amount": amount - tax if inclusive else amount,
            "type": "tax_rate_details",
        }
    ]


def seat_line(account: Account, subscription: Object, item: Object, period: tuple[int, int], due: bool) -> Object:
    """Return a whole period's seats."""
    price, quantity = item["price"], item["quantity"]
    amount = 0 if subscription["status"] == "trialing" else price["unit_amount"] * quantity
    product = account.find("product", price["product"])["name"]
    each = f"${price['unit_amount'] / 100:.2f} / month"
    text = (
        f"Trial period for {product}"
        if subscription["status"] == "trialing"
        else f"{quantity} × {product} (at {each})"
    )
    return line(account, subscription, item, amount, text, period, taxes(account, amount, price, due))


def line(
    account: Account,
    subscription: Object,
    item: Object,
    amount: int,
    description: str,
    period: tuple[int, int],
    tax: list[Object],
    *,
    quantity: int | None = None,
    invoice_item: str | None = None,
) -> Object:
    """Return an InvoiceLineItem; ``invoice_item``: of a proration."""
    price = item["price"]
    details = {
        "invoice_item": invoice_item,
        "proration": invoice_item is not None,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    return account.make(
        "line_item",
        amount=amount,
        subtotal=amount,
        description=description,
        period={"start": period[0], "end": period[1]},
        quantity=item["quantity"] if quantity is None else quantity,
        quantity_decimal=str(item["quantity"] if quantity is None else quantity),
        subscription=subscription["id"],
        taxes=tax,
        parent={
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": details,
        },
        pricing={
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
    )


def draft(
    account: Account,
    subscription: Object,
    reason: str,
    lines: Sequence[Object],
    period: tuple[int, int],
    *,
    keep: bool = True,
) -> Object:
    """Return a draft with its totals; not ``keep``: a preview that nobody hears of."""
    customer = account.find("customer", subscription["customer"])
    automatic = subscription["automatic_tax"]["enabled"]
    invoice = (account.add if keep else account.make)(
        "invoice",
        customer=customer["id"],
        billing_reason=reason,
        account_name=account.settings.business,
        auto_advance=True,
        period_start=period[0],
        period_end=period[1],
        parent={
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
        },
        **_addressee(account, customer),
    )
    if automatic:
        invoice["automatic_tax"] |= {
            "enabled": True,
            "liability": {"type": "self"},
            "status": "complete",
            "provider": "stripe",
        }
    for one in lines:
        one["invoice"] = invoice["id"]
    invoice["lines"] = listed(list(lines), f"/v1/invoices/{invoice['id']}/lines")
    invoice |= _totals(lines)
    _balance(invoice, customer)
    if keep:
        account.emit("invoice.created", invoice)
    return invoice


def finalise(account: Account, invoice: Object) -> Object:
    """Move from draft to open: number it, and use its customer's credit. Without a place to tax it stays a draft."""
    customer, now = account.find("customer", invoice["customer"]), account.now()
    if invoice["automatic_tax"]["enabled"] and not customer["address"]:
        return _leave_draft(account, invoice)
    invoice["last_finalization_error"] = None
    _balance(invoice, customer)
    customer["balance"] = invoice["ending_balance"]
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    customer["next_invoice_sequence"] += 1
    page = f"{account.url}/i/{invoice['id']}"
    invoice.update(status="open", number=number, effective_at=now, automatically_finalizes_at=None)
    invoice.update(hosted_invoice_url=page, invoice_pdf=f"{page}/pdf")
    invoice["status_transitions"]["finalized_at"] = now
    account.emit("invoice.finalized", invoice)
    return invoice


def _leave_draft(account: Account, invoice: Object) -> Object:
    """As https://docs.stripe.com/tax/customer-locations#finalizing-invoices has it; tried again after an hour."""
    invoice["automatic_tax"]["status"] = "requires_location_inputs"
    invoice["automatically_finalizes_at"] = account.now() + FINALISE_SECONDS
    invoice["last_finalization_error"] = {
        "code": "customer_tax_location_invalid",
        "message": "The customer's location isn't recognized. Set a valid customer address in order to automatically "
        "calculate tax.",
        "type": "invalid_request_error",
    }
    account.emit("invoice.finalization_failed", invoice)
    return invoice


def mark_paid(account: Account, invoice: Object) -> None:
    """Move from open to paid."""
    due = invoice["amount_due"]
    invoice.update(status="paid", amount_paid=due, amount_remaining=0, next_payment_attempt=None, attempted=True)
    invoice["status_transitions"]["paid_at"] = account.now()
    for kind in ("invoice.paid", "invoice.payment_succeeded"):
        account.emit(kind, invoice)


def void(account: Account, invoice: Object) -> None:
    """Move from open to void: nobody owes it any more."""
    invoice.update(status="void", next_payment_attempt=None, auto_advance=False)
    invoice["status_transitions"]["voided_at"] = account.now()
    account.emit("invoice.voided", invoice)


def subscription_of(invoice: Object) -> str:
    """Return the id of the subscription an invoice is for."""
    identifier: str = invoice["parent"]["subscription_details"]["subscription"]
    return identifier


def _addressee(account: Account, customer: Object) -> dict[str, Any]:
    ids = account.all("tax_id", customer=customer["id"])
    return {
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_tax_ids": [{"type": one["type"], "value": one["value"]} for one in ids],
    }


def _totals(lines: Sequence[Object]) -> Object:
    subtotal = sum(one["amount"] for one in lines)
    every = [tax for one in lines for tax in one["taxes"]]
    added = sum(tax["amount"] for tax in every if tax["tax_behavior"] == "exclusive")
    within = sum(tax["amount"] for tax in every if tax["tax_behavior"] == "inclusive")
    total: list[Object] = []
    if every:
        taxable = sum(tax["taxable_amount"] for tax in every)
        total = [every[0] | {"amount": added + within, "taxable_amount": taxable}]
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - within,
        "total": subtotal + added,
        "total_excluding_tax": subtotal - within,
        "total_taxes": total,
    }


def _balance(invoice: Object, customer: Object) -> None:
    """Credit of earlier invoices pays first; what an invoice gives back becomes credit."""
    owed = invoice["total"] + customer["balance"]
    due = max(0, owed)
    invoice.update(
        starting_balance=customer["balance"], ending_balance=min(0, owed), amount_due=due, amount_remaining=due
    )
