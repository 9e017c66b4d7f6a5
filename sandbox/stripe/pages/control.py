"""The sandbox's own page of the emulated Stripe, ``/``: who has bought what, the clock, and what should fail.

Each button posts to ``/sandbox/…`` and comes back; ``/sandbox/state`` says the same as JSON. None of it is Stripe's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.stripe.account import Account, Object
from sandbox.stripe.api.framework import STATE
from sandbox.stripe.billing import collection, lifecycle, payments
from sandbox.stripe.billing.clock import Clock
from sandbox.stripe.billing.payment_methods import INSTRUMENTS
from sandbox.stripe.errors import ApiError
from sandbox.stripe.pages.layout import form, render, style
from sandbox.stripe.webhooks import Webhooks

CLOCK = web.AppKey("stripe_clock", Clock)
WEBHOOKS = web.AppKey("stripe_webhooks", Webhooks)
MOST_DAYS = 400.0
SHOWN = 30

routes = web.RouteTableDef()


@routes.get("/")
async def page(request: web.Request) -> web.Response:
    """Return customers with their subscriptions and invoices, the clock, deliveries."""
    return render(request.app[STATE].account, "control.html", **_shown(request.app))


@routes.get("/sandbox/state")
async def state(request: web.Request) -> web.Response:
    """Return what the page shows."""
    shown = _shown(request.app)
    shown["manner"] = asdict(shown["manner"])
    return web.json_response(shown)


@routes.get("/stripe.css")
async def css(_: web.Request) -> web.Response:
    """Return the style of all pages."""
    return style()


@routes.get("/favicon.ico")
async def favicon(_: web.Request) -> web.Response:
    """Return no icon, without a complaint in the browser's console."""
    return web.Response(status=204)


@routes.post("/sandbox/clock")
async def move(request: web.Request) -> web.Response:
    """Move the clock ``days`` and ``hours`` forward, or past the end of the period of ``subscription``."""
    clock, fields = request.app[CLOCK], await form(request)
    account = request.app[STATE].account
    account.dirty = True
    try:
        if "subscription" in fields:
            clock.to_renewal(account.find("subscription", fields["subscription"]))
        else:
            clock.advance(days=_number(fields, "days", MOST_DAYS), hours=_number(fields, "hours", MOST_DAYS * 24))
    except (ValueError, ApiError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    raise web.HTTPSeeOther("/")


@routes.post("/sandbox/manner")
async def behave(request: web.Request) -> web.Response:
    """Send webhooks twice (``duplicate``, a probability) or jumbled (``reorder``, on or nothing)."""
    manner, fields = request.app[STATE].account.settings.manner, await form(request)
    try:
        manner.duplicate = _number(fields, "duplicate", 1.0)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    manner.reorder = fields.get("reorder") == "on"
    raise web.HTTPSeeOther("/")


@routes.post("/sandbox/events/{id}/resend")
async def resend(request: web.Request) -> web.Response:
    """Deliver an event once more."""
    event = request.app[STATE].account.events.get(request.match_info["id"])
    if event is None:
        raise web.HTTPNotFound
    request.app[WEBHOOKS].send(event)
    raise web.HTTPSeeOther("/")


@routes.post("/sandbox/{kind}/{id}/{do}")
async def act(request: web.Request) -> web.Response:
    """Do one of `ACTS` to one object."""
    account = request.app[STATE].account
    kind, do = request.match_info["kind"], request.match_info["do"]
    if (kind, do) not in ACTS:
        raise web.HTTPNotFound
    fields = await form(request)
    account.dirty = True
    try:
        ACTS[kind, do](account, account.find(kind, request.match_info["id"]), fields)
    except ApiError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    raise web.HTTPSeeOther("/")


def _fail_next(account: Account, customer: Object, _: dict[str, str]) -> None:
    account.note(customer["id"])["fail_next"] = 1


def _give_card(account: Account, customer: Object, fields: dict[str, str]) -> None:
    if fields.get("instrument") not in INSTRUMENTS:
        raise ApiError(400, "no such card")
    payments.replace(account, customer, INSTRUMENTS[fields["instrument"]])


def _clear(account: Account, intent: Object, _: dict[str, str]) -> None:
    collection.settle(account, intent, clears=True)


def _bounce(account: Account, intent: Object, _: dict[str, str]) -> None:
    collection.settle(account, intent, clears=False)


def _cancel(account: Account, subscription: Object, _: dict[str, str]) -> None:
    if subscription["status"] != "canceled":
        lifecycle.end(account, subscription)


Act = Callable[[Account, Object, dict[str, str]], Any]
ACTS: dict[tuple[str, str], Act] = {
    ("customer", "fail-next"): _fail_next,
    ("customer", "card"): _give_card,
    ("payment_intent", "clear"): _clear,
    ("payment_intent", "bounce"): _bounce,
    ("subscription", "pause"): lambda account, subscription, _: lifecycle.pause(account, subscription),
    ("subscription", "cancel"): _cancel,
    ("charge", "refund"): lambda account, charge, _: payments.refund(account, charge),
    ("charge", "dispute"): lambda account, charge, _: payments.dispute(account, charge),
}


def _number(fields: dict[str, str], name: str, most: float) -> float:
    """Return a field as a number from 0 to ``most``. Raise `ValueError`."""
    number = float(fields.get(name) or 0)
    if not 0 <= number <= most:
        raise ValueError(f"{name} must be between 0 and {most:g}")
    return number


def _shown(app: web.Application) -> dict[str, Any]:
    account = app[STATE].account
    return {
        "now": account.now(),
        "ahead": account.ahead,
        "customers": [_customer(account, one) for one in reversed(account.all("customer"))][:SHOWN],
        "checkouts": list(reversed(account.all("checkout.session", status="open")))[:SHOWN],
        "debits": account.all("payment_intent", status="processing"),
        "deliveries": [asdict(one) | {"taken": 200 <= one.status < 300} for one in reversed(app[WEBHOOKS].log)][
            :SHOWN
        ],
        "manner": account.settings.manner,
    }


def _customer(account: Account, customer: Object) -> dict[str, Any]:
    identifier = customer["id"]
    method = payments.default_method(account, customer)
    return {
        "id": identifier,
        "name": customer["name"] or customer["email"] or identifier,
        "email": customer["email"],
        "fails_next": account.note(identifier).get("fail_next", 0) > 0,
        "pays_with": account.note(method["id"])["instrument"] if method else None,
        "subscriptions": [
            one | {"period_end": lifecycle.period_end(one)}
            for one in account.all("subscription", customer=identifier)
        ],
        "invoices": list(reversed(account.all("invoice", customer=identifier)))[:SHOWN],
        "charges": list(reversed(account.all("charge", customer=identifier, status="succeeded")))[:SHOWN],
    }
