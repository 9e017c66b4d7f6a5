"""The billing portal (``/p/session/…``) and invoices (``/i/…``) as a person sees them."""

from __future__ import annotations

from aiohttp import web

from sandbox.stripe.account import Account, Object
from sandbox.stripe.api.framework import STATE
from sandbox.stripe.billing import collection, lifecycle, payments
from sandbox.stripe.billing.payment_methods import INSTRUMENTS
from sandbox.stripe.errors import ApiError
from sandbox.stripe.pages.invoice_pdf import invoice_pdf
from sandbox.stripe.pages.layout import form, render

routes = web.RouteTableDef()


@routes.get("/p/session/{secret}")
async def portal(request: web.Request) -> web.Response:
    """Plan, payment method, invoices."""
    account = request.app[STATE].account
    return _portal(account, _session(account, request))


@routes.post("/p/session/{secret}")
async def change(request: web.Request) -> web.Response:
    """Change what ``do`` names: card (with ``instrument``), cancel, resume (with ``subscription``)."""
    account, fields = request.app[STATE].account, await form(request)
    session = _session(account, request)
    account.dirty = True
    if fields.get("do") == "card":
        if complaint := _change_card(account, session["customer"], fields.get("instrument", "")):
            return _portal(account, session, complaint)
    else:
        _change_end(account, session["customer"], fields)
    raise web.HTTPSeeOther(request.path)


@routes.get("/i/{invoice}")
async def show_invoice(request: web.Request) -> web.Response:
    """Show lines, GST, and a way to pay if it is open."""
    account = request.app[STATE].account
    return _invoice(account, _find(account, request))


@routes.post("/i/{invoice}")
async def pay_invoice(request: web.Request) -> web.Response:
    """Pay it, with another card if ``instrument`` names one."""
    account, fields = request.app[STATE].account, await form(request)
    invoice = _find(account, request)
    account.dirty = True
    if invoice["status"] != "open":
        raise web.HTTPSeeOther(request.path)
    if fields.get("instrument") in INSTRUMENTS:
        customer = account.find("customer", invoice["customer"])
        payments.replace(account, customer, INSTRUMENTS[fields["instrument"]])
    try:
        intent = collection.collect(account, invoice, present=True)
    except ApiError as error:
        return _invoice(account, invoice, str(error))
    if intent and intent["last_payment_error"]:
        return _invoice(account, invoice, intent["last_payment_error"]["message"])
    raise web.HTTPSeeOther(request.path)


@routes.get("/i/{invoice}/pdf")
async def print_invoice(request: web.Request) -> web.Response:
    """Return the same as a PDF."""
    account = request.app[STATE].account
    invoice = _find(account, request)
    name = f'attachment; filename="Invoice-{invoice["number"]}.pdf"'
    body = invoice_pdf(account.settings.business, invoice)
    return web.Response(body=body, content_type="application/pdf", headers={"Content-Disposition": name})


def _session(account: Account, request: web.Request) -> Object:
    for session in account.all("billing_portal.session"):
        if session["url"].endswith(f"/{request.match_info['secret']}"):
            return session
    raise web.HTTPNotFound


def _find(account: Account, request: web.Request) -> Object:
    found = account.objects.get(request.match_info["invoice"])
    if found is None or found["object"] != "invoice" or found["status"] == "draft":
        raise web.HTTPNotFound
    return found


def _change_card(account: Account, identifier: str, key: str) -> str:
    """Change the card. Return why not, or empty."""
    if key not in INSTRUMENTS:
        return "Choose how to pay."
    if refused := INSTRUMENTS[key].first:
        return f"{refused.text} Try another card, or ask your bank."
    payments.replace(account, account.find("customer", identifier), INSTRUMENTS[key])
    return ""


def _change_end(account: Account, customer: str, fields: dict[str, str]) -> None:
    for subscription in account.all("subscription", customer=customer, id=fields.get("subscription")):
        if subscription["status"] != "canceled":
            lifecycle.cancel_later(account, subscription, fields.get("do") == "cancel")


def _portal(account: Account, session: Object, error: str = "") -> web.Response:
    customer = account.find("customer", session["customer"])
    invoices = [one for one in account.all("invoice", customer=customer["id"]) if one["status"] != "draft"]
    return render(
        account,
        "portal.html",
        status=400 if error else 200,
        session=session,
        customer=customer,
        tax_ids=account.all("tax_id", customer=customer["id"]),
        subscriptions=list(reversed(account.all("subscription", customer=customer["id"]))),
        method=payments.default_method(account, customer),
        invoices=list(reversed(invoices)),
        error=error,
        period_end=lifecycle.period_end,
    )


def _invoice(account: Account, invoice: Object, error: str = "") -> web.Response:
    status = 402 if error else 200
    return render(account, "invoice.html", status=status, invoice=invoice, error=error)
