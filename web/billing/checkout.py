"""Checkout: choose seats, enter the business details, then pay on Stripe's page.

Nothing is activated here: the page after payment waits for Stripe's webhook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import structlog
from aiohttp import web

from db.queries.rate_limits import Limit
from provisioning.billing import customers
from provisioning.billing.seats import SeatError, check
from provisioning.numbers.bundles import reasons_of
from provisioning.stripe.api import MOST_SEATS, Checkout, Purchase, StripeError
from web.billing import checkout_rules
from web.billing.checkout_rules import BundleState
from web.config import SETTINGS
from web.organisation import details as organisation_details
from web.organisation.details import Details
from web.people.sign_up_link import SEATS, seats
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import ForbiddenError, NotFoundError, UnavailableError
from web.request.forms import field, uuid_field
from web.request.price import Price
from web.request.render import render
from web.resources import DATABASE, STRIPE

CHECKOUTS = Limit("checkout", count=10, seconds=10 * 60)  # of one organisation
RETURNS = Limit("checkout success", count=60, seconds=10 * 60)
_SESSION = re.compile(r"cs_[0-9A-Za-z_]{1,250}")
_NOT_YOURS = "Only owners of your organisation can pay. Ask one of them."
_CLOSED = "Payment is not available yet. Nothing is charged."
_SILENT = "Stripe, our payment provider, is not responding right now. Please try again in a moment."
_LIMITED = "Too many attempts. Nothing was charged. Please wait a few minutes, then try again."

routes = web.RouteTableDef()
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was sent."""

    seats: str
    details: Details
    key: UUID


@dataclass(frozen=True, slots=True)
class Order:
    """A valid form."""

    seats: int
    agents: int
    customer: str
    key: UUID


async def payer(request: web.Request) -> Viewer:
    """Return the viewer, who may pay. Raise `ForbiddenError`, or `UnavailableError` if Stripe is not set up."""
    try:
        viewer = await access.require(request, "billing")
    except ForbiddenError as error:
        asker = await access.current(request)
        raise error if asker is None or asker.may("billing") else ForbiddenError(_NOT_YOURS) from None
    if not request.app[SETTINGS].stripe_is_set:
        raise UnavailableError(_CLOSED)
    return viewer


def refused(error: StripeError) -> str:
    """Log ``error`` and return the sentence for the owner."""
    _log.warning("stripe request refused", error=str(error), code=error.code)
    return _SILENT if error.retryable else f"Stripe, our payment provider, did not accept this: {error}"


@routes.get("/checkout")
async def form(request: web.Request) -> web.StreamResponse:
    """Show the checkout form."""
    viewer = await payer(request)
    async with access.rows(request, viewer) as rows:
        subscribed = checkout_rules.is_subscribed(rows.organisation, await rows.subscription())
    if subscribed:
        raise web.HTTPSeeOther("/billing")
    return await _page(request, viewer)


@routes.post("/checkout")
async def pay(request: web.Request) -> web.StreamResponse:
    """Store the business details, then redirect to Stripe; or show what is wrong or still pending."""
    viewer = await payer(request)
    typed = await _typed(request, viewer)
    await limits.hit(
        request,
        CHECKOUTS,
        str(viewer.organisation_id),
        lambda _: _page(request, viewer, typed=typed, wrong={"form": _LIMITED}),
    )
    async with access.rows(request, viewer) as rows:
        wrong, bundle = await _note(rows, typed, platform=request.app[SETTINGS].has_platform_bundle)
    if wrong:
        return await _page(request, viewer, status=400, typed=typed, wrong=wrong)
    if not checkout_rules.may_pay(bundle):
        raise web.HTTPSeeOther(f"/checkout?seats={typed.seats}")
    try:
        where = await _to_stripe(request, viewer, typed)
    except StripeError as error:
        return await _page(request, viewer, status=503, typed=typed, wrong={"form": refused(error)})
    raise web.HTTPSeeOther(where)


