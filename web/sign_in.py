"""Signing in by a link that is mailed: no password to keep, to forget or to lose.

A request for a link gets the same answer, after the same work, whoever the address belongs to: looking it up and
mailing happen after the answer, in the outbox.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from db import sign_in_links
from db.encryption import keyring_of
from web import access, keys, limits, sessions
from web.errors import ForbiddenError, InvalidError, TooManyError
from web.forms import field
from web.newcomer import LONGEST_ADDRESS, is_address
from web.pages import render

_AHEAD_OF_TIME = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_CONSOLE = "/console"

routes = web.RouteTableDef()


@routes.get("/sign-in")
async def ask(request: web.Request) -> web.StreamResponse:
    """The form."""
    if await access.current(request) is not None:
        raise web.HTTPSeeOther(_CONSOLE)
    return render(request, "sign_in.html")


@routes.post("/sign-in")
async def send(request: web.Request) -> web.StreamResponse:
    """Mail a link to the address, if it is a member's; the answer does not say whether it is."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise ForbiddenError("Please ask for the link on Bilby's own page.")
    typed = (await field(request, "email")).strip()
    try:
        email = _address(typed)
        await limits.spend(request, limits.SIGN_IN_NETWORK, limits.network(request))
        await limits.spend(request, limits.SIGN_IN_ADDRESS, email.casefold())
    except InvalidError:
        return render(request, "sign_in.html", status=400, problem="invalid", email=typed[:LONGEST_ADDRESS])
    except TooManyError as error:
        page = render(request, "sign_in.html", status=429, problem="limited", email=email)
        page.headers["Retry-After"] = error.retry_after_header
        return page
    request.app[keys.outbox].put(partial(mail_link, request.app, email, limits.network(request)))
    return render(request, "sign_in_sent.html", email=email)


@routes.get("/sign-in/{token}")
async def arrive(request: web.Request) -> web.StreamResponse:
    """The link itself: signs in, once. Somebody's look ahead (HEAD, prefetch) does not use it up."""
    if request.method == "HEAD" or any(request.headers.get(name) for name in _AHEAD_OF_TIME):
        return web.Response(status=204)
    await limits.spend(request, limits.SIGN_IN_LINK, limits.network(request))
    async with request.app[keys.database].begin() as session:
        member_id = await sign_in_links.use(session, request.match_info["token"])
    if member_id is None:
        return render(request, "sign_in_failed.html", status=410)
    await access.arrived(request, member_id)
    answer = web.HTTPSeeOther(_CONSOLE)
    sessions.begin(answer, request.app[keys.settings], member_id)
    raise answer


@routes.post("/sign-out")
async def leave(request: web.Request) -> web.StreamResponse:
    """End the sign-in for good, and ring here no more."""
    viewer = await access.current(request)
    sign_in = sessions.read(request)
    if viewer is not None and sign_in is not None:
        await sessions.check_csrf(request, sign_in)
        async with access.rows(request, viewer) as rows:
            await rows.members.set_available(viewer.member_id, False)
        async with request.app[keys.database].begin() as session:
            await sign_in_links.sign_out(session, sign_in.id, sign_in.expires_at)
        request.app[keys.bus].close_consoles(viewer.organisation_id, viewer.member_id)
    answer = web.HTTPSeeOther("/sign-in")
    sessions.end(answer, request.app[keys.settings])
    raise answer


def link_url(public_url: str, token: str) -> str:
    """The address that signs in."""
    return f"{public_url}/sign-in/{token}"


def _address(typed: str) -> str:
    """``typed`` if mail could go there. Raises `InvalidError`."""
    if not is_address(typed):
        raise InvalidError
    return typed


async def mail_link(app: web.Application, email: str, network: str, *, signing_up: bool = False) -> bool:
    """Mail a link to the member whom ``email`` reaches; False if it reaches nobody.

    ``signing_up``: they asked to open an account, and are told that they have one.
    """
    async with app[keys.database].begin() as session:
        requested_from = keyring_of(session).hash("origin", network)
        found = await sign_in_links.create_for(session, email, requested_from)
    if found is None:
        return False
    member, token = found
    context = {
        "name": member.name,
        "url": link_url(app[keys.settings].web_public_url, token),
        "signing_up": signing_up,
    }
    text = app[keys.templates].get_template("mail_sign_in.txt").render(context)
    html = app[keys.templates].get_template("mail_sign_in.html").render(context)
    # To the address as it is stored: what was typed may differ in more than case.
    await app[keys.mailer].send(member.email, "Your sign-in link for Bilby", text, html)
    return True
