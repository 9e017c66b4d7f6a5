"""Settings: business details and their bundle, consent prompt, time zone, days in the call log, countries to call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Bundle
from db.queries.audit import AuditFilter
from db.queries.rate_limits import Limit
from db.settings import LONGEST_DAYS, SHORTEST_DAYS
from provisioning.numbers.bundles import reasons_of
from web.config import SETTINGS
from web.numbers import prompts
from web.organisation import details as organisation_details
from web.organisation.details import Details
from web.request import access, countries, limits
from web.request.access import Rows
from web.request.errors import InvalidError
from web.request.forms import field
from web.request.geography import is_zone, zone_choices
from web.request.render import render
from web.request.typed import tidy

CHANGES = Limit("settings", count=30, seconds=10 * 60)  # each may file the bundle again
_SECTIONS = {
    "details": "details.changed",
    "prompt": "prompt.changed",
    "zone": "time_zone.changed",
    "retention": "call_log_days.changed",
    "countries": "countries.changed",
}

routes = web.RouteTableDef()


@routes.get("/settings")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request)


@routes.post("/settings/details")
async def change_details(request: web.Request) -> web.StreamResponse:
    """Change the business details. A bundle that is not under review is filed with them."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    typed = {name: await field(request, name) for name in ("name", *organisation_details.BUNDLE_FIELDS)}
    details = organisation_details.read_details(typed)
    if wrong := organisation_details.problems(details):
        return await _page(request, status=400, details=details, wrong=wrong)
    async with access.rows(request, viewer) as rows:
        changed = details.changes(organisation_details.details_of(rows.organisation))
        rows.organisation.name = details.name
        organisation_details.store_bundle_fields(rows.organisation, details)
        if changed:
            await rows.audit.record("details.changed", changed)
        await _file(rows, details, platform=request.app[SETTINGS].has_platform_bundle)
    raise web.HTTPSeeOther("/settings#details")


@routes.post("/settings/prompt")
async def change_prompt(request: web.Request) -> web.StreamResponse:
    """Change the consent prompt, or choose the platform's."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    ours = request.app[SETTINGS].consent_prompt
    prompt = ours if await field(request, "use") == "ours" else tidy(await field(request, "prompt"))
    if prompt != ours and (problem := prompts.problem(prompt)):
        return await _page(request, status=400, prompt=prompt, wrong={"prompt": problem})
    async with access.rows(request, viewer) as rows:
        chosen = "" if prompt == ours else prompt
        if chosen != rows.organisation.consent_prompt:
            rows.organisation.consent_prompt = chosen
            await rows.audit.record("prompt.changed", {"words": prompt, "own": bool(chosen)})
    raise web.HTTPSeeOther("/settings#prompt")


@routes.post("/settings/zone")
async def change_zone(request: web.Request) -> web.StreamResponse:
    """Change the time zone."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    zone = tidy(await field(request, "zone"))
    async with access.rows(request, viewer) as rows:
        before = rows.organisation.time_zone
        if zone != before:
            if not is_zone(zone):
                raise InvalidError("There is no such time zone here. Go back and choose one from the list.")
            rows.organisation.time_zone = zone
            await rows.audit.record("time_zone.changed", {"zone": f"{before} → {zone}"})
    raise web.HTTPSeeOther("/settings#zone")


@routes.post("/settings/retention")
async def change_retention(request: web.Request) -> web.StreamResponse:
    """Change how long calls stay in the call log; empty: the platform's default."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    written = tidy(await field(request, "days"))
    days = _days(written) if written else None
    if written and days is None:
        sentence = f"Enter a whole number of days, {SHORTEST_DAYS} to {LONGEST_DAYS}, or leave it empty."
        return await _page(request, status=400, days=written[:20], wrong={"days": sentence})
    usual = request.app[SETTINGS].call_log_days
    async with access.rows(request, viewer) as rows:
        before = rows.organisation.call_log_days
        if days != before:
            rows.organisation.call_log_days = days
            await rows.audit.record("call_log_days.changed", {"days": f"{before or usual} → {days or usual}"})
    raise web.HTTPSeeOther("/settings#retention")


@routes.post("/settings/countries")
async def change_countries(request: web.Request) -> web.StreamResponse:
    """Change which countries members may call, of those that the platform allows; none: nobody calls out."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    platform = request.app[SETTINGS].dial_countries
    chosen = [code for code in platform if await field(request, f"country_{code}")]
    async with access.rows(request, viewer) as rows:
        before = countries.allowed(rows.organisation, platform)
        if chosen != before:
            rows.organisation.dial_countries = chosen
            change = f"{countries.listed(before)} → {countries.listed(chosen)}"
            await rows.audit.record("countries.changed", {"countries": change})
    raise web.HTTPSeeOther("/settings#countries")


