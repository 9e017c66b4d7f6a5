"""Answer a call that rings or waits, or decline it. The first who answers has it; the others are told by whom.

A claim is one transaction: the room's row is locked first, then the member's presence, then the offers end. Whoever
claims has ten seconds to join with their softphone (`web.conferences.machine`); after that the call rings again.
"""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from db.queries.phone.offers import OfferKind
from web.conferences import rooms
from web.conferences.machine.events import Claim, NobodyTook
from web.conferences.machine.room import LONELY, RefusedError, Room
from web.conferences.performing import follow
from web.conferences.refusals import NO_SUCH_CALL, commanded
from web.conferences.rooms import Change
from web.phone import presence
from web.request import access
from web.request.access import Rows, Viewer
from web.request.errors import NotFoundError, NotSignedInError
from web.request.forms import read_uuid

_SENTENCES = {
    "taken": "Somebody else has answered this call.",
    "over": "This call has ended.",
    "not_invited": "This call is being transferred to somebody else.",
    "busy": "You are on another call.",
    "no_phone": "Your phone is not ready. Switch it on here, and allow the microphone.",
}

routes = web.RouteTableDef()


@routes.post("/phone/calls/{call}/claim")
async def claim(request: web.Request) -> web.Response:
    """Answer a call that rings here."""
    return await _take(request, picks=False)


@routes.post("/phone/calls/{call}/pick")
async def pick(request: web.Request) -> web.Response:
    """Answer a call that waits, wherever it rings."""
    return await _take(request, picks=True)


@routes.post("/phone/calls/{call}/decline")
async def decline(request: web.Request) -> web.Response:
    """Stop this call from ringing here again. Declining what does not ring any more changes nothing."""
    viewer = await access.require(request, "softphone")
    call = read_uuid(request.match_info["call"])
    async with access.of_organisation(request, viewer) as rows:
        change = await _decline(rows, viewer, call)
    follow(request.app, change)
    return web.json_response({})


async def _take(request: web.Request, *, picks: bool) -> web.Response:
    viewer = await access.require(request, "softphone")
    call = read_uuid(request.match_info["call"])
    async with commanded(request, viewer, _SENTENCES, "has answered this call.") as rows:
        change = await _claim(rows, viewer, call, picks=picks)
    follow(request.app, change)
    return web.json_response({})


async def _claim(rows: Rows, viewer: Viewer, call: UUID, *, picks: bool) -> Change:
    """Give the call to the viewer; ``picks``: from the queue.

    Raise `RefusedError`, and `NotFoundError` for a call of another organisation.
    """
    change = await rooms.apply(rows, call, Claim(viewer.member_id))
    if change is None:
        raise NotFoundError(NO_SUCH_CALL)
    if change.before == change.after:  # a doubled click, or a claim whose answer was lost
        return change
    now, kind = await rows.presence.now(), _kind(change.before)
    stored = await rows.presence.locked(viewer.member_id)
    if stored is None:
        raise NotSignedInError
    returns = change.before.returning_to == viewer.member_id
    if not (presence.is_heard if returns else presence.can_ring)(stored, now):
        raise RefusedError("no_phone")
    if await _is_elsewhere(rows, viewer.member_id, call):
        raise RefusedError("busy")
    rang = await rows.offers.end_call(call, viewer.member_id, "claimed", "taken", now)
    if not rang:
        if kind != "call" and (picks or not await _was_invited(rows, viewer.member_id, call, kind)):
            raise RefusedError("not_invited")
        await rows.offers.claimed(call, viewer.member_id, kind, now)
    if stored.wrap_up_until is not None and stored.wrap_up_until > now:
        await rows.presence.store(viewer.member_id, presence.wrapped_up(stored, now))
    return change


async def _decline(rows: Rows, viewer: Viewer, call: UUID) -> Change | None:
    found = await rooms.locked(rows, call)
    if found is None:
        raise NotFoundError(NO_SUCH_CALL)
    room = found[1]
    if not await rows.offers.end_call(call, viewer.member_id, "declined", None, await rows.presence.now()):
        return None
    await rows.presence.notify()
    target = room.transfer.target if room.transfer is not None and room.wants_target else None
    if target is not None and target.kind == "member" and target.id == viewer.member_id:
        return await rooms.apply(rows, call, NobodyTook("declined"))
    return None


def _kind(room: Room) -> OfferKind:
    """Return what a claim of ``room`` takes: the customer, or a call that is handed over."""
    if room.transfer is None or not room.wants_target or room.phase in LONELY:
        return "call"
    return "transfer" if room.transfer.kind == "blind" else "consult"


async def _is_elsewhere(rows: Rows, member: UUID, call: UUID) -> bool:
    for other in await rows.offers.taken_by(member):
        room = await rooms.load(rows, other) if other != call else None
        if room is not None and room.concerns(member):
            return True
    return False


async def _was_invited(rows: Rows, member: UUID, call: UUID, kind: OfferKind) -> bool:
    """Return whether it rang here until a moment ago."""
    return any(offer.member == member and offer.kind == kind for offer in await rows.offers.of([call]))
