"""Checkout as a person sees it: ``/c/pay/{session}``."""

from __future__ import annotations

from aiohttp import web

from sandbox.stripe.account import Account, Object
from sandbox.stripe.api.framework import STATE
from sandbox.stripe.billing import checkout_sessions, purchase
from sandbox.stripe.billing.purchase import STATES, Filled, FillError
from sandbox.stripe.pages.layout import form, render

routes = web.RouteTableDef()
_AUSTRALIA: Object = {"address": {"country": "AU"}}  # the default country


@routes.get("/c/pay/{checkout}")
async def show(request: web.Request) -> web.Response:
    """Return the order and the form; or that it is over."""
    account = request.app[STATE].account
    checkout = _checkout(account, request)
    return _page(account, checkout, _known(account, checkout))


@routes.post("/c/pay/{checkout}")
async def submit(request: web.Request) -> web.Response:
    """Change the quantity, or purchase and go on to ``success_url``."""
    account, fields = request.app[STATE].account, await form(request)
    checkout = _checkout(account, request)
    filled = _filled(fields)
    account.dirty = True
    try:
        if fields.get("do") == "update":
            purchase.choose_quantity(account, checkout, filled.quantity or 0)
            return _page(account, checkout, filled)
        purchase.complete(account, checkout, filled)
    except FillError as error:
        return _page(account, checkout, filled, error)
    raise web.HTTPSeeOther(checkout["success_url"].replace("{CHECKOUT_SESSION_ID}", checkout["id"]))


def _checkout(account: Account, request: web.Request) -> Object:
    found = account.objects.get(request.match_info["checkout"])
    if found is None or found["object"] != "checkout.session":
        raise web.HTTPNotFound
    return found


def _filled(fields: dict[str, str]) -> Filled:
    names = ("instrument", "email", "name", "abn", "line1", "city", "state", "postal_code")
    given = {name: fields[name].strip() for name in names if name in fields}
    quantity = fields.get("quantity", "")
    number = int(quantity) if quantity.isascii() and quantity.isdecimal() and len(quantity) < 8 else None
    return Filled(**given, quantity=number)


def _known(account: Account, checkout: Object) -> Filled:
    """Return what need not be typed again."""
    customer = account.objects.get(checkout["customer"] or "", {})
    place = {name: value for name, value in (customer.get("address") or {}).items() if value}
    fields = {name: place[name] for name in ("line1", "city", "state", "postal_code") if name in place}
    email = customer.get("email") or checkout["customer_email"] or ""
    abns = account.all("tax_id", customer=checkout["customer"], type="au_abn")
    return Filled(email=email, name=customer.get("name") or "", abn=abns[0]["value"] if abns else "", **fields)


def _page(account: Account, checkout: Object, filled: Filled, error: FillError | None = None) -> web.Response:
    if checkout["status"] != "open":
        return render(account, "checkout_over.html", status=410, checkout=checkout)
    checkout_sessions.add_up(account, checkout, _AUSTRALIA)
    items = account.note(checkout["id"])["items"]
    trial = account.note(checkout["id"])["subscription"].get("trial_period_days")
    return render(
        account,
        "checkout.html",
        status=400 if error else 200,
        checkout=checkout,
        items=items,
        filled=filled,
        states=STATES,
        error=error or "",
        decline_code=error.decline_code if error else "",
        trial=trial,
    )
