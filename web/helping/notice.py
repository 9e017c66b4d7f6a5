"""What supervisors may watch, in plain words for those whom it is about, and when each has confirmed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Member
from web.request import access
from web.request.errors import NotSignedInError
from web.request.render import render

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Confirmation:
    """When a member last confirmed the notice, in the organisation's time zone; None: not yet."""

    name: str
    at: datetime | None


@routes.get("/watching")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the notice to any member."""
    viewer = await access.require(request, "console")
    async with access.rows(request, viewer) as rows:
        organisation = rows.organisation
        member = await rows.members.get(viewer.member_id)
        at = None if member is None else member.notice_confirmed_at
        return render(
            request,
            "helping/notice.html",
            listening=organisation.listening,
            watchers_shown=organisation.watchers_shown,
            confirmed_at=None if at is None else at.astimezone(ZoneInfo(organisation.time_zone)),
        )


@routes.post("/watching")
async def confirm(request: web.Request) -> web.StreamResponse:
    """Keep that the viewer has read the notice today."""
    viewer = await access.require(request, "console")
    async with access.rows(request, viewer) as rows:
        member = await rows.members.get(viewer.member_id)
        if member is None:
            raise NotSignedInError
        member.notice_confirmed_at = await rows.presence.now()
        await rows.audit.record("notice.confirmed")
    raise web.HTTPSeeOther("/watching")


def confirmations(members: Iterable[Member], zone: str) -> list[Confirmation]:
    """Return who has confirmed the notice and when, agents first."""
    ordered = sorted(members, key=lambda each: (each.role != "agent", each.name.casefold()))
    return [
        Confirmation(
            each.name,
            None if each.notice_confirmed_at is None else each.notice_confirmed_at.astimezone(ZoneInfo(zone)),
        )
        for each in ordered
    ]