@routes.get("/checkout/success")
async def success(request: web.Request) -> web.StreamResponse:
    """Show the return page from Stripe, which waits for the webhook and then continues."""
    viewer = await payer(request)
    await limits.hit(request, RETURNS, str(viewer.organisation_id))
    checkout = await _checkout(request, viewer)
    async with access.rows(request, viewer) as rows:
        state = checkout_rules.payment_state(rows.organisation, await rows.subscription())
        subscribed = checkout_rules.is_subscribed(rows.organisation, await rows.subscription())
    if state == "ready" and checkout.is_complete:
        raise web.HTTPSeeOther("/onboarding")
    if subscribed and not checkout.is_complete:  # there is another subscription already
        raise web.HTTPSeeOther("/billing")
    return render(request, "billing/checkout_success.html", state=state, checkout=checkout)


@routes.get("/checkout/standing")
async def state(request: web.Request) -> web.StreamResponse:
    """Return the state of payment and regulatory bundle as JSON. A waiting page reloads when it changes."""
    viewer = await payer(request)
    async with access.rows(request, viewer) as rows:
        state = checkout_rules.payment_state(rows.organisation, await rows.subscription())
        filed = await rows.ordering.bundle()
    bundle = checkout_rules.bundle_state(filed, platform=request.app[SETTINGS].has_platform_bundle)
    return web.json_response({"payment": state, "papers": bundle})


async def _typed(request: web.Request, viewer: Viewer) -> Typed:
    key = await uuid_field(request, "key")
    sent = {name: await field(request, name) for name in organisation_details.BUNDLE_FIELDS}
    details = organisation_details.read_details({"name": viewer.organisation, **sent})
    return Typed(seats=(await field(request, "seats")).strip(), details=details, key=key)


async def _note(rows: Rows, typed: Typed, *, platform: bool) -> tuple[dict[str, str], BundleState]:
    """Store unknown details and file the bundle. Return the problems by field, and the state of the bundle."""
    wrong = _seats_problem(typed.seats, await rows.members.with_role("agent"))
    known = organisation_details.details_of(rows.organisation)
    if not known.is_complete:
        wrong |= {
            name: problem
            for name, problem in organisation_details.problems(typed.details).items()
            if name in organisation_details.BUNDLE_FIELDS
        }
        if not any(typed.details.bundle_values):
            wrong["legal_name"] = "Enter the business details: numbers are only rented to identified businesses."
    bundle = checkout_rules.bundle_state(await rows.ordering.bundle(), platform=platform)
    if "seats" not in wrong:
        rows.organisation.seats_wanted = seats(typed.seats)
    if wrong:
        return wrong, bundle
    if not known.is_complete:
        await _store(rows, known, typed.details)
    if bundle in ("unfiled", "filing"):
        await rows.ordering.file_bundle()
        bundle = "filing"
    return {}, bundle


async def _store(rows: Rows, known: Details, details: Details) -> None:
    organisation_details.store_bundle_fields(rows.organisation, details)
    await rows.audit.record("details.changed", details.changes(known))


def _seats_problem(typed: str, agents: int) -> dict[str, str]:
    try:
        check(seats(typed) or 0, agents)
    except SeatError as error:
        return {"seats": str(error)}
    return {}


