"""Seats up and down: what changes on a subscription's items, and the prorations that follow."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.account import Account, Object, blank
from sandbox.stripe.billing import invoices
from sandbox.stripe.billing.amounts import share
from sandbox.stripe.errors import ApiError, missing


def item(account: Account, subscription: str, price: Object, quantity: int, period: tuple[int, int]) -> Object:
    """Return a SubscriptionItem."""
    return account.make(
        "subscription_item",
        price=price,
        plan=plan(price),
        quantity=quantity,
        subscription=subscription,
        current_period_start=period[0],
        current_period_end=period[1],
    )


def plan(price: Object) -> Object:
    """Return the same price as the Plan it was called before."""
    same = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata", "nickname", "product")
    made = blank("plan") | {name: copy.deepcopy(price[name]) for name in same}
    recurring = price["recurring"] or {}
    made.update(interval=recurring.get("interval"), interval_count=recurring.get("interval_count"))
    return made | {"amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"]}


@dataclass(frozen=True, slots=True)
class Change:
    """One item as it was and as it will be; None: it is not there."""

    before: Object | None
    after: Object | None


def planned(account: Account, subscription: Object, wanted: list[dict[str, Any]]) -> list[Change]:
    """Return what ``items`` of an update mean, checked, with nothing changed yet. Raise `ApiError`."""
    return [_planned(account, subscription, one, f"items[{number}]") for number, one in enumerate(wanted)]


def _planned(account: Account, subscription: Object, wanted: dict[str, Any], param: str) -> Change:
    before = None
    if "id" in wanted:
        before = next((one for one in subscription["items"]["data"] if one["id"] == wanted["id"]), None)
        if before is None:
            raise missing("subscription_item", wanted["id"], f"{param}[id]", 400)
    if wanted.get("deleted"):
        return Change(before, None)
    price = account.find("price", wanted["price"], f"{param}[price]", 400) if "price" in wanted else None
    if before is None and price is None:
        raise ApiError(
            400, f"Missing required param: {param}[price].", code="parameter_missing", param=f"{param}[price]"
        )
    quantity = wanted.get("quantity", before["quantity"] if before else 1)
    if not 0 <= quantity <= 999_999:
        raise ApiError(400, "This value must be between 0 and 999999.", code="parameter_invalid_integer", param=param)
    period = _period(before or subscription["items"]["data"][0])
    after = item(account, subscription["id"], price or (before or {})["price"], quantity, period)
    if before:
        after |= {"id": before["id"], "created": before["created"], "metadata": before["metadata"]}
    return Change(before, after | {"metadata": wanted.get("metadata", after["metadata"]) or {}})


def apply(subscription: Object, changes: list[Change]) -> None:
    """Put the items in their new state."""
    items = {one["id"]: one for one in subscription["items"]["data"]}
    for change in changes:
        if change.after is None:
            items.pop((change.before or {})["id"], None)
        else:
            items[change.after["id"]] = change.after
    if not items:
        raise ApiError(400, "A subscription must have at least one active item.")
    subscription["items"] = subscription["items"] | {"data": list(items.values())}


def prorations(account: Account, subscription: Object, changes: list[Change], now: int) -> list[Object]:
    """Return a credit for what is left of the old seats and a charge for the new ones, as invoice lines."""
    if subscription["status"] == "trialing":
        return []
    customer = account.find("customer", subscription["customer"])
    due = invoices.taxed(account, customer, subscription["automatic_tax"]["enabled"])
    lines = []
    for change in changes:
        if change.before and change.after and _same(change.before, change.after):
            continue
        for one, sign, word in ((change.before, -1, "Unused"), (change.after, 1, "Remaining")):
            if one is not None and one["quantity"]:
                lines.append(_proration(account, subscription, one, sign, word, now, due))
    return lines


def _same(before: Object, after: Object) -> bool:
    return bool(before["price"]["id"] == after["price"]["id"] and before["quantity"] == after["quantity"])


def _proration(
    account: Account, subscription: Object, one: Object, sign: int, word: str, now: int, due: bool
) -> Object:
    price, (start, end) = one["price"], _period(one)
    amount = sign * share(price["unit_amount"] * one["quantity"], start, end, now)
    product = account.find("product", price["product"])["name"]
    return invoices.line(
        account,
        subscription,
        one,
        amount,
        f"{word} time on {one['quantity']} × {product}",
        (now, end),
        invoices.taxes(account, amount, price, due),
        invoice_item=account.make("invoiceitem")["id"],
    )


def _period(one: Object) -> tuple[int, int]:
    return one["current_period_start"], one["current_period_end"]
