"""``/v1/checkout/sessions`` and ``/v1/billing_portal/sessions``: links that people are sent to."""

from __future__ import annotations

from aiohttp import web
from stripe.params import billing_portal, checkout

from sandbox.stripe.account import Account, Object, token
from sandbox.stripe.api.framework import Path, endpoint, merged, only, page
from sandbox.stripe.api.parameters import Params
from sandbox.stripe.billing import checkout_sessions
from sandbox.stripe.errors import ApiError

routes = web.RouteTableDef()
_KNOWN = (
    *("mode", "line_items", "success_url", "cancel_url", "customer", "customer_email", "client_reference_id"),
    *(
        "automatic_tax",
        "tax_id_collection",
        "customer_update",
        "subscription_data",
        "metadata",
        "locale",
        "expires_at",
    ),
    *("billing_address_collection", "integration_identifier", "ui_mode", "payment_method_collection"),
)


@endpoint(routes, "POST", "/v1/checkout/sessions", checkout.SessionCreateParams)
def create(account: Account, params: Params, _: Path) -> Object:
    """Create a Checkout Session for a subscription."""
    only(params, *_KNOWN)
    if params.get("mode") != "subscription":
        raise ApiError(400, "The emulated Stripe sells subscriptions alone.", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise ApiError(400, "The emulated Stripe has hosted pages alone.", param="ui_mode")
    for name in ("line_items", "success_url"):
        if not params.get(name):
            raise ApiError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    for name in ("success_url", "cancel_url"):
        _check_url(params.get(name), name)
    return checkout_sessions.create(account, params)


@endpoint(routes, "GET", "/v1/checkout/sessions", checkout.SessionListParams)
def show_all(account: Account, params: Params, _: Path) -> Object:
    """Return Checkout Sessions, by customer, subscription or status."""
    only(params, "customer", "subscription", "status", "created", "limit", "starting_after", "ending_before")
    fields = {name: params[name] for name in ("customer", "subscription", "status") if name in params}
    return page(params, account.all("checkout.session", **fields), "/v1/checkout/sessions")


@endpoint(routes, "GET", "/v1/checkout/sessions/{id}", checkout.SessionRetrieveParams)
def show(account: Account, _: Params, path: Path) -> Object:
    """Return one Checkout Session."""
    return account.find("checkout.session", path["id"])


@endpoint(routes, "POST", "/v1/checkout/sessions/{id}", checkout.SessionUpdateParams)
def update(account: Account, params: Params, path: Path) -> Object:
    """Change metadata."""
    only(params, "metadata")
    found = account.find("checkout.session", path["id"])
    found["metadata"] = merged(found["metadata"], params.get("metadata", {}))
    return found


@endpoint(routes, "GET", "/v1/checkout/sessions/{id}/line_items", checkout.SessionLineItemListParams)
def show_items(account: Account, params: Params, path: Path) -> Object:
    """Return what is bought."""
    items = checkout_sessions.line_items(account, account.find("checkout.session", path["id"]))
    return page(params, list(reversed(items["data"])), items["url"])


@endpoint(routes, "POST", "/v1/checkout/sessions/{id}/expire", checkout.SessionExpireParams)
def expire(account: Account, _: Params, path: Path) -> Object:
    """Close it unfinished."""
    return checkout_sessions.expire(account, account.find("checkout.session", path["id"]))


@endpoint(routes, "POST", "/v1/billing_portal/sessions", billing_portal.SessionCreateParams)
def open_portal(account: Account, params: Params, _: Path) -> Object:
    """Make a link to the billing portal, good for one customer."""
    only(params, "customer", "return_url", "locale")
    customer = account.find("customer", params.get("customer"), "customer", 400)
    _check_url(params.get("return_url"), "return_url")
    return account.add(
        "billing_portal.session",
        customer=customer["id"],
        return_url=params.get("return_url"),
        locale=params.get("locale"),
        url=f"{account.url}/p/session/test_{token(32)}",
    )


def _check_url(url: str | None, param: str) -> None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise ApiError(400, "Not a valid URL", code="url_invalid", param=param)
