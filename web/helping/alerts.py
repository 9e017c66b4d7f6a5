"""When the supervisors' wall raises an alert: an organisation's limits, in seconds. None: never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from db.queries.rate_limits import Limit
from web.request import access, limits
from web.request.errors import InvalidError
from web.request.forms import field
from web.request.render import render_form, saved
from web.request.typed import tidy, whole_number

CHANGES = Limit("alert limits", count=60, seconds=10 * 60)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alert. ``unit``: how many seconds the number in its field stands for."""

    title: str
    hint: str
    unit: int
    least: int
    most: int


KINDS: Mapping[str, Kind] = {
    "call": Kind("A long call", "Since the call began.", 60, 1, 600),
    "hold": Kind("A long hold", "Since the customer was put on hold.", 1, 10, 3600),
    "late_words": Kind("Late words", "How long words take to appear after they are spoken.", 1, 2, 60),
    "silence": Kind("Silence", "Since anybody last spoke; not counted while the customer is on hold.", 1, 10, 3600),
    "waiting": Kind("Nobody answers", "Since the caller began to wait.", 1, 5, 3600),
}
"""By name of the column, without ``alert_``; the page's scripts know them by the same names."""

routes = web.RouteTableDef()


@routes.get("/settings/alerts")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the limits."""
    viewer = await access.require(request, "settings")
    async with access.rows(request, viewer) as rows:
        return render_form(
            request,
            "helping/alerts.html",
            kinds=KINDS,
            limits=rows.organisation.alert_limits,
        )


@routes.post("/settings/alerts")
async def save(request: web.Request) -> web.StreamResponse:
    """Save all limits. Walls have them once they are opened again."""
    viewer = await access.require(request, "settings")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    wanted = {name: _read(await field(request, name), kind) for name, kind in KINDS.items()}
    async with access.rows(request, viewer) as rows:
        await rows.lock()
        before = rows.organisation.alert_limits
        changed = {
            kind: f"{_shown(before[kind])} → {_shown(wanted[kind])}" for kind in KINDS if before[kind] != wanted[kind]
        }
        for kind, seconds in wanted.items():
            setattr(rows.organisation, f"alert_{kind}", seconds)
        if changed:
            await rows.audit.record("alerts.changed", changed)
    raise saved("/settings/alerts")


def _read(text: str, kind: Kind) -> int | None:
    """Return seconds; None for an empty field. Raise `InvalidError`."""
    if not tidy(text):
        return None
    number = whole_number(text)
    if number is None or not kind.least <= number <= kind.most:
        raise InvalidError(f"{kind.title}: enter a number from {kind.least} to {kind.most}, or leave it empty.")
    return number * kind.unit


def _shown(seconds: int | None) -> str:
    return "never" if seconds is None else f"{seconds} s"
