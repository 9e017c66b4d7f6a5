"""``/v1/subscriptions``, ``/v1/subscription_items``, ``/v1/invoices`` and ``/v1/invoice_payments``."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from stripe import params as declared

from sandbox.stripe.account import Account, Object
from sandbox.stripe.api.framework import Path, endpoint, merged, only, page
from sandbox.stripe.api.parameters import Params
from sandbox.stripe.billing import collection, invoices, lifecycle, payments, subscriptions
from sandbox.stripe.errors import ApiError, missing

routes = web.RouteTableDef()
_LAPSED = ("canceled", "incomplete_expired")


@endpoint(routes, "GET", "/v1/subscriptions", declared.SubscriptionListParams)
def show_subscriptions(account: Account, params: Params, _: Path) -> Object:
    """Return subscriptions; "If no value is supplied, all subscriptions that have not been canceled are returned"."""
    only(params, "customer", "price", "status", "created", "limit", "starting_after", "ending_before")
    _check_customer(account, params)
    found = [one for one in account.all("subscription") if _wanted(one, params)]
    return page(params, found, "/v1/subscriptions")


@endpoint(routes, "GET", "/v1/subscriptions/{id}", declared.SubscriptionRetrieveParams)
def show_subscription(account: Account, _: Params, path: Path) -> Object:
    """Return one subscription, ended ones too."""
    return account.find("subscription", path["id"])


@endpoint(routes, "POST", "/v1/subscriptions/{id}", declared.SubscriptionUpdateParams)
def update_subscription(account: Account, params: Params, path: Path) -> Object:
    """Change seats, the end, the payment method or metadata."""
    only(
        params,
        *("items", "proration_behavior", "payment_behavior", "cancel_at_period_end", "metadata"),
        *("default_payment_method", "description", "cancellation_details"),
    )
    subscription = _changeable(account, path["id"], params)
    _update_plain(account, subscription, params)
    if "items" in params:
        _change_seats(account, subscription, params["items"], params)
    if "cancel_at_period_end" in params and params["cancel_at_period_end"] != subscription["cancel_at_period_end"]:
        lifecycle.cancel_later(account, subscription, params["cancel_at_period_end"])
    return subscription


@endpoint(routes, "DELETE", "/v1/subscriptions/{id}", declared.SubscriptionCancelParams)
def cancel_subscription(account: Account, params: Params, path: Path) -> Object:
    """End it now."""
    only(params, "cancellation_details", "prorate", "invoice_now")
    if params.get("prorate") or params.get("invoice_now"):
        raise ApiError(400, "The emulated Stripe cancels without a last invoice.")
    subscription = account.find("subscription", path["id"])
    if subscription["status"] in _LAPSED:
        raise missing("subscription", path["id"])
    return lifecycle.end(account, subscription)


@endpoint(routes, "POST", "/v1/subscriptions/{id}/resume", declared.SubscriptionResumeParams)
def resume_subscription(account: Account, params: Params, path: Path) -> Object:
    """Go on after a pause."""
    only(params, "billing_cycle_anchor", "proration_behavior")
    subscription = account.find("subscription", path["id"])
    subscriptions.resume(account, subscription)
    return subscription


@endpoint(routes, "GET", "/v1/subscription_items", declared.SubscriptionItemListParams)
def show_items(account: Account, params: Params, _: Path) -> Object:
    """Return the items of one subscription."""
    subscription = account.find("subscription", params["subscription"], "subscription", 400)
    return page(params, subscription["items"]["data"], "/v1/subscription_items")


@endpoint(routes, "GET", "/v1/subscription_items/{id}", declared.SubscriptionItemRetrieveParams)
def show_item(account: Account, _: Params, path: Path) -> Object:
    """Return one item."""
    return _item(account, path["id"])[1]


@endpoint(routes, "POST", "/v1/subscription_items/{id}", declared.SubscriptionItemUpdateParams)
def update_item(account: Account, params: Params, path: Path) -> Object:
    """Change seats, asked the other way."""
    only(params, "quantity", "price", "metadata", "proration_behavior", "payment_behavior")
    subscription, item = _item(account, path["id"])
    wanted: dict[str, Any] = {"id": item["id"]}
    wanted |= {name: params[name] for name in ("quantity", "price", "metadata") if name in params}
    _change_seats(account, subscription, [wanted], params)
    return _item(account, path["id"])[1]


@endpoint(routes, "GET", "/v1/invoices", declared.InvoiceListParams)
def show_invoices(account: Account, params: Params, _: Path) -> Object:
    """Return invoices, by customer, subscription or status."""
    only(params, "customer", "subscription", "status", "created", "limit", "starting_after", "ending_before")
    _check_customer(account, params)
    found = [
        one
        for one in account.all("invoice")
        if params.get("customer", one["customer"]) == one["customer"]
        and params.get("status", one["status"]) == one["status"]
        and params.get("subscription", invoices.subscription_of(one)) == invoices.subscription_of(one)
    ]
    return page(params, found, "/v1/invoices")


@endpoint(routes, "POST", "/v1/invoices/create_preview", declared.InvoiceCreatePreviewParams)
def preview(account: Account, params: Params, _: Path) -> Object:
    """Return what a change of seats would cost."""
    only(params, "customer", "subscription", "subscription_details")
    subscription = account.find("subscription", params.get("subscription"), "subscription", 400)
    details = params.get("subscription_details", {})
    proration = details.get("proration_behavior", "create_prorations")
    return subscriptions.preview(account, subscription, details.get("items", []), proration)


@endpoint(routes, "GET", "/v1/invoices/{id}", declared.InvoiceRetrieveParams)
def show_invoice(account: Account, _: Params, path: Path) -> Object:
    """Return one invoice."""
    return account.find("invoice", path["id"])


@endpoint(routes, "GET", "/v1/invoices/{id}/lines", declared.InvoiceLineItemListParams)
def show_lines(account: Account, params: Params, path: Path) -> Object:
    """Return an invoice's lines."""
    lines = account.find("invoice", path["id"])["lines"]
    return page(params, list(reversed(lines["data"])), lines["url"])


