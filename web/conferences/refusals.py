"""What a page is told when a command about a call cannot be done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from aiohttp import web

from web.conferences.machine.room import RefusedError
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import ConflictError

NO_SUCH_CALL = "There is no such call."


@asynccontextmanager
async def commanded(
    request: web.Request, viewer: Viewer, sentences: Mapping[str, str], does: str
) -> AsyncIterator[Rows]:
    """Yield the rows of a command's transaction. Raise `ConflictError` for a `RefusedError` in it.

    The page is told one of ``sentences``, by code; of a call that somebody else has, who ``does``.
    """
    try:
        async with access.of_organisation(request, viewer) as rows:
            yield rows
    except RefusedError as refusal:
        by = None if refusal.by is None else await _name(request, viewer, refusal.by)
        sentence = f"{by} {does}" if by else sentences.get(refusal.code, "This cannot be done now.")
        raise ConflictError(refusal.code, sentence, by) from None


async def _name(request: web.Request, viewer: Viewer, member_id: UUID) -> str | None:
    async with access.of_organisation(request, viewer) as rows:
        member = await rows.members.get(member_id)
    return None if member is None else member.name
