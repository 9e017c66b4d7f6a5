"""What a page is told when a command about a call cannot be done."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from web.conferences.machine.room import RefusedError
from web.request import access
from web.request.access import Viewer
from web.request.errors import ConflictError

NO_SUCH_CALL = "There is no such call."


async def refused(
    request: web.Request, viewer: Viewer, refusal: RefusedError, sentences: Mapping[str, str], does: str
) -> ConflictError:
    """Return the refusal: one of ``sentences``, by code; of a call that somebody else has, who ``does``."""
    sentence, by = sentences.get(refusal.code, "This cannot be done now."), None
    if refusal.by is not None:
        async with access.of_organisation(request, viewer) as rows:
            member = await rows.members.get(refusal.by)
        by = None if member is None else member.name
    return ConflictError(refusal.code, f"{by} {does}" if by else sentence, by)
