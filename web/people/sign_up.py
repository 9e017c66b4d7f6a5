"""Sign-up: a form, a mail that proves the address, then a new organisation whose owner continues to checkout.

The answer does not reveal whether the address belongs to a member: a member gets a sign-in link by mail instead.
Opening the mailed link creates nothing, because mail scanners open links; a button does. The link works once: after
that, its address belongs to a member.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from aiohttp import web

from db.queries.members import AddressTakenError
from provisioning.mail import queue
from web.config import SETTINGS
from web.people.public_pages import facts
from web.people.sign_up_link import (
    FIELDS,
    LIFETIME_SECONDS,
    SEATS,
    SignUp,
    problems,
    read_sign_up,
    seal,
    seats,
    unseal,
)
from web.request import access, limits, session as request_session
from web.request.errors import UnavailableError
from web.request.forms import check_own_page, field
from web.request.render import render
from web.request.typed import tidy
from web.resources import DATABASE

_LIMITED = "Too many attempts. Please wait a few minutes, then try again."
_CLOSED = "Sign-up is not available yet."

routes = web.RouteTableDef()


@routes.get("/sign-up")
async def ask(request: web.Request) -> web.StreamResponse:
    """Show the form; a signed-in member is redirected to checkout or to the console."""
    wanted = seats(request.query.get("seats", "")) or SEATS
    viewer = await access.current(request)
    if viewer is not None:
        raise web.HTTPSeeOther(f"/checkout?seats={wanted}" if viewer.may("billing") else "/console")
    return await _form(request, {"seats": str(wanted)})


@routes.post("/sign-up")
async def send(request: web.Request) -> web.StreamResponse:
    """Mail a link to the address. The answer does not say whether it is a member's."""
    _check_ours(request)
    sent = {name: await field(request, name) for name in FIELDS}
    typed = {name: text.strip() if name == "email" else tidy(text) for name, text in sent.items()}
    wrong = problems(typed)
    if wrong:
        return await _form(request, typed, wrong)
    who, network = read_sign_up(typed), limits.network(request)
    await limits.hit(request, limits.SIGN_UP_NETWORK, network, lambda _: _form(request, typed, {"form": _LIMITED}))
    await _ask_for_mail(request.app, who, network)
    return render(request, "people/sign_up/sent.html", email=who.email)


@routes.get("/sign-up/{token:[^/]+}")
async def look(request: web.Request) -> web.StreamResponse:
    """Show what the link creates, with the button that does it."""
    who = _whose(request)
    if who is None:
        return await _invalid_link(request)
    await access.current(request)  # so that a signed-in member is warned
    return render(request, "people/sign_up/begin.html", who=who)


@routes.post("/sign-up/{token:[^/]+}")
async def begin(request: web.Request) -> web.StreamResponse:
    """Create the organisation, sign its owner in, and redirect to checkout.

    Another member who is signed in here is signed out, if the form came from that member's own page (CSRF token).
    """
    _check_ours(request)
    who = _whose(request)
    if who is None:
        return await _invalid_link(request)
    viewer, sign_in = await access.current(request), request_session.read(request)
    if viewer is not None and sign_in is not None:
        await request_session.check_csrf(request, sign_in)
    try:
        owner = await access.found(
            request, organisation=who.organisation, name=who.name, email=who.email, seats=who.seats
        )
    except AddressTakenError:
        return await _invalid_link(request, email=who.email)
    answer = web.HTTPSeeOther(f"/checkout?seats={who.seats}")
    request_session.begin(answer, request.app[SETTINGS], owner.id)
    raise answer


def _check_ours(request: web.Request) -> None:
    """Raise unless the form is our own and sign-up is open."""
    check_own_page(request)
    if not request.app[SETTINGS].stripe_is_set:
        raise UnavailableError(_CLOSED)


async def _form(
    request: web.Request, typed: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> web.Response:
    known = facts(request.app) | {"typed": typed, "problems": wrong or {}, "seats": seats(typed["seats"])}
    return render(request, "people/sign_up/sign_up.html", status=400 if wrong else 200, **known)


async def _invalid_link(request: web.Request, email: str | None = None) -> web.Response:
    """Render the page for an invalid link. Raise `TooManyError` if many of them were tried."""
    await limits.hit_dead_link(request)
    return render(request, "people/sign_up/over.html", status=410, email=email)


def _whose(request: web.Request) -> SignUp | None:
    secrets = request.app[SETTINGS].session_secret.accepted
    return unseal(request.match_info["token"], secrets, int(time.time()))


async def _ask_for_mail(app: web.Application, who: SignUp, network: str) -> None:
    """Ask for the mail with the link. `provisioning.mail.links` decides what a member gets instead."""
    settings = app[SETTINGS]
    token = seal(who, settings.session_secret.get_secret_value(), int(time.time()))
    facts = {
        "email": who.email,
        "network": network,
        "url": f"{settings.web_public_url}/sign-up/{token}",
        "minutes": str(LIFETIME_SECONDS // 60),
    }
    async with app[DATABASE].begin() as session:
        await queue.put(session, "sign_up", facts)
