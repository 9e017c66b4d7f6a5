"""The billing page: state of the subscription and how to fix it, seats, invoices, Stripe's portal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from aiohttp import web

from db.models import Organisation, Subscription
from db.queries.rate_limits import Limit
from provisioning.billing import seats as billing_seats
from provisioning.billing.seats import SeatError, check
from provisioning.stripe.api import MOST_SEATS, Invoice, StripeError
from web.billing import view as billing_view
from web.billing.checkout import payer, refused
from web.billing.view import Change
from web.config import SETTINGS
from web.people.sign_up_link import seats
from web.request import access, forms, limits
from web.request.access import Viewer
from web.request.errors import UnavailableError
from web.request.render import render
from web.resources import DATABASE, STRIPE

REQUESTS = Limit("billing", count=40, seconds=10 * 60)  # per organisation: each is a request to Stripe

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Typed:
    """The seats form as sent: the preview of its cost, or what is wrong with it."""

    seats: str = ""
    change: Change | None = None
    wrong: str = ""
    problem: str = ""
    """What is wrong with the request as a whole."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the page shows."""

    organisation: Organisation
    row: Subscription | None
    agents: int
    invoices: Sequence[Invoice] = field(default_factory=list)
    silent: bool = False
    """Stripe did not answer, so the invoices are unknown."""


@routes.get("/billing")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page; with ``seats`` in the query also what that many would cost."""
    viewer = await payer(request)
    wanted = request.query.get("seats")
    typed = Typed() if wanted is None else await _preview(request, viewer, wanted.strip())
    return await _page(request, viewer, typed, status=400 if typed.wrong else 200)


@routes.post("/billing/seats")
async def change_seats(request: web.Request) -> web.StreamResponse:
    """Change the number of seats."""
    viewer = await payer(request)
    key, wanted = str(await forms.uuid_field(request, "key")), (await forms.field(request, "seats")).strip()
    await limits.hit(
        request,
        REQUESTS,
        str(viewer.organisation_id),
        lambda error: _page(request, viewer, Typed(wanted, problem=str(error))),
    )
    try:
        await _change(request, viewer, seats(wanted) or 0, key)
    except SeatError as error:
        return await _page(request, viewer, Typed(wanted, wrong=str(error)), status=400)
    except StripeError as error:
        problem = f"{refused(error)} Check this page before you try again: the change may have been made."
        return await _page(request, viewer, Typed(wanted, problem=problem), status=503)
    raise web.HTTPSeeOther("/billing#seats")


@routes.post("/billing/portal")
async def portal(request: web.Request) -> web.StreamResponse:
    """Redirect to Stripe's portal: cards, ABN, invoices, cancelling and undoing that."""
    viewer = await payer(request)
    key = str(await forms.uuid_field(request, "key"))
    await limits.hit(request, REQUESTS, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        row = await rows.subscription()
    if row is None or row.stripe_customer_id is None:
        raise web.HTTPSeeOther("/checkout")
    back = f"{request.app[SETTINGS].web_public_url}/billing"
    try:
        where = await request.app[STRIPE].portal(row.stripe_customer_id, back, key)
    except StripeError as error:
        raise UnavailableError(refused(error)) from None
    async with access.rows(request, viewer) as rows:
        await rows.audit.record("portal.opened")
    raise web.HTTPSeeOther(where)


@routes.post("/billing/resume")
async def resume(request: web.Request) -> web.StreamResponse:
    """Resume a paused subscription."""
    viewer = await payer(request)
    key = str(await forms.uuid_field(request, "key"))
    await limits.hit(request, REQUESTS, str(viewer.organisation_id))
    try:
        database, stripe = request.app[DATABASE], request.app[STRIPE]
        await billing_seats.resume(database, stripe, viewer.organisation_id, key, _grace(request))
        async with access.rows(request, viewer) as rows:
            await rows.audit.record("subscription.resumed")
    except SeatError as error:
        return await _page(request, viewer, Typed(problem=str(error)), status=400)
    except StripeError as error:
        return await _page(request, viewer, Typed(problem=refused(error)), status=503)
    raise web.HTTPSeeOther("/billing")


def _grace(request: web.Request) -> timedelta:
    return timedelta(days=request.app[SETTINGS].release_grace_days)


async def _preview(request: web.Request, viewer: Viewer, wanted: str) -> Typed:
    stripe = request.app[STRIPE]
    try:
        await limits.hit(request, REQUESTS, str(viewer.organisation_id))
        async with access.rows(request, viewer) as rows:
            agents = await rows.members.with_role("agent")
        check(seats(wanted) or 0, agents)
        one = await billing_seats.current(request.app[DATABASE], stripe, viewer.organisation_id)
        if one.seats == int(wanted):
            return Typed(wanted)
        now, then = await stripe.preview(one, one.seats), await stripe.preview(one, int(wanted))
    except SeatError as error:
        return Typed(wanted, wrong=str(error))
    except StripeError as error:
        return Typed(wanted, problem=refused(error))
    return Typed(wanted, change=billing_view.change(int(wanted), agents, now, then))


async def _change(request: web.Request, viewer: Viewer, wanted: int, key: str) -> None:
    database, stripe = request.app[DATABASE], request.app[STRIPE]
    before, after = await billing_seats.change_seats(
        database, stripe, viewer.organisation_id, wanted, key, _grace(request)
    )
    if before != after:
        async with access.rows(request, viewer) as rows:
            await rows.audit.record("seats.chosen", {"from": before, "to": after})


async def _found(request: web.Request, viewer: Viewer) -> Found:
    async with access.rows(request, viewer) as rows:
        found = Found(rows.organisation, await rows.subscription(), await rows.members.with_role("agent"))
    if found.row is None or found.row.stripe_customer_id is None:
        return found
    try:
        invoices = await request.app[STRIPE].invoices(found.row.stripe_customer_id)
    except StripeError as error:
        refused(error)
        return Found(found.organisation, found.row, found.agents, silent=True)
    return Found(found.organisation, found.row, found.agents, invoices)


async def _page(request: web.Request, viewer: Viewer, typed: Typed, *, status: int = 200) -> web.Response:
    found = await _found(request, viewer)
    organisation, row = found.organisation, found.row
    bills = billing_view.bills(found.invoices, organisation, row)
    return render(
        request,
        "billing/billing.html",
        status=status,
        state=billing_view.state(organisation, row),
        row=row,
        agents=found.agents,
        least=max(1, found.agents),
        most=MOST_SEATS,
        may_change=billing_view.may_change_seats(organisation, row),
        typed=typed,
        bills=bills,
        to_pay=next((bill for bill in bills if bill.open and bill.page), None),
        silent=found.silent,
        is_customer=row is not None and row.stripe_customer_id is not None,
        key=str(uuid4()),
    )
