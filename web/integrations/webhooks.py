"""Webhook endpoints: where they are, which events they get, whether they answer; and a form for another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field as default
from typing import get_args
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web

from db.models import WebhookEndpoint
from db.queries.integrations.events import CallEventType, EventType, MemberEventType, NumberEventType
from db.queries.integrations.webhooks import MOST, TooManyEndpointsError
from db.queries.rate_limits import Limit
from provisioning.egress.targets import WrongUrlError, target
from web.config import SETTINGS
from web.request import access, limits
from web.request.access import Viewer
from web.request.forms import field
from web.request.render import render

CHANGES = Limit("webhooks", count=60, seconds=10 * 60)
TYPES: Sequence[EventType] = (*get_args(CallEventType), *get_args(NumberEventType), *get_args(MemberEventType))
_OF_CALLS = frozenset(get_args(CallEventType))

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Typed:
    """The form, and what is wrong with it by field."""

    url: str = ""
    types: Collection[EventType] = _OF_CALLS
    wrong: Mapping[str, str] = default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint as shown."""

    id: UUID
    host: str
    types: Sequence[str]
    state: str
    """``on``, ``failing``, or why it is off."""


@routes.get("/webhooks")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request, await access.require(request, "integrations"), Typed())


@routes.post("/webhooks")
async def add(request: web.Request) -> web.StreamResponse:
    """Add an endpoint, and show its secret: this once."""
    viewer = await access.require(request, "integrations")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    typed = await _typed(request)
    if typed.wrong:
        return await _page(request, viewer, typed)
    try:
        async with access.rows(request, viewer) as rows:
            await rows.lock()
            endpoint = await rows.webhooks.add(url=typed.url, types=typed.types, created_by=viewer.member_id)
            await rows.audit.record("webhook.added", {"host": host_of(endpoint), "events": ", ".join(typed.types)})
    except TooManyEndpointsError:
        wrong = {"url": f"You already have {MOST} endpoints, the maximum."}
        return await _page(request, viewer, Typed(typed.url, typed.types, wrong))
    return await _page(request, viewer, Typed(), added=endpoint)


async def sent_types(request: web.Request) -> Collection[EventType]:
    """Return the events that are ticked in a form."""
    return [each for each in TYPES if await field(request, f"type_{each}")]


def host_of(endpoint: WebhookEndpoint) -> str:
    """Return the part of its address that may be shown anywhere: the rest may hold a password."""
    return urlsplit(endpoint.url).hostname or ""


def state_of(endpoint: WebhookEndpoint) -> str:
    """Return ``on``, ``failing``, or ``off_`` and why."""
    if endpoint.off_at is not None:
        return f"off_{endpoint.off_reason}"
    return "on" if endpoint.failing_since is None else "failing"


async def _typed(request: web.Request) -> Typed:
    url, types = (await field(request, "url")).strip(), await sent_types(request)
    wrong: dict[str, str] = {}
    try:
        target(url, own_url=request.app[SETTINGS].web_public_url)
    except WrongUrlError as error:
        wrong["url"] = str(error)
    if not types:
        wrong["types"] = "Choose at least one event."
    return Typed(url[:500], types, wrong)


async def _page(
    request: web.Request, viewer: Viewer, typed: Typed, added: WebhookEndpoint | None = None
) -> web.Response:
    async with access.rows(request, viewer) as rows:
        endpoints = await rows.webhooks.all()
    return render(
        request,
        "integrations/webhooks.html",
        status=400 if typed.wrong else 200,
        typed=typed,
        added=added,
        lines=[EndpointRow(each.id, host_of(each), each.types, state_of(each)) for each in endpoints],
        types=TYPES,
    )
