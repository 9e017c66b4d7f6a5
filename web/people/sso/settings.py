"""The owners' page: which provider the members sign in at, what it decides, and whether they must."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web

from db.models import IdentityProvider
from db.queries.rate_limits import Limit
from web.config import SETTINGS
from web.people.factor import checking
from web.people.sso import form, provider as providers
from web.people.sso.identity import MAPPED, Rules
from web.people.sso.provider import ProviderError
from web.request import access, limits
from web.request.access import Viewer
from web.request.forms import field
from web.request.render import render_form, saved

CHANGES = Limit("single sign-on settings", count=30, seconds=10 * 60)
_HERE = "/settings/single-sign-on"
_TROUBLES: Mapping[str, str] = {
    "forbidden_address": "That address, or one that it refers to, is not on the public internet.",
    "unreachable": "It did not answer. Check the address, then try again.",
    "refused": "There is no OpenID Connect provider at that address.",
    "not_understood": "Its answer does not conform to OpenID Connect.",
    "another_issuer": "It names a different issuer. Copy the issuer exactly, including any / at the end.",
    "no_pkce": "It does not support PKCE with S256, which Bilby needs.",
}

routes = web.RouteTableDef()


def back_to(public_url: str) -> str:
    """Return the address at which providers send people back; every organisation's is the same."""
    return f"{public_url}/sso/return"


def rules_of(provider: IdentityProvider) -> Rules:
    """Return what the organisation wants of its provider."""
    return Rules(provider.domains, provider.role_claim, provider.role_values, provider.other_role)


def host_of(issuer: str) -> str:
    """Return the provider's host, by which people know it."""
    return urlsplit(issuer).hostname or ""


@routes.get(_HERE)
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request, await access.require(request, "sign_in"))


@routes.post(_HERE)
async def save(request: web.Request) -> web.StreamResponse:
    """Store the provider, once it has answered. If anything is wrong, store nothing and show the form as typed."""
    viewer = await access.require(request, "sign_in")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    sent = {name: await field(request, name) for name in form.FIELDS}
    async with access.rows(request, viewer) as rows:
        before = await rows.providers.get()
    wanted, wrong = form.read(sent, before)
    if wrong := wrong or await _unreachable(request, wanted):
        return await _page(request, viewer, sent, wrong)
    if refused := await _refused(request, viewer, sent):
        return refused
    async with access.rows(request, viewer) as rows:
        await rows.providers.keep(wanted)
        await rows.audit.record("single_sign_on.changed", form.audited(wanted))
    raise saved(_HERE)


@routes.post(_HERE + "/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Forget the provider: everybody signs in by mailed links again."""
    viewer = await access.require(request, "sign_in")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    if refused := await _refused(request, viewer):
        return refused
    async with access.rows(request, viewer) as rows:
        before = await rows.providers.get()
        if before is not None:
            await rows.providers.remove()
            await rows.audit.record("single_sign_on.removed", {"provider": host_of(before.issuer)})
    raise web.HTTPSeeOther(_HERE)


async def _unreachable(request: web.Request, wanted: IdentityProvider) -> Mapping[str, str]:
    try:
        await providers.discover(wanted.issuer, own_url=request.app[SETTINGS].web_public_url)
    except ProviderError as error:
        return {"issuer": _TROUBLES[error.trouble]}
    return {}


async def _refused(
    request: web.Request, viewer: Viewer, sent: Mapping[str, str] | None = None
) -> web.Response | None:
    """Return the page that says why the viewer's code is refused; None if it is right, or if none is needed."""
    return await checking.refused(request, viewer, lambda problem: _page(request, viewer, sent, {"code": problem}))


async def _page(
    request: web.Request,
    viewer: Viewer,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    async with access.rows(request, viewer) as rows:
        provider = await rows.providers.get()
        asks_code = await rows.factors.is_on(viewer.member_id)
    public_url = request.app[SETTINGS].web_public_url
    return render_form(
        request,
        "people/sso/settings.html",
        wrong,
        fields=form.typed(provider) if sent is None else sent,
        has_provider=provider is not None,
        host=host_of(provider.issuer) if provider is not None else "",
        asks_code=asks_code,
        back_to=back_to(public_url),
        start=f"{public_url}/sso/{viewer.organisation_id}",
        roles=MAPPED,
        lengths=form.LENGTHS,
    )
