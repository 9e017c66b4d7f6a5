"""Signing up: a form, a mail to prove the address, and an organisation with its owner, who goes on to pay.

The form gets the same answer whoever the address belongs to: a member's own gets a sign-in link by mail instead.
The link in the mail founds nothing by being looked at, for mail scanners open whatever they find; a button does. It
works once in effect: when it comes again, its address is a member's.
"""

from __future__ import annotations

import time
from functools import partial

from aiohttp import web

from db.queries import sign_in_links
from db.queries.members import AddressTakenError
from web.people import sign_in
from web.people.public_pages import facts
from web.people.sign_up_link import (
    FIELDS,
    LIFETIME_SECONDS,
    SEATS,
    Newcomer,
    newcomer,
    problems,
    seal,
    seats,
    unseal,
)
from web.request import access, keys, limits, session as request_session
from web.request.errors import TooManyError, UnavailableError
from web.request.forms import check_own_page, field
from web.request.render import render
from web.request.typed import tidy

_LIMITED = "Too many attempts. Please wait a few minutes, then try again."
_CLOSED = "Sign-up is not available yet."

routes = web.RouteTableDef()


@routes.get("/sign-up")
async def ask(request: web.Request) -> web.StreamResponse:
    """The form; who is signed in has an organisation, and goes to pay for it or to work."""
    wanted = seats(request.query.get("seats", "")) or SEATS
    viewer = await access.current(request)
    if viewer is not None:
        raise web.HTTPSeeOther(f"/checkout?seats={wanted}" if viewer.may("billing") else "/console")
    return _form(request, {"seats": str(wanted)}, {})


@routes.post("/sign-up")
async def send(request: web.Request) -> web.StreamResponse:
    """Mail a link to the address: the answer does not say whether it is a member's."""
    _check_ours(request)
    sent = {name: await field(request, name) for name in FIELDS}
    typed = {name: text.strip() if name == "email" else tidy(text) for name, text in sent.items()}
    wrong = problems(typed)
    if wrong:
        return _form(request, typed, wrong, status=400)
    who, network = newcomer(typed), limits.network(request)
    try:
        await limits.spend(request, limits.SIGN_UP_NETWORK, network)
    except TooManyError as error:
        page = _form(request, typed, {"form": _LIMITED}, status=429)
        page.headers["Retry-After"] = error.retry_after_header
        return page
    request.app[keys.background].put(partial(_mail, request.app, who, network))
    return render(request, "sign_up_sent.html", email=who.email)


@routes.get("/sign-up/{token:[^/]+}")
async def look(request: web.Request) -> web.StreamResponse:
    """What the link would do, and the button that does it."""
    who = _whose(request)
    if who is None:
        return await _over(request)
    await access.current(request)  # so that who is signed in is warned
    return render(request, "sign_up_begin.html", who=who)


@routes.post("/sign-up/{token:[^/]+}")
async def begin(request: web.Request) -> web.StreamResponse:
    """Found the organisation, sign its owner in, and let them pay.

    In the place of another member only if that member's own page asks for it.
    """
    _check_ours(request)
    who = _whose(request)
    if who is None:
        return await _over(request)
    viewer, sign_in = await access.current(request), request_session.read(request)
    if viewer is not None and sign_in is not None:
        await request_session.check_csrf(request, sign_in)
    try:
        owner = await access.found(
            request, organisation=who.organisation, name=who.name, email=who.email, seats=who.seats
        )
    except AddressTakenError:
        return await _over(request, email=who.email)
    answer = web.HTTPSeeOther(f"/checkout?seats={who.seats}")
    request_session.begin(answer, request.app[keys.settings], owner.id)
    raise answer


def _check_ours(request: web.Request) -> None:
    """Raise unless the form is our own, and there is something to be signed up for."""
    check_own_page(request)
    if not request.app[keys.settings].stripe_is_set:
        raise UnavailableError(_CLOSED)


def _form(request: web.Request, typed: dict[str, str], wrong: dict[str, str], *, status: int = 200) -> web.Response:
    known = facts(request.app) | {"typed": typed, "problems": wrong, "seats": seats(typed["seats"])}
    return render(request, "sign_up.html", status=status, **known)


async def _over(request: web.Request, email: str | None = None) -> web.Response:
    """The link founds nothing. Raises `TooManyError` where many such links were tried."""
    await limits.spend(request, limits.DEAD_LINKS, limits.network(request))
    return render(request, "sign_up_over.html", status=410, email=email)


def _whose(request: web.Request) -> Newcomer | None:
    secrets = request.app[keys.settings].session_secret.accepted
    return unseal(request.match_info["token"], secrets, int(time.time()))


async def _mail(app: web.Application, who: Newcomer, network: str) -> None:
    if await sign_in.mail_link(app, who.email, network, signing_up=True):
        return
    async with app[keys.database].begin() as session:
        if not await sign_in_links.may_mail(session, who.email, limits.MAIL_SECONDS):
            return
    settings = app[keys.settings]
    token = seal(who, settings.session_secret.get_secret_value(), int(time.time()))
    # Nothing that was typed: whoever fills in the form must not be able to mail their words to strangers.
    context = {"url": f"{settings.web_public_url}/sign-up/{token}", "minutes": LIFETIME_SECONDS // 60}
    text = app[keys.templates].get_template("mail_sign_up.txt").render(context)
    html = app[keys.templates].get_template("mail_sign_up.html").render(context)
    await app[keys.mailer].send(who.email, "Start with Bilby", text, html)
