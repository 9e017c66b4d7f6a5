"""Open the transcript of a call: it is in the audit log before the page has the ticket that tells media who reads.

Once for each member and call, however often the page connects again.
"""

from __future__ import annotations

import re
from datetime import timedelta

from aiohttp import web

from db.queries.audit import AuditFilter, details_of
from db.queries.rate_limits import Limit
from protocol.tickets import sign_reading
from web.config import SETTINGS
from web.helping import watching
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.errors import NotFoundError

OPENINGS = Limit("transcripts opened", count=240, seconds=60)
LONGEST = timedelta(hours=12)  # that a call may last, with room to spare
MOST = 500  # entries to look through
_CALL = re.compile("CA[0-9A-Za-z]{1,40}")  # whatever media calls a call

routes = web.RouteTableDef()


@routes.post("/helping/{call}/read")
async def read(request: web.Request) -> web.Response:
    """Write down that the viewer reads a call. Return ``{"ticket": …}`` for their console.

    A call that has no row yet is written down as well: what cannot be looked up must not be read unseen.
    """
    viewer = await access.require(request, "supervise")
    sid = request.match_info["call"]
    if not _CALL.fullmatch(sid):
        raise NotFoundError("There is no such call.")
    await limits.hit(request, OPENINGS, str(viewer.member_id))
    async with access.of_organisation(request, viewer) as rows:
        call = await rows.calls.get(sid)
        if not await _is_written_down(rows, viewer, sid):
            await watching.record_call(
                rows, viewer, "opened_transcript", sid, None if call is None else call.agent_id
            )
        shown = rows.organisation.watchers_shown
    ticket = sign_reading(
        request.app[SETTINGS].stream_shared_secret.get_secret_value(),
        org=str(viewer.organisation_id),
        sub=str(viewer.member_id),
        name=viewer.name or viewer.role,
        call=sid,
        shown=shown,
    )
    return web.json_response({"ticket": ticket})


async def _is_written_down(rows: Rows, viewer: Viewer, sid: str) -> bool:
    since = await rows.presence.now() - LONGEST
    mine = AuditFilter("watching.opened_transcript", viewer.member_id, since=since)
    return any(details_of(entry).get("call") == sid for entry in await rows.audit.page(mine, limit=MOST))
