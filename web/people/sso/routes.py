"""To the organisation's provider and back: where a browser goes, what it brings, and who is signed in by that.

The provider is asked between transactions, never in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from db.queries.sign_in.identity_providers import LIFETIME
from web.bus import BUS
from web.config import SETTINGS
from web.people.browser_cookies import BrowserCookie
from web.people.sso import identity, provider as providers, tokens
from web.people.sso.admission import Arrival, arrive
from web.people.sso.identity import Identity, NotVouchedError
from web.people.sso.provider import Discovered, ProviderError
from web.people.sso.settings import back_to, host_of, rules_of
from web.people.sso.tokens import TokenError
from web.request import access, limits, session as request_session
from web.request.access import Coming
from web.request.errors import NotFoundError
from web.request.forms import read_uuid
from web.request.render import render

_COOKIE = BrowserCookie("sso", LIFETIME)
_HERE = "/sso/{organisation}"
_LONGEST = 4096  # characters of what a provider sends along

routes = web.RouteTableDef()


@routes.get("/sso/return")
async def come_back(request: web.Request) -> web.StreamResponse:
    """Take back who comes from a provider: sign them in, or say why not."""
    await limits.hit(request, limits.SIGN_IN_NETWORK, limits.network(request))
    state = request.query.get("state", "")[:_LONGEST]
    coming = await access.coming_back(request, state) if _COOKIE.is_here(request, state) else None
    if coming is None:
        return render(request, "people/sso/over.html", status=410)
    try:
        vouched = await _vouched(request, coming)
    except (ProviderError, TokenError, NotVouchedError) as error:
        why, claim = _reason(error)
        async with access.by_provider(request, coming) as rows:
            await rows.audit.record("single_sign_on.failed", {"why": why, "claim": claim})
        return _page(request, coming, why)
    async with access.by_provider(request, coming) as rows:
        arrival = await arrive(rows, vouched, limits.network(request))
        if arrival.refusal is not None:
            await rows.audit.record("single_sign_on.failed", {"why": arrival.refusal, "email": vouched.email})
    return await _let_in(request, coming, vouched, arrival)


@routes.get(_HERE)
async def go(request: web.Request) -> web.StreamResponse:
    """Send the browser to the organisation's provider."""
    await limits.hit(request, limits.SIGN_IN_NETWORK, limits.network(request))
    organisation_id, settings = read_uuid(request.match_info["organisation"]), request.app[SETTINGS]
    coming = await access.provider_of(request, organisation_id)
    if coming is None:
        raise NotFoundError
    try:
        discovered = await providers.discover(coming.provider.issuer, own_url=settings.web_public_url)
    except ProviderError as error:
        return _page(request, coming, error.trouble)
    journey = await access.going(request, organisation_id)
    to = providers.begin_url(discovered, coming.provider.client_id, journey, back_to=back_to(settings.web_public_url))
    answer = web.HTTPSeeOther(to)
    _COOKIE.remember(answer, settings, journey.state)
    raise answer


@routes.get(_HERE + "/signed-out")
async def signed_out(request: web.Request) -> web.StreamResponse:
    """Tell who has signed out of Bilby that the provider may still know them."""
    coming = await access.provider_of(request, read_uuid(request.match_info["organisation"]))
    if coming is None:
        raise NotFoundError
    return render(request, "people/sso/signed_out.html", coming=coming, host=host_of(coming.provider.issuer))


@routes.get(_HERE + "/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """Send the browser to where the provider ends its own sign-in, if it has such a page."""
    await limits.hit(request, limits.SIGN_IN_NETWORK, limits.network(request))
    coming = await access.provider_of(request, read_uuid(request.match_info["organisation"]))
    if coming is None:
        raise NotFoundError
    own_url = request.app[SETTINGS].web_public_url
    try:
        discovered = await providers.discover(coming.provider.issuer, own_url=own_url)
        to = providers.leave_url(discovered, coming.provider.client_id, back_to=f"{own_url}/sign-in", own_url=own_url)
    except ProviderError as error:
        return _page(request, coming, error.trouble)
    raise web.HTTPSeeOther(to or coming.provider.issuer)


async def _vouched(request: web.Request, coming: Coming) -> Identity:
    """Return whom the provider vouches for. Raise `ProviderError`, `TokenError`, `NotVouchedError`."""
    own_url, query = request.app[SETTINGS].web_public_url, request.query
    if "error" in query or not query.get("code"):
        raise ProviderError("refused")
    discovered = await providers.discover(coming.provider.issuer, own_url=own_url)
    _check_issuer(discovered, query.get("iss"))
    issued = await providers.redeem(
        discovered,
        coming.provider,
        query["code"][:_LONGEST],
        coming.verifier,
        back_to=back_to(own_url),
        own_url=own_url,
    )
    claims: Mapping[str, Any] = tokens.check(
        issued.id_token,
        await providers.keys(discovered, own_url=own_url),
        issuer=coming.provider.issuer,
        client_id=coming.provider.client_id,
        nonce=coming.nonce,
        access_token=issued.access_token,
        now=datetime.now(UTC),
    )
    if "email" not in claims:  # some put no more into the token than they must
        more = await providers.userinfo(discovered, issued.access_token, own_url=own_url)
        if more.get("sub") != claims["sub"]:
            raise NotVouchedError("no_email")
        claims = {**more, **claims}
    return identity.read(claims, rules_of(coming.provider))


def _check_issuer(discovered: Discovered, sent: str | None) -> None:
    """Refuse an answer that another provider gave (RFC 9207). Raise `ProviderError`."""
    if sent is None and not discovered.authorization_response_iss_parameter_supported:
        return
    if sent != discovered.issuer:
        raise ProviderError("another_issuer")


async def _let_in(request: web.Request, coming: Coming, vouched: Identity, arrival: Arrival) -> web.StreamResponse:
    settings = request.app[SETTINGS]
    if arrival.refusal is not None:
        return _page(request, coming, arrival.refusal)
    if arrival.is_mailed or arrival.member_id is None:
        return render(request, "people/sso/mailed.html", coming=coming, email=vouched.email)
    if arrival.has_new_role:
        request.app[BUS].close_consoles(coming.organisation_id, arrival.member_id)
    before = request_session.read(request)
    if before is not None:
        await access.sign_out(request, before)
    await access.arrived(request, arrival.member_id, by="single sign-on")
    answer = web.HTTPSeeOther("/console")
    request_session.begin(answer, settings, arrival.member_id)
    _COOKIE.forget(answer, settings)
    raise answer


def _page(request: web.Request, coming: Coming, why: str) -> web.Response:
    status = 502 if why in ("unreachable", "not_understood") else 403
    return render(
        request,
        "people/sso/failed.html",
        status=status,
        coming=coming,
        host=host_of(coming.provider.issuer),
        why=why,
    )


def _reason(error: ProviderError | TokenError | NotVouchedError) -> tuple[str, str]:
    if isinstance(error, TokenError):
        return error.fault, error.claim
    return (error.trouble if isinstance(error, ProviderError) else error.objection), ""