@endpoint(routes, "POST", "/v1/invoices/{id}/pay", declared.InvoicePayParams)
def pay(account: Account, params: Params, path: Path) -> Object:
    """Try to collect now, with the customer's default payment method or a given one; 402 if the bank refuses."""
    only(params, "payment_method", "off_session")
    invoice = account.find("invoice", path["id"])
    if invoice["status"] == "paid":
        raise ApiError(400, "Invoice is already paid")
    if invoice["status"] not in ("draft", "open"):
        raise ApiError(400, f"Invoices with status {invoice['status']} cannot be paid.", code="invoice_not_editable")
    if invoice["status"] == "draft":
        invoices.finalise(account, invoice)
    chosen = params.get("payment_method")
    method = account.find("payment_method", chosen, "payment_method", 400) if chosen else None
    intent = collection.collect(account, invoice, present=params.get("off_session") is False, method=method)
    if intent and intent["status"] not in ("succeeded", "processing"):
        raise payments.refusal(intent)
    return invoice


@endpoint(routes, "POST", "/v1/invoices/{id}/void", declared.InvoiceVoidInvoiceParams)
def void(account: Account, _: Params, path: Path) -> Object:
    """Void the invoice: nobody owes it any more."""
    invoice = account.find("invoice", path["id"])
    if invoice["status"] != "open":
        raise ApiError(
            400, f"You can only pass in open invoices. This invoice isn't open (it's {invoice['status']})."
        )
    invoices.void(account, invoice)
    return invoice


@endpoint(routes, "GET", "/v1/invoice_payments", declared.InvoicePaymentListParams)
def show_payments(account: Account, params: Params, _: Path) -> Object:
    """Return which PaymentIntent pays which invoice."""
    only(params, "invoice", "payment", "status", "created", "limit", "starting_after", "ending_before")
    intent = params.get("payment", {}).get("payment_intent")
    found = [
        one
        for one in account.all("invoice_payment")
        if params.get("invoice", one["invoice"]) == one["invoice"]
        and params.get("status", one["status"]) == one["status"]
        and intent in (None, one["payment"]["payment_intent"])
    ]
    return page(params, found, "/v1/invoice_payments")


def _check_customer(account: Account, params: Params) -> None:
    """Raise `ApiError` for a customer that is named and not there."""
    if "customer" in params:
        account.find("customer", params["customer"], "customer", 400)


def _wanted(one: Object, params: Params) -> bool:
    status = params.get("status")
    prices = [item["price"]["id"] for item in one["items"]["data"]]
    in_status = one["status"] not in _LAPSED if status is None else status in ("all", one["status"])
    ended = status == "ended" and one["status"] in _LAPSED
    mine = params.get("customer", one["customer"]) == one["customer"]
    return mine and (in_status or ended) and params.get("price", prices[0]) in prices


def _changeable(account: Account, identifier: str, params: Params) -> Object:
    subscription = account.find("subscription", identifier)
    if subscription["status"] in _LAPSED and params.keys() - {"metadata", "cancellation_details"}:
        text = "A canceled subscription can only update its cancellation_details and metadata."
        raise ApiError(400, text)
    return subscription


def _update_plain(account: Account, subscription: Object, params: Params) -> None:
    chosen = params.get("default_payment_method")
    if chosen:
        account.find("payment_method", chosen, "default_payment_method", 400)
    plain: dict[str, Any] = {
        name: params[name] for name in ("description", "default_payment_method") if name in params
    }
    if "metadata" in params:
        plain["metadata"] = merged(subscription["metadata"], params["metadata"])
    with account.changing(subscription):
        subscription.update(plain)


def _change_seats(account: Account, subscription: Object, wanted: list[dict[str, Any]], params: Params) -> None:
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if behaviour not in ("allow_incomplete", "error_if_incomplete"):
        raise ApiError(400, f"The emulated Stripe does not know payment_behavior '{behaviour}'.")
    proration = params.get("proration_behavior", "create_prorations")
    or_fail = behaviour == "error_if_incomplete"
    subscriptions.change_seats(account, subscription, wanted, proration, or_fail=or_fail)


def _item(account: Account, identifier: str) -> tuple[Object, Object]:
    """Return the subscription and the item of that id. Raise `ApiError`."""
    for subscription in account.all("subscription"):
        for item in subscription["items"]["data"]:
            if item["id"] == identifier:
                return subscription, item
    raise missing("subscription_item", identifier)
