"""Checkout Sessions as the API knows them. Filling one in is `sandbox.stripe.billing.purchase`'s."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.account import Account, Object, listed, token
from sandbox.stripe.billing import invoices
from sandbox.stripe.errors import ApiError, missing

EXPIRE_SECONDS = 24 * 3600


def create(account: Account, params: dict[str, Any]) -> Object:
    """Create an open Checkout Session. Raise `ApiError`."""
    customer = _customer(account, params)
    items = [_item(account, one, number) for number, one in enumerate(params["line_items"])]
    checkout = account.add("checkout.session", **_echoed(params))
    checkout["id"] = _renamed(account, checkout["id"])
    checkout.update(
        customer=customer["id"] if customer else None,
        customer_creation=None if customer else "always",
        expires_at=params.get("expires_at", account.now() + EXPIRE_SECONDS),
        url=f"{account.url}/c/pay/{checkout['id']}",
        livemode=False,
    )
    note = account.note(checkout["id"])
    note["items"] = items
    note["subscription"] = params.get("subscription_data", {})
    add_up(account, checkout, None)
    show_customer(checkout, customer)
    return checkout


def line_items(account: Account, checkout: Object) -> Object:
    """Return what is bought, as a list."""
    items = [item | {"adjustable_quantity": None} for item in account.note(checkout["id"])["items"]]
    return listed(items, f"/v1/checkout/sessions/{checkout['id']}/line_items")


def expire(account: Account, checkout: Object) -> Object:
    """Expire the session: nobody can fill it in any more. Raise `ApiError`."""
    if checkout["status"] != "open":
        text = f'Only Checkout Sessions with a status in ["open"] can be expired. This one is {checkout["status"]}.'
        raise ApiError(400, text)
    checkout.update(status="expired", url=None)
    account.emit("checkout.session.expired", checkout)
    return checkout


def _renamed(account: Account, old: str) -> str:
    """Give the session a longer id: Checkout's are longer than the others."""
    checkout = account.objects.pop(old)
    new = f"cs_test_a1{token(56)}"
    account.objects[new] = checkout
    return new


def _customer(account: Account, params: dict[str, Any]) -> Object | None:
    if "customer" not in params:
        return None
    if "customer_email" in params:
        raise ApiError(400, "You may only specify one of these parameters: customer, customer_email.")
    customer = account.find("customer", params["customer"], "customer", 400)
    update = params.get("customer_update", {})
    if params.get("tax_id_collection", {}).get("enabled") and update.get("name") != "auto":
        raise ApiError(
            400,
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an "
            "existing customer, please set `customer_update[name]` to `auto`.",
        )
    has_place = (customer["address"] or {}).get("country")
    if params.get("automatic_tax", {}).get("enabled") and update.get("address") != "auto" and not has_place:
        raise ApiError(
            400,
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to "
            "the Customer or set either `customer_update[address]` to 'auto'.",
            code="customer_tax_location_invalid",
        )
    return customer


def _item(account: Account, wanted: dict[str, Any], number: int) -> Object:
    param = f"line_items[{number}]"
    if "price" not in wanted:
        raise ApiError(
            400, f"Missing required param: {param}[price].", code="parameter_missing", param=f"{param}[price]"
        )
    price = account.find("price", wanted["price"], f"{param}[price]", 400)
    if price["type"] != "recurring":
        raise ApiError(400, "You must provide at least one recurring price in `subscription` mode.")
    if not price["active"]:
        raise missing("price", price["id"], f"{param}[price]", 400)
    quantity, limits = wanted.get("quantity"), wanted.get("adjustable_quantity")
    if quantity is None:
        raise ApiError(
            400, f"Missing required param: {param}[quantity].", code="parameter_missing", param=f"{param}[quantity]"
        )
    if limits and limits.get("enabled") and not limits.get("minimum", 0) <= quantity <= limits.get("maximum", 99):
        raise ApiError(
            400, "Quantity must be between the adjustable minimum and maximum.", param=f"{param}[quantity]"
        )
    name = account.find("product", price["product"])["name"]
    return account.make("item", price=price, quantity=quantity, description=name, adjustable_quantity=limits)


def _echoed(params: dict[str, Any]) -> dict[str, Any]:
    """Return what a session simply shows as it was asked for."""
    plain = ("success_url", "cancel_url", "client_reference_id", "locale", "mode", "billing_address_collection")
    shown = {name: params[name] for name in (*plain, "customer_email", "integration_identifier") if name in params}
    shown["metadata"] = params.get("metadata") or {}
    if params.get("automatic_tax", {}).get("enabled"):
        tax = {
            "enabled": True,
            "liability": {"type": "self"},
            "provider": "stripe",
            "status": "requires_location_inputs",
        }
        shown["automatic_tax"] = tax
    if params.get("tax_id_collection", {}).get("enabled"):
        shown["tax_id_collection"] = {
            "enabled": True,
            "required": params["tax_id_collection"].get("required", "never"),
        }
    return shown


def add_up(account: Account, checkout: Object, customer: Object | None) -> None:
    """Work out the totals; with GST as soon as it is known where the customer is."""
    trial = account.note(checkout["id"])["subscription"].get("trial_period_days")
    automatic = checkout["automatic_tax"]["enabled"]
    due = customer is not None and invoices.taxed(account, customer, automatic)
    items = account.note(checkout["id"])["items"]
    for item in items:
        amount = 0 if trial else item["price"]["unit_amount"] * item["quantity"]
        tax = invoices.taxes(account, amount, item["price"], due)
        added = sum(one["amount"] for one in tax if one["tax_behavior"] == "exclusive")
        item.update(amount_subtotal=amount, amount_tax=sum(one["amount"] for one in tax), amount_total=amount + added)
    checkout["amount_subtotal"] = sum(item["amount_subtotal"] for item in items)
    checkout["amount_total"] = sum(item["amount_total"] for item in items)
    checkout["total_details"] = checkout["total_details"] | {"amount_tax": sum(item["amount_tax"] for item in items)}
    if automatic and customer is not None:
        checkout["automatic_tax"] = checkout["automatic_tax"] | {"status": "complete"}


def add_tax_id(account: Account, customer: Object, kind: str, value: str) -> Object:
    """Add a customer's tax id, not verified yet."""
    owner = {"type": "customer", "customer": customer["id"], "customer_account": None}
    made = account.add("tax_id", country="AU", customer=customer["id"], type=kind, value=value, owner=owner)
    account.emit("customer.tax_id.created", made)
    return made


def show_customer(checkout: Object, customer: Object | None, tax_ids: list[Object] | None = None) -> None:
    """What the session shows of who buys."""
    if customer is None and checkout["customer_email"] is None:
        return
    known = customer or {}
    checkout["customer_details"] = {
        "address": known.get("address"),
        "business_name": known.get("name") if tax_ids else None,
        "email": known.get("email") or checkout["customer_email"],
        "individual_name": None,
        "name": known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": "none",
        "tax_ids": [{"type": one["type"], "value": one["value"]} for one in tax_ids or []],
    }
