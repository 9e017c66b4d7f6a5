"""One webhook endpoint: what was sent there and what it answered; test it, send again, change it, switch it off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import WebhookDelivery, WebhookEndpoint
from db.queries.integrations.events import KEPT
from db.queries.integrations.webhooks import OVERLAP
from web.integrations.webhooks import CHANGES, TYPES, host_of, sent_types, state_of
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import InvalidError, NotFoundError
from web.request.forms import field, read_uuid
from web.request.render import render

LISTED = 50
_HERE = "/webhooks/{endpoint}"

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery as shown. Times are in the organisation's time zone."""

    id: UUID
    type: str
    state: str
    attempts: int
    answer: str
    at: datetime
    """Of the last attempt; before the first, when it was to be sent."""
    next_try_at: datetime | None


@routes.get(_HERE)
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    return await _page(request, await access.require(request, "integrations"))


@routes.post(_HERE + "/types")
async def change(request: web.Request) -> web.StreamResponse:
    """Change which events are sent there."""
    types = await sent_types(request)
    async with _changed(request) as (rows, endpoint):
        if not types:
            raise InvalidError("Choose at least one event. Go back and try again.")
        endpoint.types = sorted(types)
        await rows.audit.record("webhook.changed", {"host": host_of(endpoint), "events": ", ".join(types)})
    raise _back(endpoint)


@routes.post(_HERE + "/test")
async def test(request: web.Request) -> web.StreamResponse:
    """Have a test sent."""
    async with _changed(request) as (rows, endpoint):
        if endpoint.off_at is not None:
            raise InvalidError("Switch it on first.")
        await rows.webhooks.test(endpoint)
    raise _back(endpoint)


@routes.post(_HERE + "/rotate")
async def rotate(request: web.Request) -> web.StreamResponse:
    """Give the endpoint a new secret, and show it this once."""
    async with _changed(request) as (rows, endpoint):
        await rows.webhooks.rotate(endpoint)
        await rows.audit.record("webhook.secret_rotated", {"host": host_of(endpoint)})
    return await _page(request, await access.require(request, "integrations"), secret=endpoint.secret)


@routes.post(_HERE + "/off")
async def switch_off(request: web.Request) -> web.StreamResponse:
    """Send nothing there any more."""
    async with _changed(request) as (rows, endpoint):
        if endpoint.off_at is None:
            await rows.webhooks.switch_off(endpoint)
            await rows.audit.record("webhook.switched_off", {"host": host_of(endpoint), "why": "member"})
    raise _back(endpoint)


@routes.post(_HERE + "/on")
async def switch_on(request: web.Request) -> web.StreamResponse:
    """Send there again."""
    async with _changed(request) as (rows, endpoint):
        if endpoint.off_at is not None:
            await rows.webhooks.switch_on(endpoint)
            await rows.audit.record("webhook.switched_on", {"host": host_of(endpoint)})
    raise _back(endpoint)


@routes.post(_HERE + "/remove")
async def remove(request: web.Request) -> web.StreamResponse:
    """Remove it, with what is on its way there."""
    async with _changed(request) as (rows, endpoint):
        await rows.webhooks.remove(endpoint)
        await rows.audit.record("webhook.removed", {"host": host_of(endpoint)})
    raise web.HTTPSeeOther("/webhooks")


@routes.post(_HERE + "/again/{delivery}")
async def again(request: web.Request) -> web.StreamResponse:
    """Send one event again."""
    delivery = read_uuid(request.match_info["delivery"])
    async with _changed(request) as (rows, endpoint):
        if endpoint.off_at is not None:
            raise InvalidError("Switch it on first.")
        if not await rows.webhooks.send_again(endpoint.id, delivery):
            raise NotFoundError
        await rows.audit.record("webhook.sent_again", {"host": host_of(endpoint), "events": 1})
    raise _back(endpoint)


@routes.post(_HERE + "/since")
async def since(request: web.Request) -> web.StreamResponse:
    """Send again what failed or was never sent since a time of the organisation's clock."""
    typed = await field(request, "since")
    async with _changed(request) as (rows, endpoint):
        if endpoint.off_at is not None:
            raise InvalidError("Switch it on first.")
        count = await rows.webhooks.send_since(endpoint, _time(typed, ZoneInfo(rows.organisation.time_zone)))
        await rows.audit.record("webhook.sent_again", {"host": host_of(endpoint), "events": count})
    raise _back(endpoint)


@asynccontextmanager
async def _changed(request: web.Request) -> AsyncIterator[tuple[Rows, WebhookEndpoint]]:
    """Open the endpoint that the path names, locked, for a change. Raise `NotFoundError`."""
    viewer = await access.require(request, "integrations")
    await limits.hit(request, CHANGES, str(viewer.organisation_id))
    async with access.rows(request, viewer) as rows:
        yield rows, await _found(request, rows)


async def _found(request: web.Request, rows: Rows) -> WebhookEndpoint:
    endpoint = await rows.webhooks.get(read_uuid(request.match_info["endpoint"]))
    if endpoint is None:
        raise NotFoundError
    return endpoint


async def _page(request: web.Request, viewer: Viewer, secret: str = "") -> web.Response:
    async with access.rows(request, viewer) as rows:
        endpoint = await _found(request, rows)
        zone = ZoneInfo(rows.organisation.time_zone)
        sent = [_sent(*each, zone) for each in await rows.webhooks.deliveries(endpoint.id, LISTED)]
    now = datetime.now(UTC)
    return render(
        request,
        "integrations/endpoint.html",
        endpoint=endpoint,
        host=host_of(endpoint),
        state=state_of(endpoint),
        is_overlapping=endpoint.former_until is not None and now < endpoint.former_until,
        hours=int(OVERLAP.total_seconds() // 3600),
        secret=secret,
        sent=sent,
        types=TYPES,
        kept_days=KEPT.days,
        earliest=(now - KEPT).astimezone(zone),
    )


def _sent(delivery: WebhookDelivery, kind: str, zone: ZoneInfo) -> Sent:
    answer = str(delivery.status) if delivery.status is not None else delivery.error or ""
    next_try_at = None if delivery.next_try_at is None else delivery.next_try_at.astimezone(zone)
    at = (delivery.tried_at or delivery.created_at).astimezone(zone)
    return Sent(delivery.id, kind, delivery.state, delivery.attempts, answer, at, next_try_at)


def _time(text: str, zone: ZoneInfo) -> datetime:
    """Return the time that ``text`` (ISO 8601) means in ``zone``. Raise `InvalidError`."""
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=zone)
        if at.year not in range(2000, 9000):
            raise ValueError
    except ValueError:
        raise InvalidError("That is not a time. Go back and choose one.") from None
    return at


def _back(endpoint: WebhookEndpoint) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(f"/webhooks/{endpoint.id}")
