"""The agents' commands during a call: hold, transfer, add, remove, raise a hand. Each is one short transaction.

The answer says that the command is recorded; the events of the page show what has become of it. A command that cannot
be done is 409 with a sentence and a code, and has changed nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec
from aiohttp import web

from web.calls import outgoing
from web.conferences import rooms
from web.conferences.machine.events import (
    AcknowledgeHelp,
    AskForHelp,
    BeginTransfer,
    BringIn,
    Cancel,
    Complete,
    Event,
    HangUp,
    Hold,
    Leave,
    Mute,
    Rejoin,
    Remove,
    Resume,
)
from web.conferences.machine.room import Target, TransferKind
from web.conferences.performing import follow
from web.conferences.refusals import NO_SUCH_CALL, commanded
from web.conferences.rooms import Change
from web.config import SETTINGS
from web.request import access
from web.request.access import Permission, Rows, Viewer
from web.request.countries import dialled_for
from web.request.dialling import DiallingError
from web.request.errors import ConflictError, InvalidError, NotFoundError
from web.request.forms import read_as, read_uuid

_SENTENCES: Mapping[str, str] = {
    "over": "This call has ended.",
    "taken": "Somebody else has this call.",
    "not_invited": "This call is being transferred to somebody else.",
    "not_in_call": "You are not in this call.",
    "no_customer": "The customer is not on the line yet.",
    "busy": "A transfer is in progress. Complete or cancel it first.",
    "in_call": "They are in this call already.",
    "not_alone": "Others are in this call. Leave the call, or remove them first.",
    "last": "Nobody else is in this call. Hang up, or transfer it.",
    "no_target": "Nobody has joined yet to hand over to.",
    "no_transfer": "There is no transfer to cancel.",
    "not_there": "They are not in this call.",
    "not_removable": "They cannot be removed.",
    "no_help_asked": "Nobody has asked for help in this call.",
}

routes = web.RouteTableDef()


class To(msgspec.Struct):
    """Whom a page means: one of the three."""

    member: UUID | None = None
    group: UUID | None = None
    number: str | None = None


class TransferSent(msgspec.Struct):
    kind: Literal["blind", "warm"]
    to: To


class AddSent(msgspec.Struct):
    to: To


class RemoveSent(msgspec.Struct):
    label: str


@routes.post(
    "/phone/calls/{call}/{command:hold|resume|mute|unmute|leave|hang-up|rejoin|bring-in|complete|cancel|help}"
)
async def command(request: web.Request) -> web.Response:
    """Do what needs no more than the call and the member."""
    viewer = await access.require(request, "softphone")
    return await _do(request, viewer, _plain(request.match_info["command"], viewer.member_id))


@routes.post("/phone/calls/{call}/transfer")
async def transfer(request: web.Request) -> web.Response:
    """Transfer the call to a member, a group or a number: ``{"kind": "blind"|"warm", "to": …}``."""
    viewer = await access.require(request, "softphone")
    sent = await read_as(request, TransferSent)
    return await _invite(request, viewer, sent.kind, sent.to)


@routes.post("/phone/calls/{call}/add")
async def add(request: web.Request) -> web.Response:
    """Let a member or an outside party join the conversation: ``{"to": …}``."""
    viewer = await access.require(request, "softphone")
    sent = await read_as(request, AddSent)
    return await _invite(request, viewer, "add", sent.to)


@routes.post("/phone/calls/{call}/remove")
async def remove(request: web.Request) -> web.Response:
    """Remove another party: ``{"label": …}``."""
    viewer = await access.require(request, "softphone")
    sent = await read_as(request, RemoveSent)
    return await _do(request, viewer, Remove(viewer.member_id, sent.label))


@routes.post("/phone/calls/{call}/help/acknowledge")
async def acknowledge(request: web.Request) -> web.Response:
    """Show the agent who raised a hand that a supervisor has seen it."""
    seeing: Permission = "calls.all"
    viewer = await access.require(request, seeing)
    return await _do(request, viewer, AcknowledgeHelp(viewer.member_id))


def _plain(name: str, member: UUID) -> Event:
    commands: Mapping[str, Event] = {
        "hold": Hold(member),
        "resume": Resume(member),
        "mute": Mute(member),
        "unmute": Mute(member, on=False),
        "leave": Leave(member),
        "hang-up": HangUp(member),
        "rejoin": Rejoin(member),
        "bring-in": BringIn(member),
        "complete": Complete(member),
        "cancel": Cancel(member),
        "help": AskForHelp(member),
    }
    return commands[name]


async def _do(request: web.Request, viewer: Viewer, event: Event) -> web.Response:
    async with commanded(request, viewer, _SENTENCES, "has this call.") as rows:
        change = await _applied(rows, request, event)
    follow(request.app, change)
    return web.json_response({})


async def _invite(request: web.Request, viewer: Viewer, kind: TransferKind, to: To) -> web.Response:
    try:
        async with commanded(request, viewer, _SENTENCES, "has this call.") as rows:
            invited = await _invited(request, rows, kind, to)
            change = await _applied(rows, request, BeginTransfer(viewer.member_id, kind, invited.target))
            if change.before != change.after:
                action = "call.party_added" if kind == "add" else "call.transferred"
                await rows.audit.record(action, {"call": change.call_sid, "to": invited.name})
    except DiallingError as refusal:
        raise ConflictError(refusal.reason, str(refusal)) from None
    follow(request.app, change)
    return web.json_response({})


async def _applied(rows: Rows, request: web.Request, event: Event) -> Change:
    change = await rooms.apply(rows, read_uuid(request.match_info["call"]), event)
    if change is None:
        raise NotFoundError(NO_SUCH_CALL)
    return change


@dataclass(frozen=True, slots=True)
class _Invited:
    """Whom to call, and what the audit log says of them: never a number."""

    target: Target
    name: str


async def _invited(request: web.Request, rows: Rows, kind: TransferKind, to: To) -> _Invited:
    """Return whom the page means. Raise `InvalidError`, `DiallingError`, and `NotFoundError` for another's rows."""
    if sum(each is not None for each in (to.member, to.group, to.number)) != 1:
        raise InvalidError("Choose a member, a group or a number.")
    if to.member is not None:
        member = await rows.members.get(to.member)
        if member is None:
            raise NotFoundError("There is no such member.")
        return _Invited(Target("member", member.id), member.name)
    if to.group is not None:
        if kind == "add":
            raise InvalidError("Choose a member or a number.")
        group = next((each for each in await rows.groups.all() if each.id == to.group), None)
        if group is None:
            raise NotFoundError("There is no such group.")
        return _Invited(Target("group", group.id), group.name)
    settings = request.app[SETTINGS]
    number = dialled_for(rows.organisation, to.number or "", settings.dial_countries)
    await rows.lock()
    stored = await rows.conferences.get(read_uuid(request.match_info["call"]))
    await outgoing.check(rows, settings, number, "" if stored is None else stored.call_sid)
    return _Invited(Target("number", number=number), "an outside number")
