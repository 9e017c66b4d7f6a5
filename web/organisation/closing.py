"""Ask for the organisation to be closed, or take that back. `provisioning.billing.closing` does it on its day."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from provisioning.billing import closing
from web.config import SETTINGS
from web.organisation.data import Problem, page
from web.people.factor import checking
from web.request import access
from web.request.errors import ConflictError
from web.request.forms import field
from web.request.typed import tidy

routes = web.RouteTableDef()


@routes.post("/settings/data/close")
async def close(request: web.Request) -> web.StreamResponse:
    """Ask for the closing, if the organisation's name was typed, and a code if the owner has a second factor."""
    viewer = await access.require(request, "data")
    typed = tidy(await field(request, "name"))
    if typed.casefold() != tidy(viewer.organisation).casefold():
        sentence = f"That is not the name of your organisation, {viewer.organisation}. Nothing was changed."
        return await page(request, viewer, Problem("close", sentence, typed[:160]))

    async def again(problem: str) -> web.Response:
        return await page(request, viewer, Problem("close", problem, typed[:160]))

    if refused := await checking.refused(request, viewer, again):
        return refused
    grace = timedelta(days=request.app[SETTINGS].closing_grace_days)
    async with access.rows(request, viewer) as rows:
        if await rows.closures.ask(viewer.member_id, grace) is not None:
            await rows.audit.record("organisation.closing_asked", {"days": grace.days})
            await closing.tell(rows.session, viewer.organisation_id, "closing", await rows.closures.current())
    raise web.HTTPSeeOther("/settings/data#close")


@routes.post("/settings/data/keep")
async def keep(request: web.Request) -> web.StreamResponse:
    """Take the closing back. Owners are told by mail."""
    viewer = await access.require(request, "data")
    async with access.rows(request, viewer) as rows:
        if await rows.closures.take_back():
            await rows.audit.record("organisation.closing_stopped")
            await closing.tell(rows.session, viewer.organisation_id, "closing_stopped", None)
        elif await rows.closures.current() is not None:
            raise ConflictError("closing", "It is too late: your organisation is being closed.")
    raise web.HTTPSeeOther("/settings/data#close")
