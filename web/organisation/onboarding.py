"""The onboarding page: the checklist, the event stream that updates it, and retrying the number order."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from db.queries.log.call_filter import CallFilter
from web.config import SETTINGS
from web.numbers.view import steps
from web.organisation import checklist
from web.organisation.checklist import Setup
from web.organisation.onboarding_events import PROGRESS
from web.request import access
from web.request.access import Viewer
from web.request.callers import shown
from web.request.errors import ForbiddenError, NotFoundError, NotSignedInError, TooManyError
from web.request.event_stream import opened
from web.request.forms import field, read_uuid
from web.request.render import render

routes = web.RouteTableDef()


@routes.get("/onboarding")
async def onboarding(request: web.Request) -> web.StreamResponse:
    """Show the checklist."""
    viewer = await access.require(request, "settings")
    test_calls = bool(request.app[SETTINGS].test_call_url)
    return render(request, "organisation/onboarding.html", state=await look(request, viewer), test_calls=test_calls)


@routes.get("/onboarding/standing")
async def state(request: web.Request) -> web.StreamResponse:
    """Return the state as JSON, for browsers that cannot use the event stream."""
    viewer = await access.require(request, "settings")
    return web.json_response(await look(request, viewer))


@routes.post("/onboarding/try-again")
async def try_again(request: web.Request) -> web.StreamResponse:
    """Retry a waiting or failed order now."""
    viewer = await access.require(request, "settings")
    order_id = read_uuid(await field(request, "order"))
    async with access.rows(request, viewer) as rows:
        if await rows.orders.find(order_id) is None:
            raise NotFoundError
        if await rows.ordering.try_again(order_id) is not None:
            await rows.audit.record("number.tried_again", {"order": str(order_id)})
    raise web.HTTPSeeOther("/onboarding")


@routes.get("/onboarding/events", allow_head=False)
async def events(request: web.Request) -> web.StreamResponse:
    """Stream the state as Server-Sent Events whenever it changes."""
    viewer = await access.require(request, "settings")
    progress = request.app[PROGRESS]
    full = TooManyError(progress.timing.look, "Too many pages of your organisation are open. Close some of them.")
    async with opened(request, progress.listening(viewer.organisation_id), full=full) as (answer, event):
        await _tell(request, viewer, answer, event)
    return answer


async def _tell(request: web.Request, viewer: Viewer, answer: web.StreamResponse, event: asyncio.Event) -> None:
    progress = request.app[PROGRESS]
    last, until = "", asyncio.get_running_loop().time() + progress.timing.stream
    while not progress.closing and asyncio.get_running_loop().time() < until:
        state = json.dumps(await look(request, viewer))
        # A comment keeps the connection open, and detects a client that has gone.
        await answer.write(f"data: {state}\n\n".encode() if state != last else b":\n\n")
        last = state
        await progress.news(event)


async def look(request: web.Request, viewer: Viewer) -> dict[str, Any]:
    """Return the state of the organisation for the page and the stream."""
    settings = request.app[SETTINGS]
    async with access.rows(request, viewer) as rows:
        setup = Setup(
            organisation=rows.organisation,
            bundle=await rows.ordering.bundle(),
            has_platform_bundle=settings.has_platform_bundle,
            numbers=await rows.numbers.all(),
            orders=await rows.orders.all(),
            answered=bool((await rows.log.page(CallFilter(direction="inbound", outcome="answered"), limit=1)).calls),
            members=await rows.members.all(),
            pays=viewer.may("billing"),
        )
    me = next((member for member in setup.members if member.id == viewer.member_id), None)
    if me is None:
        raise NotSignedInError
    if "settings" not in access.PERMISSIONS[me.role]:  # the role has changed while the stream was open
        raise ForbiddenError
    return _as_json(setup)


def _as_json(setup: Setup) -> dict[str, Any]:
    items, order = checklist.items(setup), checklist.order_under_way(setup)
    return {
        "items": [asdict(item) for item in items],
        "done": sum(item.done for item in items),
        "steps": [asdict(step) for step in steps(order)],
        "number": shown(order.candidate) if order is not None and order.candidate else "",
        "trouble": order.error_sentence or "" if order is not None else "",
        "again": checklist.again(order, datetime.now(UTC)),
        "order": str(order.id) if order is not None else "",
        "may_retry": order is not None and bool(order.error_sentence),
        "may_choose": checklist.may_choose(order),
        "next": checklist.next_up(setup) or "",
        "ring": "" if setup.answered else checklist.number_to_ring(setup),
    }
