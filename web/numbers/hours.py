"""The page of one number's opening hours, and of what its callers get when no agent can be rung."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import cast

from aiohttp import web

from db.base import Region
from db.models import Number
from db.queries.answering_plans import Plan
from db.queries.rate_limits import Limit
from web.config import SETTINGS
from web.numbers import hours_form, hours_view
from web.numbers.addressed import addressed, naming
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.countries import dialled_for
from web.request.forms import field
from web.request.geography import REGIONS, TIME_ZONES, zone_choices
from web.request.render import render_form, saved

SAVES = Limit("opening hours", count=60, seconds=10 * 60)
_HERE = "Bilby answers that number itself, so callers would go round in circles. Enter another number."

routes = web.RouteTableDef()


@routes.get("/numbers/{number}/hours")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    viewer = await access.require(request, "numbers")
    return await _page(request, viewer)


@routes.post("/numbers/{number}/hours")
async def save(request: web.Request) -> web.StreamResponse:
    """Save the hours of this number, or of all. If anything is wrong, save nothing and show the form as typed."""
    viewer = await access.require(request, "numbers")
    await limits.hit(request, SAVES, str(viewer.organisation_id))
    typed = {name: await field(request, name) for name in hours_form.fields()}
    everywhere = await field(request, "everywhere") == "yes"
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        number = await addressed(request, rows)
        today = _today(rows, Plan(time_zone=typed["zone"] if typed["zone"] in TIME_ZONES else None))
        dial = partial(dialled_for, rows.organisation, platform=request.app[SETTINGS].dial_countries)
        said = hours_form.read(typed, dial, today)
        wrong = {**said.wrong, **await _circles(rows, said.plan)}
        if not wrong:
            for each in await rows.numbers.all() if everywhere else [number]:
                await _store(rows, each, said.plan)
    if wrong:
        return await _page(request, viewer, typed, wrong)
    raise saved(f"/numbers/{number.id}/hours")


async def _circles(rows: Rows, plan: Plan) -> dict[str, str]:
    """Return what is wrong with overflow numbers that lead back to a number of ours."""
    overflows = {"closed_overflow": plan.closed.overflow, "unanswered_overflow": plan.unanswered.overflow}
    return {name: _HERE for name, number in overflows.items() if number and await rows.is_answered_here(number)}


async def _store(rows: Rows, number: Number, plan: Plan) -> None:
    changed = hours_view.changes(await rows.answering.of(number.id), plan)
    if changed:
        await rows.answering.set(number.id, plan)
        await rows.audit.record("number.answering_changed", {"number": number.e164, **changed})


async def _page(
    request: web.Request,
    viewer: Viewer,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> web.Response:
    """Render the page: rejected input as typed and what is ``wrong`` with it, or else what is stored."""
    async with access.rows(request, viewer) as rows:
        number, numbers = await addressed(request, rows), await rows.numbers.all()
        plan, usual_zone = await rows.answering.of(number.id), rows.organisation.time_zone
    today = _today(rows, plan)
    fields = typed or hours_view.typed(plan, today)
    return render_form(
        request,
        "numbers/hours.html",
        wrong,
        **naming(number),
        now=hours_view.status(plan, usual_zone, datetime.now(UTC)),
        fields=fields,
        corrections=hours_view.corrections(wrong or {}),
        own_rows=hours_view.own_rows(fields),
        own_field=hours_form.own_field,
        weekdays=hours_form.WEEKDAYS,
        longest=hours_form,
        zones=TIME_ZONES,
        usual_zone=zone_choices(usual_zone)[usual_zone],
        regions=REGIONS,
        holidays=_holidays(fields["region"], today),
        others=len(numbers) - 1,
    )


def _holidays(region: str, today: date) -> list[tuple[date, str]]:
    return hours_view.coming_holidays(cast(Region, region), today) if region in REGIONS else []


def _today(rows: Rows, plan: Plan) -> date:
    return datetime.now(hours_view.zone_of(plan, rows.organisation.time_zone)).date()