async def _to_stripe(request: web.Request, viewer: Viewer, typed: Typed) -> str:
    """Return the URL to redirect to: Stripe's page, or billing if there is a subscription. Raise `StripeError`."""
    stripe, wanted = request.app[STRIPE], seats(typed.seats)
    assert wanted is not None, "looked at before"
    database, whose = request.app[DATABASE], viewer.organisation_id
    async with access.rows(request, viewer) as rows:
        owner = await rows.members.get(viewer.member_id)
        assert owner is not None, "who is signed in is a member"
        agents = await rows.members.with_role("agent")
    customer = await customers.ensure(database, stripe, whose, owner.email)
    try:
        checkout = await _opened(request, viewer, Order(wanted, agents, customer, typed.key))
    except StripeError as error:
        if not error.is_customer_gone:
            raise
        customer = await customers.replace(database, stripe, whose, owner.email, gone=customer)
        checkout = await _opened(request, viewer, Order(wanted, agents, customer, typed.key))
    if checkout is None:
        return "/billing"
    try:
        await stripe.close_other_checkouts(customer, checkout.id)
    except StripeError as error:  # closing them only guards against paying twice
        _log.warning("checkouts left open", error=str(error), code=error.code)
    async with access.rows(request, viewer) as rows:
        await rows.audit.record("checkout.begun", {"seats": wanted})
    return checkout.url or f"/checkout/success?session_id={checkout.id}"


async def _opened(request: web.Request, viewer: Viewer, order: Order) -> Checkout | None:
    """Open a Checkout Session for ``order``; return None if there is a subscription already. Raise `StripeError`."""
    stripe = request.app[STRIPE]
    if any(one.is_alive or one.is_under_way for one in await stripe.subscriptions(order.customer)):
        return None
    return await stripe.create_checkout(_purchase(request, viewer, order))


def _purchase(request: web.Request, viewer: Viewer, order: Order) -> Purchase:
    here = f"{request.app[SETTINGS].web_public_url}/checkout"
    return Purchase(
        organisation_id=viewer.organisation_id,
        customer=order.customer,
        seats=order.seats,
        success_url=f"{here}/success?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{here}?seats={order.seats}&left=1",
        key=str(order.key),
        least=max(1, order.agents),
    )


async def _checkout(request: web.Request, viewer: Viewer) -> Checkout:
    """Return the Checkout Session that the query names. Raise `NotFoundError` if it is not this organisation's."""
    identifier = request.query.get("session_id", "")
    if not _SESSION.fullmatch(identifier):
        raise NotFoundError
    try:
        found = await request.app[STRIPE].checkout(identifier)
    except StripeError as error:
        raise UnavailableError(refused(error)) from None
    if found is None or found.organisation_id != viewer.organisation_id:
        raise NotFoundError
    return found


async def _page(
    request: web.Request,
    viewer: Viewer,
    *,
    status: int = 200,
    typed: Typed | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    async with access.rows(request, viewer) as rows:
        known, chosen = organisation_details.details_of(rows.organisation), rows.organisation.seats_wanted
        agents, bundle = await rows.members.with_role("agent"), await rows.ordering.bundle()
    state = checkout_rules.bundle_state(bundle, platform=request.app[SETTINGS].has_platform_bundle)
    return render(
        request,
        "billing/checkout.html",
        status=status,
        known=known.is_complete,
        details=known if known.is_complete or typed is None else typed.details,
        bundle=state,
        reasons=reasons_of(bundle) if bundle is not None and state == "rejected" else [],
        wrong=wrong or {},
        **_seats(request, typed, chosen, agents),
    )


def _seats(request: web.Request, typed: Typed | None, chosen: int | None, agents: int) -> dict[str, Any]:
    """Return the seats shown in the form: as typed, else from the query, else as ``chosen`` before.

    A choice that is too low by now is kept, and the form says that it is too low.
    """
    least = max(1, agents)
    asked = seats(request.query.get("seats", "")) or chosen or max(SEATS, least)
    shown = typed.seats if typed is not None else str(asked)
    return {
        "seats": shown,
        "agents": agents,
        "least": least,
        "most": MOST_SEATS,
        "price": Price(request.app[SETTINGS].seat_price_cents),
        "total": Price(request.app[SETTINGS].seat_price_cents).times(seats(shown) or least),
        "left": "left" in request.query,
        "key": str(uuid4()),
        "organisation_details": organisation_details,
        "bundle_words": checkout_rules.BUNDLE_WORDS,
        "may_pay": checkout_rules.may_pay,
    }