def _days(written: str) -> int | None:
    """Parse a number of days; None if it is not allowed."""
    if not (written.isascii() and written.isdecimal() and len(written) <= len(str(LONGEST_DAYS))):
        return None
    return int(written) if SHORTEST_DAYS <= int(written) <= LONGEST_DAYS else None


async def _file(rows: Rows, details: Details, *, platform: bool) -> None:
    """File a bundle if the details are complete and none is under review or approved."""
    if platform or not details.is_complete:
        return
    bundle = await rows.ordering.bundle()
    if bundle is None or bundle.status in ("draft", "twilio-rejected"):
        await rows.ordering.file_bundle()
        await rows.audit.record("papers.filed")


async def _page(
    request: web.Request,
    *,
    status: int = 200,
    details: Details | None = None,
    prompt: str | None = None,
    days: str | None = None,
    wrong: dict[str, str] | None = None,
) -> web.Response:
    """Render the page, with rejected input as typed and what is ``wrong`` with it."""
    viewer = await access.require(request, "settings")
    settings = request.app[SETTINGS]
    ours = settings.consent_prompt
    async with access.rows(request, viewer) as rows:
        organisation, bundle = rows.organisation, await rows.ordering.bundle()
        changed = {section: await _last(rows, action) for section, action in _SECTIONS.items()}
    stored = organisation_details.details_of(organisation)
    shown = details or stored
    words = prompt if prompt is not None else (organisation.consent_prompt or ours)
    return render(
        request,
        "organisation/settings.html",
        status=status,
        wrong=wrong or {},
        details=shown,
        abn=organisation_details.shown_abn(shown.abn),
        bundle=_bundle(bundle),
        has_platform_bundle=request.app[SETTINGS].has_platform_bundle,
        prompt=words,
        heard=organisation.consent_prompt or ours,
        ours=ours,
        chosen=organisation.consent_prompt is not None,
        organisation_details=organisation_details,
        prompts=prompts,
        zone=organisation.time_zone,
        zones=_zones(organisation.time_zone, datetime.now(UTC)),
        changed=changed,
        days=days if days is not None else str(organisation.call_log_days or ""),
        usual_days=settings.call_log_days,
        most_days=LONGEST_DAYS,
        countries=countries.choices(organisation, settings.dial_countries),
        call_minutes=settings.outbound_call_minutes,
        seat_minutes=settings.outbound_minutes_per_seat,
    )


def _bundle(bundle: Bundle | None) -> dict[str, Any] | None:
    return None if bundle is None else {"status": bundle.status, "reasons": reasons_of(bundle)}


def _zones(current: str, now: datetime) -> list[tuple[str, str]]:
    """Return the name of each zone, and its label with the current time there."""
    choices = zone_choices(current).items()
    return [(name, f"{words} ({_clock(now.astimezone(ZoneInfo(name)))})") for name, words in choices]


def _clock(at: datetime) -> str:
    return f"{at:%I:%M %p}".lstrip("0").lower()


async def _last(rows: Rows, action: str) -> str:
    """Return a sentence about the last change; "" if there is none."""
    found = await rows.audit.page(AuditFilter(action=action), limit=1)
    if not found:
        return ""
    at = found[0].at.astimezone(ZoneInfo(rows.organisation.time_zone))
    return f"Last changed by {found[0].actor}, {at.day} {at:%B %Y}, {_clock(at)}."
