"""The phone's settings: reasons for breaks, outcomes, tags, the time after a call, notes, notifications."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from db.queries.rate_limits import Limit
from web.organisation import phone_form
from web.organisation.phone_form import PhoneSettings
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.forms import field
from web.request.render import render_form, saved

SAVES = Limit("phone settings", count=60, seconds=10 * 60)

routes = web.RouteTableDef()


@routes.get("/settings/phone")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "settings")
    return await _page(request, viewer)


@routes.post("/settings/phone")
async def save(request: web.Request) -> web.StreamResponse:
    """Save everything. If anything is wrong, save nothing and show the form as typed."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, SAVES, str(viewer.organisation_id))
    sent = {name: await field(request, name) for name in phone_form.FIELDS}
    wanted, wrong = phone_form.read(sent)
    if wrong:
        return await _page(request, viewer, sent, wrong)
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        changed = phone_form.changes(await _stored(rows), wanted)
        if changed:
            await _store(rows, wanted)
            await rows.audit.record("phone.changed", changed)
    raise saved("/settings/phone")


async def _store(rows: Rows, wanted: PhoneSettings) -> None:
    for kind, labels in wanted.lists.items():
        await rows.choices.set(kind, labels)
    rows.organisation.wrap_up_seconds = wanted.wrap_up_seconds
    rows.organisation.notes_on = wanted.notes_on
    rows.organisation.notification_numbers = wanted.notification_numbers
    await rows.presence.notify()


async def _stored(rows: Rows) -> PhoneSettings:
    organisation = rows.organisation
    return phone_form.of(
        await rows.choices.all(),
        wrap_up_seconds=organisation.wrap_up_seconds,
        notes_on=organisation.notes_on,
        numbers=organisation.notification_numbers,
    )


async def _page(
    request: web.Request,
    viewer: Viewer,
    sent: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    """Render the page: rejected input as typed and what is ``wrong`` with it, or else what is stored."""
    async with access.rows(request, viewer) as rows:
        stored = await _stored(rows)
    return render_form(
        request,
        "organisation/phone_settings.html",
        wrong,
        lists=phone_form.LISTS,
        fields=sent or phone_form.typed(stored),
        longest=phone_form.LONGEST_WRAP_UP,
    )
