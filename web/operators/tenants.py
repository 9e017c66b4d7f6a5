"""The organisations of the installation: what an operator sees of each, and how one is suspended."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from db.queries.audit import Actor, record
from db.queries.operators import log, tenants
from provisioning.billing.closing import TELL
from provisioning.jobs import enqueue
from web.operators import cookies, gate
from web.operators.gate import Visit
from web.request.errors import ConflictError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.typed import tidy

SHORTEST, LONGEST = 10, 300  # characters of a reason

routes = web.RouteTableDef()


@routes.get(cookies.PATH)
async def show(request: web.Request) -> web.StreamResponse:
    """Show all organisations."""
    return await _page(request, await gate.require(request))


@routes.post(f"{cookies.PATH}/organisations/{{organisation}}/suspend")
async def suspend(request: web.Request) -> web.StreamResponse:
    """Suspend an organisation: nothing works for it, and its members read why."""
    visit = await gate.require(request, "operator")
    organisation_id, reason = _id(request), tidy(await field(request, "reason"))
    if not SHORTEST <= len(reason) <= LONGEST:
        return await _page(request, visit, wrong=organisation_id, typed=reason[:LONGEST])
    async with gate.rows(request) as session:
        if not await tenants.suspend(session, organisation_id, reason):
            raise NotFoundError
        await _note(request, session, visit, organisation_id, "organisation.suspended", reason)
    raise web.HTTPSeeOther(f"{cookies.PATH}#organisation-{organisation_id}")


@routes.post(f"{cookies.PATH}/organisations/{{organisation}}/resume")
async def resume(request: web.Request) -> web.StreamResponse:
    """Let an organisation work again."""
    visit = await gate.require(request, "operator")
    organisation_id = _id(request)
    async with gate.rows(request) as session:
        try:
            found = await tenants.resume(session, organisation_id)
        except tenants.ClosingError:
            sentence = "This organisation is being closed. That cannot be undone."
            raise ConflictError("closing", sentence) from None
        if not found:
            raise NotFoundError
        await _note(request, session, visit, organisation_id, "organisation.resumed")
    raise web.HTTPSeeOther(f"{cookies.PATH}#organisation-{organisation_id}")


@routes.get(f"{cookies.PATH}/log")
async def show_log(request: web.Request) -> web.StreamResponse:
    """Show what operators did."""
    visit = await gate.require(request)
    async with gate.rows(request) as session:
        entries, receipts = await log.newest(session), await log.receipts(session)
    return gate.render(request, "operators/log.html", visit, entries=entries, receipts=receipts)


async def _note(
    request: web.Request,
    session: AsyncSession,
    visit: Visit,
    organisation_id: UUID,
    action: str,
    reason: str = "",
) -> None:
    """Write it down twice, for operators and for the organisation, and have its consoles closed or opened."""
    await gate.record(request, session, visit.operator, action, organisation_id=organisation_id, reason=reason)
    details = {"reason": reason} if reason else None
    await record(session, organisation_id, action, details, Actor("Operator"))
    await enqueue(session, TELL, {"organisation": str(organisation_id)}, key=f"{organisation_id} {action}")


async def _page(request: web.Request, visit: Visit, *, wrong: UUID | None = None, typed: str = "") -> web.Response:
    async with gate.rows(request) as session:
        everybody = await tenants.everybody(session)
    context = {
        "tenants": everybody,
        "seats": sum(each.seats for each in everybody),
        "live_calls": sum(each.live_calls for each in everybody),
        "errors": sum(each.errors for each in everybody),
        "suspended": sum(each.suspended_at is not None for each in everybody),
        "wrong": wrong,
        "typed": typed,
        "shortest": SHORTEST,
        "longest": LONGEST,
    }
    return gate.render(request, "operators/tenants.html", visit, status=400 if wrong else 200, **context)


def _id(request: web.Request) -> UUID:
    return read_uuid(request.match_info["organisation"])
