"""What stands in the account: prices, registrations, endpoints, events, and money that has moved."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from stripe import params as declared
from stripe.params import tax

from sandbox.stripe.account import Account, Object, blank
from sandbox.stripe.api.framework import Path, endpoint, only, page
from sandbox.stripe.api.parameters import Params
from sandbox.stripe.billing import payments
from sandbox.stripe.errors import missing

routes = web.RouteTableDef()
_PAGING = ("created", "limit", "starting_after", "ending_before")


def _readable(path: str, kind: str, one: Any, many: Any, *filters: str) -> None:
    """Offer ``path`` (a list, filtered by equal fields) and ``path/{id}``."""

    @endpoint(routes, "GET", path, many)
    def show_all(account: Account, params: Params, _: Path) -> Object:
        only(params, *_PAGING, *filters)
        fields = {name: params[name] for name in filters if params.get(name, "all") != "all"}
        return page(params, account.all(kind, **fields), path)

    @endpoint(routes, "GET", f"{path}/{{id}}", one)
    def show(account: Account, _: Params, place: Path) -> Object:
        return account.find(kind, place["id"])


_readable("/v1/products", "product", declared.ProductRetrieveParams, declared.ProductListParams, "active")
_readable(
    "/v1/prices",
    "price",
    declared.PriceRetrieveParams,
    declared.PriceListParams,
    "active",
    "product",
    "currency",
    "type",
)
_readable(
    "/v1/tax/registrations", "tax.registration", tax.RegistrationRetrieveParams, tax.RegistrationListParams, "status"
)
_readable(
    "/v1/webhook_endpoints",
    "webhook_endpoint",
    declared.WebhookEndpointRetrieveParams,
    declared.WebhookEndpointListParams,
)
_readable(
    "/v1/payment_intents",
    "payment_intent",
    declared.PaymentIntentRetrieveParams,
    declared.PaymentIntentListParams,
    "customer",
)
_readable(
    "/v1/charges", "charge", declared.ChargeRetrieveParams, declared.ChargeListParams, "customer", "payment_intent"
)
_readable(
    "/v1/refunds", "refund", declared.RefundRetrieveParams, declared.RefundListParams, "charge", "payment_intent"
)
_readable(
    "/v1/disputes", "dispute", declared.DisputeRetrieveParams, declared.DisputeListParams, "charge", "payment_intent"
)


@endpoint(routes, "POST", "/v1/refunds", declared.RefundCreateParams)
def refund(account: Account, params: Params, _: Path) -> Object:
    """Give money back, by charge or by payment intent."""
    only(params, "charge", "payment_intent", "amount", "reason", "metadata")
    identifier = params.get("charge")
    if "payment_intent" in params:
        intent = account.find("payment_intent", params["payment_intent"], "payment_intent", 400)
        identifier = intent["latest_charge"]
    charge = account.find("charge", identifier, "charge", 400)
    made = payments.refund(account, charge, params.get("amount"), params.get("reason"))
    made["metadata"] = params.get("metadata") or {}
    return made


@endpoint(routes, "GET", "/v1/tax/settings", tax.SettingsRetrieveParams)
def tax_settings(account: Account, _: Params, __: Path) -> Object:
    """Return where the head office is, and what is sold."""
    settings = blank("tax.settings")
    if not account.settings.head_office:
        details = {"pending": {"missing_fields": ["head_office"]}}
        settings |= {"head_office": None, "status": "pending", "status_details": details}
    return settings


@endpoint(routes, "GET", "/v1/events", declared.EventListParams)
def show_events(account: Account, params: Params, _: Path) -> Object:
    """Return events, by kind (``types``, or ``type`` with ``*``)."""
    only(params, "type", "types", *_PAGING)
    kinds = params.get("types", [params["type"]] if "type" in params else [])
    found = [one for one in account.events.values() if not kinds or any(_is(one["type"], kind) for kind in kinds)]
    return page(params, found, "/v1/events")


@endpoint(routes, "GET", "/v1/events/{id}", declared.EventRetrieveParams)
def show_event(account: Account, _: Params, path: Path) -> Object:
    """Return one event, as it was."""
    if path["id"] not in account.events:
        raise missing("event", path["id"])
    return account.events[path["id"]]


def _is(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted.endswith("*") and kind.startswith(wanted[:-1]))
