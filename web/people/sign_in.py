"""Sign-in by a mailed link, without a password.

A request for a link gets the same answer, after the same work, whether the address is a member's or not: a job looks
it up and sends the mail (`provisioning.mail.links`). Opening a link signs in only in the browser that asked for it
(`web.people.requesting_browser`); in any other, such as a mail scanner's, it shows the member's name and a button.
"""

from __future__ import annotations

from aiohttp import web

from db import email_addresses
from db.email_addresses import AddressError
from db.models import Member
from db.queries.members import AddressTakenError
from db.queries.sign_in.sign_in_links import STRANGERS
from provisioning.mail import queue
from web.bus import BUS
from web.config import SETTINGS
from web.people import requesting_browser
from web.people.factor import asking
from web.people.link_tokens import cleaned
from web.request import access, limits, session as request_session
from web.request.errors import ForbiddenError, TooManyError, status_of
from web.request.forms import check_own_page, field
from web.request.render import render
from web.resources import DATABASE

_AHEAD_OF_TIME = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_CONSOLE = "/console"
_LINK = "/sign-in/{token:[^/]+}"

routes = web.RouteTableDef()


@routes.get("/sign-in")
async def ask(request: web.Request) -> web.StreamResponse:
    """Show the form. ``?again`` is for signing in again before the sign-in ends."""
    if "again" not in request.query and await access.current(request) is not None:
        raise web.HTTPSeeOther(_CONSOLE)
    return render(request, "people/sign_in/sign_in.html")


@routes.post("/sign-in")
async def send(request: web.Request) -> web.StreamResponse:
    """Mail a link to the address, if it is a member's; the answer does not say whether it is.

    If many unknown addresses were tried, the page says so; a member's link is mailed anyway.
    """
    check_own_page(request)
    typed = (await field(request, "email")).strip()
    try:
        email = email_addresses.read(typed, plain=False).shown
    except AddressError as error:
        return render(
            request,
            "people/sign_in/sign_in.html",
            status=400,
            problem=str(error),
            email=typed[: email_addresses.LONGEST],
        )
    network = limits.network(request)
    await limits.hit(request, limits.SIGN_IN_NETWORK, network, lambda _: _limited(request, email))
    wait = await limits.look(request, STRANGERS, network)
    async with request.app[DATABASE].begin() as session:
        await queue.put(session, "sign_in", {"email": email, "network": network})

    async def sent(error: TooManyError | None = None) -> web.Response:
        status = 200 if error is None else status_of(error)
        page = render(request, "people/sign_in/sent.html", status=status, email=email)
        requesting_browser.remember(page, request.app[SETTINGS], email)
        return page

    if wait is not None:
        raise TooManyError(wait, again=sent)
    return await sent()


@routes.get(_LINK)
async def look(request: web.Request) -> web.StreamResponse:
    """Open the link: sign in if this browser asked for it, else show the member and a button."""
    if request.method == "HEAD" or any(request.headers.get(name) for name in _AHEAD_OF_TIME):
        return web.Response(status=204)
    member = await access.of_link(request, _token(request))
    if member is None:
        return await _invalid_link(request)
    if await access.must_use_provider(request, member):
        return _elsewhere(request, member)
    viewer = await access.current(request)
    is_other = viewer is not None and viewer.member_id != member.id
    if member.accepted_at is None or is_other or not requesting_browser.is_here(request, member.email):
        return render(
            request, "people/sign_in/begin.html", member=member, is_other=is_other, decline=_decline(request)
        )
    return await _sign_in(request)


@routes.post(_LINK)
async def begin(request: web.Request) -> web.StreamResponse:
    """Handle the button: sign in. Another signed-in member must have confirmed it (CSRF token)."""
    member = await _checked(request)
    if member is None:
        return await _invalid_link(request)
    if await access.must_use_provider(request, member):
        return _elsewhere(request, member)
    return await _sign_in(request)


@routes.post("/sign-in/{token:[^/]+}/decline")
async def decline(request: web.Request) -> web.StreamResponse:
    """Decline an invitation: its links stop working, and the address is free again."""
    member = await _checked(request)
    if member is None:
        return await _invalid_link(request)
    if member.accepted_at is not None:
        raise ForbiddenError("You are already in the team. You can leave it on your account page.")
    await access.declined(request, member)
    return render(request, "people/sign_in/declined.html", organisation=member.organisation.name)


@routes.post("/sign-out")
async def leave(request: web.Request) -> web.StreamResponse:
    """Sign out: revoke the sign-in and unused links, and stop ringing here."""
    viewer = await access.current(request)
    sign_in, to = request_session.read(request), "/sign-in"
    if viewer is not None and sign_in is not None:
        await request_session.check_csrf(request, sign_in)
        async with access.rows(request, viewer) as rows:
            await rows.presence.end(viewer.member_id)
            await rows.sign_ins.end_links(viewer.member_id)
            if await rows.providers.get() is not None:
                to = f"/sso/{viewer.organisation_id}/signed-out"
        await access.sign_out(request, sign_in)
        request.app[BUS].close_consoles(viewer.organisation_id, viewer.member_id)
    answer = web.HTTPSeeOther(to)
    request_session.end(answer, request.app[SETTINGS])
    raise answer


def _token(request: web.Request) -> str:
    return cleaned(request.match_info["token"])


def _decline(request: web.Request) -> str:
    return f"/sign-in/{_token(request)}/decline"


async def _checked(request: web.Request) -> Member | None:
    """Return the member of the link after checking CSRF, None if it is invalid. Raise `ForbiddenError`."""
    check_own_page(request)
    member = await access.of_link(request, _token(request))
    viewer, sign_in = await access.current(request), request_session.read(request)
    if member is not None and viewer is not None and sign_in is not None and viewer.member_id != member.id:
        await request_session.check_csrf(request, sign_in)
    return member


async def _sign_in(request: web.Request) -> web.StreamResponse:
    """Use the link, replacing any sign-in of this browser, and sign in or ask for the second factor."""
    try:
        member_id = await access.use_link(request, _token(request), request_session.read(request))
    except AddressTakenError:
        return render(request, "people/sign_in/taken.html", status=409)
    if member_id is None:
        return await _invalid_link(request)
    raise await asking.go_on(request, member_id)


def _elsewhere(request: web.Request, member: Member) -> web.Response:
    """Render the page for a link of who has to sign in at their organisation's own provider. It is not used up."""
    return render(request, "people/sso/elsewhere.html", status=403, member=member)


async def _invalid_link(request: web.Request) -> web.Response:
    """Render the page for an invalid link. Raise `TooManyError` if many of them were tried."""
    await limits.hit_dead_link(request)
    return render(request, "people/sign_in/failed.html", status=410)


async def _limited(request: web.Request, email: str) -> web.Response:
    return render(request, "people/sign_in/sign_in.html", problem=limits.TOO_MANY_LINKS, email=email)
