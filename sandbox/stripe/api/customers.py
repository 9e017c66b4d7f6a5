"""``/v1/customers`` with their tax ids, and ``/v1/payment_methods``."""

from __future__ import annotations

from aiohttp import web
from stripe import params as declared

from sandbox.stripe.account import Account, Object, token
from sandbox.stripe.api.framework import Path, endpoint, merged, only, page
from sandbox.stripe.api.parameters import Params
from sandbox.stripe.billing import lifecycle, payments
from sandbox.stripe.billing.amounts import is_abn
from sandbox.stripe.billing.checkout_sessions import add_tax_id
from sandbox.stripe.errors import ApiError

routes = web.RouteTableDef()
_PLAIN = ("name", "email", "phone", "description", "preferred_locales", "tax_exempt")
_KNOWN = (*_PLAIN, "address", "metadata", "invoice_settings")
_PLACE = ("city", "country", "line1", "line2", "postal_code", "state")


@endpoint(routes, "POST", "/v1/customers", declared.CustomerCreateParams)
def create(account: Account, params: Params, _: Path) -> Object:
    """Create a customer, with tax ids if they are given."""
    only(params, *_KNOWN, "tax_id_data")
    for one in params.get("tax_id_data", []):
        _check(one)
    customer = account.add("customer", invoice_prefix=token(8).upper())
    _write(account, customer, params)
    account.emit("customer.created", customer)
    for one in params.get("tax_id_data", []):
        add_tax_id(account, customer, one["type"], one["value"])
    return customer


@endpoint(routes, "GET", "/v1/customers", declared.CustomerListParams)
def show_all(account: Account, params: Params, _: Path) -> Object:
    """Return customers, by e-mail if it is given."""
    fields = {"email": params["email"]} if "email" in params else {}
    return page(params, account.all("customer", **fields), "/v1/customers")


@endpoint(routes, "GET", "/v1/customers/{id}", declared.CustomerRetrieveParams)
def show(account: Account, _: Params, path: Path) -> Object:
    """Return one customer."""
    return account.find("customer", path["id"])


@endpoint(routes, "POST", "/v1/customers/{id}", declared.CustomerUpdateParams)
def update(account: Account, params: Params, path: Path) -> Object:
    """Change name, address …"""
    only(params, *_KNOWN)
    customer = account.find("customer", path["id"])
    with account.changing(customer):
        _write(account, customer, params)
    return customer


@endpoint(routes, "DELETE", "/v1/customers/{id}", declared.CustomerDeleteParams)
def delete(account: Account, _: Params, path: Path) -> Object:
    """Delete the customer: "Also immediately cancels any active subscriptions on the customer"."""
    customer = account.find("customer", path["id"])
    for one in account.all("subscription", customer=customer["id"]):
        if one["status"] not in ("canceled", "incomplete_expired"):
            lifecycle.end(account, one)
    del account.objects[customer["id"]]
    account.emit("customer.deleted", customer)
    return {"id": customer["id"], "object": "customer", "deleted": True}


@endpoint(routes, "POST", "/v1/customers/{id}/tax_ids", declared.CustomerTaxIdCreateParams)
def add_tax(account: Account, params: Params, path: Path) -> Object:
    """Add a tax id; an ABN must add up."""
    _check(params)
    return add_tax_id(account, account.find("customer", path["id"]), params["type"], params["value"])


@endpoint(routes, "GET", "/v1/customers/{id}/tax_ids", declared.CustomerTaxIdListParams)
def show_taxes(account: Account, params: Params, path: Path) -> Object:
    """Return a customer's tax ids."""
    customer = account.find("customer", path["id"])["id"]
    return page(params, account.all("tax_id", customer=customer), f"/v1/customers/{customer}/tax_ids")


@endpoint(routes, "DELETE", "/v1/customers/{id}/tax_ids/{tax_id}", declared.CustomerTaxIdDeleteParams)
def drop_tax(account: Account, _: Params, path: Path) -> Object:
    """Delete a tax id."""
    tax_id = account.find("tax_id", path["tax_id"])
    if tax_id["customer"] != path["id"]:
        raise ApiError(404, f"No such tax_id: '{tax_id['id']}'", code="resource_missing", param="id")
    del account.objects[tax_id["id"]]
    account.emit("customer.tax_id.deleted", tax_id)
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}


@endpoint(routes, "GET", "/v1/customers/{id}/payment_methods", declared.CustomerPaymentMethodListParams)
def show_methods(account: Account, params: Params, path: Path) -> Object:
    """Return what a customer may pay with."""
    customer = account.find("customer", path["id"])["id"]
    return page(params, _methods(account, params, customer), f"/v1/customers/{customer}/payment_methods")


@endpoint(routes, "GET", "/v1/payment_methods", declared.PaymentMethodListParams)
def show_all_methods(account: Account, params: Params, _: Path) -> Object:
    """Return what a customer may pay with, asked the other way."""
    customer = account.find("customer", params.get("customer"), "customer", 400)["id"]
    return page(params, _methods(account, params, customer), "/v1/payment_methods")


@endpoint(routes, "GET", "/v1/payment_methods/{id}", declared.PaymentMethodRetrieveParams)
def show_method(account: Account, _: Params, path: Path) -> Object:
    """Return one payment method."""
    return account.find("payment_method", path["id"])


@endpoint(routes, "POST", "/v1/payment_methods/{id}/detach", declared.PaymentMethodDetachParams)
def detach(account: Account, _: Params, path: Path) -> Object:
    """Detach a payment method: "After a PaymentMethod is detached, it can no longer be used"."""
    method = account.find("payment_method", path["id"])
    if method["customer"] is None:
        raise ApiError(400, "The payment method is not attached to a customer, so detachment is impossible.")
    payments.detach(account, method)
    return method


def _methods(account: Account, params: Params, customer: str) -> list[Object]:
    found = account.all("payment_method", customer=customer)
    return [method for method in found if params.get("type", method["type"]) == method["type"]]


def _write(account: Account, customer: Object, params: Params) -> None:
    customer.update({name: params[name] for name in _PLAIN if name in params})
    if "address" in params:
        place = params["address"]
        customer["address"] = dict.fromkeys(_PLACE) | place if place else None
    if "metadata" in params:
        customer["metadata"] = merged(customer["metadata"], params["metadata"])
    chosen = params.get("invoice_settings", {}).get("default_payment_method")
    if chosen:
        account.find("payment_method", chosen, "invoice_settings[default_payment_method]", 400)
        customer["invoice_settings"] = customer["invoice_settings"] | {"default_payment_method": chosen}


def _check(tax_id: Params) -> None:
    if tax_id["type"] == "au_abn" and not is_abn(tax_id["value"]):
        raise ApiError(400, "Invalid value for au_abn.", code="tax_id_invalid", param="value")
