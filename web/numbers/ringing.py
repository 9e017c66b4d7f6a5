"""The page of how one number rings: whom, how long, and what its callers hear while they wait."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from db.queries.rate_limits import Limit
from web.numbers import ringing_form
from web.numbers.addressed import addressed, naming
from web.request import access, limits
from web.request.access import Viewer
from web.request.forms import field
from web.request.render import render_form, saved

SAVES = Limit("ringing", count=60, seconds=10 * 60)

routes = web.RouteTableDef()


@routes.get("/numbers/{number}/ringing")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "numbers")
    return await _page(request, viewer)


@routes.post("/numbers/{number}/ringing")
async def save(request: web.Request) -> web.StreamResponse:
    """Save the plan of this number, or of all. If anything is wrong, save nothing and show the form as typed."""
    viewer = await access.require(request, "numbers")
    await limits.hit(request, SAVES, str(viewer.organisation_id))
    everywhere = await field(request, "everywhere") == "yes"
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        number, groups = await addressed(request, rows), await rows.groups.all()
        sent = {name: await field(request, name) for name in ringing_form.fields(groups)}
        typed = ringing_form.read(sent, groups)
        if not typed.wrong:
            names = {group.id: group.name for group in groups}
            for each in await rows.numbers.all() if everywhere else [number]:
                changed = ringing_form.changes(await rows.plans.of(each.id), typed.plan, names)
                if changed:
                    await rows.plans.set(each.id, typed.plan)
                    await rows.audit.record("number.ringing_changed", {"number": each.e164, **changed})
            await rows.presence.notify()
    if typed.wrong:
        return await _page(request, viewer, sent, typed.wrong)
    raise saved(f"/numbers/{number.id}/ringing")


async def _page(
    request: web.Request,
    viewer: Viewer,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    """Render the page: rejected input as typed and what is ``wrong`` with it, or else what is stored."""
    async with access.rows(request, viewer) as rows:
        number, groups = await addressed(request, rows), await rows.groups.all()
        plan, numbers = await rows.plans.of(number.id), await rows.numbers.all()
    return render_form(
        request,
        "numbers/ringing.html",
        wrong,
        **naming(number),
        groups=groups,
        place_field=ringing_form.place_field,
        strategies=ringing_form.STRATEGIES,
        sounds=ringing_form.SOUNDS,
        fields=sent or ringing_form.typed(plan, groups),
        others=len(numbers) - 1,
    )
