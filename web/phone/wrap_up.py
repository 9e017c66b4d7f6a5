"""What a member says of a call that has ended, and that they are ready for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web

from db.models import Call, Choice
from db.queries.contacts.contacts import TooManyContactsError
from db.queries.phone.wrap_ups import WrapUp
from web.phone import presence
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import read_as, read_uuid
from web.request.typed import tidy

LONGEST_NOTE = 2000  # characters
LONGEST_NAME = 120
MOST_TAGS = 20

routes = web.RouteTableDef()


class _Said(msgspec.Struct):
    outcome: UUID | None = None
    tags: Annotated[list[UUID], msgspec.Meta(max_length=MOST_TAGS)] = []
    follow_up: bool = False
    note: Annotated[str, msgspec.Meta(max_length=LONGEST_NOTE)] = ""
    contact: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    """A name to keep for the customer's number."""
    done: bool = False
    """Whether the member is ready for the next call."""


@routes.post("/phone/calls/{call}/wrap-up")
async def wrap_up(request: web.Request) -> web.Response:
    """Replace what was said of a call in which the member had a part; also after the time for it has ended."""
    viewer = await access.require(request, "softphone")
    call_id, said = read_uuid(request.match_info["call"]), await read_as(request, _Said)
    async with access.of_organisation(request, viewer) as rows:
        call = await rows.wrap_ups.of_member(call_id, viewer.member_id)
        if call is None:
            raise NotFoundError("You have no such call.")
        _check(said, await rows.choices.all(), notes_on=rows.organisation.notes_on)
        note = said.note.strip() or None
        now = await rows.presence.now()
        await rows.wrap_ups.store(call, WrapUp(said.outcome, tuple(said.tags), said.follow_up, note), now)
        await _keep_contact(rows, call, tidy(said.contact))
        if said.done:
            await _end(rows, viewer, call_id, now)
    return web.json_response({})


def _check(said: _Said, choices: Sequence[Choice], *, notes_on: bool) -> None:
    """Check outcome, tags and note against what the organisation offers. Raise `InvalidError`."""
    outcomes = {each.id for each in choices if each.kind == "outcome"}
    tags = {each.id for each in choices if each.kind == "tag"}
    if said.outcome is not None and said.outcome not in outcomes:
        raise InvalidError("That outcome no longer exists. Choose one from the list.")
    if not tags.issuperset(said.tags):
        raise InvalidError("That tag no longer exists. Choose from the list.")
    if said.note.strip() and not notes_on:
        raise InvalidError("Your organisation does not keep notes.")


async def _keep_contact(rows: Rows, call: Call, name: str) -> None:
    if not name:
        return
    if call.customer_hash is None:
        raise InvalidError("This caller withheld their number, so no name can be kept for it.")
    try:
        await rows.contacts.keep({call.customer: name})
    except TooManyContactsError:
        raise ConflictError("full", "Your organisation has reached the maximum number of contacts.") from None


async def _end(rows: Rows, viewer: Viewer, call_id: UUID, now: datetime) -> None:
    stored = await rows.presence.locked(viewer.member_id)
    if stored is not None and stored.wrap_up_call_id == call_id:
        await rows.presence.store(viewer.member_id, presence.wrapped_up(stored, now))
