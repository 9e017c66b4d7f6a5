"""What a console sends about its member: that it is alive, that it takes over, and what the member chooses to be."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from db.base import ChosenPresence
from db.queries.phone.presence import StoredPresence
from web.phone import presence
from web.phone.presence import ConsoleHeartbeat
from web.request import access
from web.request.access import Rows
from web.request.errors import InvalidError, NotSignedInError
from web.request.forms import read_as

ConsoleId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""What a browser made up to tell itself from the member's other computers."""

routes = web.RouteTableDef()


class _Heartbeat(msgspec.Struct):
    console: ConsoleId
    registered: bool
    microphone: bool


class _Console(msgspec.Struct):
    console: ConsoleId


class _Choice(msgspec.Struct):
    state: ChosenPresence
    reason: UUID | None = None


@routes.post("/phone/beat")
async def note_heartbeat(request: web.Request) -> web.Response:
    """Note that the console lives, and answer whether it holds the phone.

    Only what colleagues can see wakes anybody: a console heartbeat like the one before does not.
    """
    viewer = await access.require(request, "softphone")
    sent = await read_as(request, _Heartbeat)
    async with access.presence(request, viewer) as mine:
        if await mine.repeat_heartbeat(
            viewer.member_id,
            sent.console,
            registered=sent.registered,
            microphone=sent.microphone,
            since=presence.REACHABLE,
            on=presence.LONGEST,
        ):
            return web.json_response({"leader": True})
    async with access.rows(request, viewer) as rows:
        before = await _mine(rows, viewer.member_id)
        now = await rows.presence.now()
        heartbeat = ConsoleHeartbeat(sent.console, sent.registered, sent.microphone)
        after = presence.after_heartbeat(before, heartbeat, now)
        if presence.differ(before, after, now):
            await rows.presence.store(viewer.member_id, after)
        elif after != before:
            await rows.presence.keep(viewer.member_id, after)
    return web.json_response({"leader": after.console == sent.console})


@routes.post("/phone/take-over")
async def take_over(request: web.Request) -> web.Response:
    """Let this console hold the phone, whichever did."""
    viewer = await access.require(request, "softphone")
    sent = await read_as(request, _Console)
    async with access.rows(request, viewer) as rows:
        before = await _mine(rows, viewer.member_id)
        after = presence.taken_over(before, sent.console, await rows.presence.now())
        await rows.presence.store(viewer.member_id, after)
    return web.json_response({})


@routes.post("/phone/presence")
async def choose(request: web.Request) -> web.Response:
    """Set the member available, on a break (for one of the organisation's reasons, or none) or offline."""
    viewer = await access.require(request, "softphone")
    sent = await read_as(request, _Choice)
    async with access.rows(request, viewer) as rows:
        if sent.reason is not None and not await rows.choices.may_choose("break", sent.reason):
            raise InvalidError("There is no such reason for a break. Choose one from the list.")
        before = await _mine(rows, viewer.member_id)
        after = presence.chosen(before, sent.state, sent.reason, await rows.presence.now())
        if after != before:
            await rows.presence.store(viewer.member_id, after)
    return web.json_response({})


async def _mine(rows: Rows, member_id: UUID) -> StoredPresence:
    stored = await rows.presence.locked(member_id)
    if stored is None:  # removed since the request began
        raise NotSignedInError
    return stored
