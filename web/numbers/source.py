"""The page of what one number is for: its label, its purpose, and where it is advertised."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from db.models import Number
from db.queries.rate_limits import Limit
from web.numbers.addressed import addressed, naming
from web.numbers.search import LONGEST_LABEL
from web.request import access, limits
from web.request.access import Viewer
from web.request.forms import field
from web.request.render import render_form, saved
from web.request.typed import tidy

SAVES = Limit("number source", count=60, seconds=10 * 60)
FIELDS: Mapping[str, int] = {"label": LONGEST_LABEL, "purpose": 120, "source": 60}
"""How long each may be, in characters."""

routes = web.RouteTableDef()


@routes.get("/numbers/{number}/source")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "numbers")
    return await _page(request, viewer)


@routes.post("/numbers/{number}/source")
async def save(request: web.Request) -> web.StreamResponse:
    """Save it. Calls that begin from now on carry it; earlier ones keep what was said then."""
    viewer = await access.require(request, "numbers")
    await limits.hit(request, SAVES, str(viewer.organisation_id))
    sent = {name: tidy(await field(request, name)) for name in FIELDS}
    if wrong := problems(sent):
        return await _page(request, viewer, sent, wrong)
    async with access.rows(request, viewer) as rows:
        number = await addressed(request, rows)
        changed = changes(number, sent)
        if changed:
            await rows.numbers.describe(number.id, **sent)
            await rows.audit.record("number.described", {"number": number.e164, **changed})
    raise saved(f"/numbers/{number.id}/source")


def problems(sent: Mapping[str, str]) -> Mapping[str, str]:
    """Return a sentence for each field that is wrong."""
    return {name: f"At most {longest} characters." for name, longest in FIELDS.items() if len(sent[name]) > longest}


def changes(number: Number, sent: Mapping[str, str]) -> dict[str, str]:
    """Return what differs, for the audit log."""
    before = {name: getattr(number, name) for name in FIELDS}
    return {name: f"{before[name]} → {text}".strip() for name, text in sent.items() if text != before[name]}


async def _page(
    request: web.Request,
    viewer: Viewer,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    async with access.rows(request, viewer) as rows:
        number = await addressed(request, rows)
        others = sorted({each.source for each in await rows.numbers.all()} - {""}, key=str.casefold)
    return render_form(
        request,
        "numbers/source.html",
        wrong,
        **naming(number),
        fields=sent or {name: getattr(number, name) for name in FIELDS},
        longest=FIELDS,
        others=others,
    )
