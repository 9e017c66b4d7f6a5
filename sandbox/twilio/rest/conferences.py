"""REST of conferences: fetch, list, end, announce.

While a conference goes on its name stands for its sid. One that has ended is read by its sid, not changed (20404).
"""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox.twilio.conference.room import Room
from sandbox.twilio.conference.station import announce
from sandbox.twilio.phone.exchange import EXCHANGE
from sandbox.twilio.phone.leg import API_VERSION
from sandbox.twilio.rest.framework import ACCOUNT, RestError, form, not_found, page
from sandbox.twilio.rest.parameters import at_times, choice, known, url

routes = web.RouteTableDef()
CONFERENCE = f"{ACCOUNT}/Conferences/{{conference}}"
UPDATE = "Status AnnounceUrl AnnounceMethod"


@routes.get(f"{ACCOUNT}/Conferences.json")
async def list_conferences(request: web.Request) -> web.Response:
    """Return the conferences, newest first."""
    query = request.query
    in_time = at_times(query, ("DateCreated", "DateUpdated"))
    found = [
        room
        for room in reversed(list(request.app[EXCHANGE].rooms))
        if query.get("FriendlyName", room.name) == room.name and query.get("Status", room.status) == room.status
        if in_time({"DateCreated": room.created, "DateUpdated": room.updated})
    ]
    return page(request, "conferences", [conference_json(room) for room in found])


@routes.get(f"{CONFERENCE}.json")
async def fetch_conference(request: web.Request) -> web.Response:
    """Return one conference."""
    return web.json_response(conference_json(room_of(request)))


@routes.post(f"{CONFERENCE}.json")
async def update_conference(request: web.Request) -> web.Response:
    """End it (``Status``), or let everybody in it hear something (``AnnounceUrl``)."""
    room, fields = open_room(request), known(await form(request), UPDATE)
    status, announced = choice(fields, "Status", ("completed",), ""), url(fields, "AnnounceUrl")
    if announced:
        method = choice(fields, "AnnounceMethod", ("GET", "POST"), "POST")
        announce(request.app[EXCHANGE], room, announced, method)
    elif not status:
        raise RestError(400, 20001, "Nothing to update: Status or AnnounceUrl is required")
    if status:
        room.end()
    return web.json_response(conference_json(room))


def room_of(request: web.Request) -> Room:
    """Return the conference in the request's path. Raise `RestError`."""
    room = request.app[EXCHANGE].rooms.find(request.match_info["conference"])
    if room is None:
        raise not_found(request)
    return room


def open_room(request: web.Request) -> Room:
    """Return the conference in the request's path, which has not ended. Raise `RestError`."""
    room = room_of(request)
    if room.is_over:
        raise not_found(request)
    return room


def conference_uri(room: Room) -> str:
    """Return the path of a conference, without the format."""
    return f"/{API_VERSION}/Accounts/{room.account_sid}/Conferences/{room.sid}"


def conference_json(room: Room) -> dict[str, Any]:
    """Return a Conference as REST shows it."""
    uri = conference_uri(room)
    return {
        "sid": room.sid,
        "account_sid": room.account_sid,
        "friendly_name": room.name,
        "status": room.status,
        "region": room.region,
        "reason_conference_ended": room.ending,
        "call_sid_ending_conference": room.ended_by or None,
        "date_created": format_datetime(room.created),
        "date_updated": format_datetime(room.updated),
        "api_version": API_VERSION,
        "subresource_uris": {"participants": f"{uri}/Participants.json", "recordings": f"{uri}/Recordings.json"},
        "uri": f"{uri}.json",
    }
