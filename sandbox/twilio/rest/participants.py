"""REST of a conference's participants: call one in, read, mute, hold, coach, announce, remove.

A participant who has left is no longer there (20404), and nobody is after the conference's end. A conference that is
named and does not exist is opened by whoever is called into it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.twilio.conference.attendance import is_coachable, refusal
from sandbox.twilio.conference.invitation import invite
from sandbox.twilio.conference.participant import Music, Participant
from sandbox.twilio.conference.room import Room
from sandbox.twilio.conference.station import announce
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.twiml import JITTER_BUFFERS, MOST_PARTICIPANTS, REGIONS, ROOM_EVENTS, is_label
from sandbox.twilio.phone.verbs import Conference, RoomEvent
from sandbox.twilio.rest.call_rate import CALL_RATE
from sandbox.twilio.rest.calls import outgoing, parties
from sandbox.twilio.rest.conferences import CONFERENCE, conference_uri, open_room, room_of
from sandbox.twilio.rest.framework import RestError, form, not_found, page, repeated
from sandbox.twilio.rest.parameters import METHODS, choice, flag, known, url, whole

routes = web.RouteTableDef()
_PARTICIPANT = f"{CONFERENCE}/Participants/{{participant}}"
CREATE = (
    "From To StatusCallback StatusCallbackMethod StatusCallbackEvent Label Timeout Record Muted Beep "
    "StartConferenceOnEnter EndConferenceOnExit WaitUrl WaitMethod EarlyMedia MaxParticipants ConferenceRecord "
    "ConferenceTrim ConferenceStatusCallback ConferenceStatusCallbackMethod ConferenceStatusCallbackEvent "
    "RecordingChannels RecordingStatusCallback RecordingStatusCallbackMethod SipAuthUsername SipAuthPassword Region "
    "ConferenceRecordingStatusCallback ConferenceRecordingStatusCallbackMethod RecordingStatusCallbackEvent "
    "ConferenceRecordingStatusCallbackEvent Coaching CallSidToCoach JitterBufferSize Byoc CallerId CallReason "
    "RecordingTrack TimeLimit MachineDetection MachineDetectionTimeout MachineDetectionSpeechThreshold "
    "MachineDetectionSpeechEndThreshold MachineDetectionSilenceTimeout AmdStatusCallback AmdStatusCallbackMethod "
    "Trim CallToken ClientNotificationUrl CallerDisplayName"
)
"""Recordings, answering machines and whatever else is not about talking have no effect."""
UPDATE = (
    "Muted Hold HoldUrl HoldMethod AnnounceUrl AnnounceMethod WaitUrl WaitMethod BeepOnExit EndConferenceOnExit "
    "Coaching CallSidToCoach"
)


@routes.post(f"{CONFERENCE}/Participants.json")
async def create_participant(request: web.Request) -> web.Response:
    """Call ``To`` from ``From`` into the conference."""
    exchange, fields = request.app[EXCHANGE], known(await form(request), CREATE)
    address, _, custom = fields.get("To", "").partition("?")
    to, from_ = parties(exchange, {**fields, "To": address})
    wanted = await _wanted(request, exchange, fields)
    timeout = whole(fields, "Timeout", 60, 5, 600)
    early_media = flag(fields, "EarlyMedia", default=True)
    leg = await outgoing(request, to, from_, fields)
    leg.parameters_in = tuple(parse_qsl(custom))
    room, participant = exchange.rooms.enter(wanted), Participant.of(leg, wanted)
    queued = request.app[CALL_RATE].turn()
    leg.queue_time = participant.queue_time = str(round(queued * 1000))
    room.expect(participant)
    answer = participant_json(room, participant)
    participant.queue_time = None  # "only available in the response to a create participant request"
    exchange.spawn(invite(exchange, room, participant, timeout=timeout, queued=queued, early_media=early_media))
    return web.json_response(answer, status=201)


@routes.get(f"{CONFERENCE}/Participants.json")
async def list_participants(request: web.Request) -> web.Response:
    """Return those who are in it or are being called, by ``Muted``, ``Hold`` and ``Coaching`` if asked so."""
    room, query = room_of(request), request.query
    wanted = {name: flag(query, name) for name in ("Muted", "Hold", "Coaching") if name in query}
    found = [
        each
        for each in room.participants.values()
        if wanted.items() <= {"Muted": each.muted, "Hold": each.held, "Coaching": each.coaching}.items()
    ]
    return page(request, "participants", [participant_json(room, each) for each in found])


@routes.get(f"{_PARTICIPANT}.json")
async def fetch_participant(request: web.Request) -> web.Response:
    """Return one participant, by CallSid or label."""
    return web.json_response(participant_json(*_participant(request)))


@routes.post(f"{_PARTICIPANT}.json")
async def update_participant(request: web.Request) -> web.Response:
    """Mute, hold, coach, announce to or change one participant."""
    exchange, (room, participant) = request.app[EXCHANGE], _participant(request)
    fields = known(await form(request), UPDATE)
    if not fields:
        raise RestError(400, 20001, "Nothing to update")
    coach = _coach(exchange, room, participant, fields)
    announced, hold, wait = url(fields, "AnnounceUrl"), _music(fields, "Hold", "GET"), _music(fields, "Wait", "POST")
    ends = flag(fields, "EndConferenceOnExit", default=participant.end_on_exit)
    held, beeps = (flag(fields, name) for name in ("Hold", "BeepOnExit"))
    if "Muted" in fields:  # "Anything value other than `true` or `false` is interpreted as `false`"
        room.mute(participant, fields["Muted"].lower() == "true")
    if coach is not None:
        room.coach(participant, *coach)
    room.set_end_on_exit(participant, ends)
    if "BeepOnExit" in fields:
        room.set_beep_on_exit(participant, beeps)
    if wait is not None:
        room.set_wait(participant, wait)
    if "Hold" in fields and not held:
        room.resume(participant)
    elif held or (participant.held and hold is not None):
        room.hold(participant, hold or Music(None, "GET"))
    if announced:
        method = choice(fields, "AnnounceMethod", METHODS, "POST")
        announce(exchange, room, announced, method, participant)
    return web.json_response(participant_json(room, participant))


@routes.delete(f"{_PARTICIPANT}.json")
async def delete_participant(request: web.Request) -> web.Response:
    """Remove a participant; its call goes on with what follows its `<Dial>`."""
    room, participant = _participant(request)
    room.leave(participant, "participant_updated_via_api", kicked=True)
    return web.Response(status=204)


def participant_json(room: Room, participant: Participant) -> dict[str, Any]:
    """Return a Participant as REST shows it."""
    return {
        "account_sid": room.account_sid,
        "call_sid": participant.leg.sid,
        "conference_sid": room.sid,
        "label": participant.wanted.label or None,
        "status": participant.status,
        "muted": participant.muted,
        "hold": participant.held,
        "coaching": participant.coaching,
        "call_sid_to_coach": participant.coach or None,
        "start_conference_on_enter": participant.wanted.start_on_enter,
        "end_conference_on_exit": participant.end_on_exit,
        "queue_time": participant.queue_time,
        "date_created": format_datetime(participant.created),
        "date_updated": format_datetime(participant.updated),
        "uri": f"{conference_uri(room)}/Participants/{participant.leg.sid}.json",
    }


def _participant(request: web.Request) -> tuple[Room, Participant]:
    room = open_room(request)
    participant = room.find(request.match_info["participant"])
    if participant is None:
        raise not_found(request)
    return room, participant


def _music(fields: Mapping[str, str], what: str, method: str) -> Music | None:
    """Return the document of ``HoldUrl`` or ``WaitUrl``; None if it is not given."""
    if f"{what}Url" not in fields:
        return None
    return Music(url(fields, f"{what}Url"), choice(fields, f"{what}Method", METHODS, method))


def _coach(
    exchange: Exchange, room: Room, participant: Participant, fields: Mapping[str, str]
) -> tuple[bool, str] | None:
    """Return whether to coach, and whom; None if nothing is said about it."""
    if "Coaching" not in fields and "CallSidToCoach" not in fields:
        return None
    whom = fields.get("CallSidToCoach", participant.coach)
    coaching = flag(fields, "Coaching", default="CallSidToCoach" in fields)
    if coaching and not exchange.agent_conference:
        raise RestError(400, 16000, "The account's conference setting is not Agent Conference")
    if coaching and (not is_coachable(room, whom) or whom == participant.leg.sid):
        raise RestError(400, 16002, "CallSidToCoach must be a call that is in the conference")
    return coaching, whom


async def _wanted(request: web.Request, exchange: Exchange, fields: Mapping[str, str]) -> Conference:
    """Return the room and how to be in it, as the request asks. Raise `RestError`."""
    named = request.match_info["conference"]
    room = exchange.rooms.find(named)
    if room.is_over if room is not None else re.fullmatch("CF[0-9a-f]{32}", named):
        raise not_found(request)
    wanted = Conference(
        name=named if room is None else room.name,
        label=fields.get("Label", ""),
        muted=flag(fields, "Muted"),
        beep=choice(fields, "Beep", ("true", "false", "onEnter", "onExit"), "true"),  # type: ignore[arg-type]
        start_on_enter=flag(fields, "StartConferenceOnEnter", default=True),
        end_on_exit=flag(fields, "EndConferenceOnExit"),
        wait_url=url(fields, "WaitUrl") if "WaitUrl" in fields else None,
        wait_method=choice(fields, "WaitMethod", METHODS, "POST"),
        max_participants=whole(fields, "MaxParticipants", MOST_PARTICIPANTS, 2, MOST_PARTICIPANTS),
        region=choice(fields, "Region", REGIONS, ""),
        coach=_coached(fields),
        jitter_buffer=choice(fields, "JitterBufferSize", JITTER_BUFFERS, "large"),
        status_callback=url(fields, "ConferenceStatusCallback"),
        status_callback_method=choice(fields, "ConferenceStatusCallbackMethod", METHODS, "POST"),
        events=_room_events(await repeated(request, "ConferenceStatusCallbackEvent")),
    )
    if not is_label(wanted.label):
        raise RestError(400, 16024, "Invalid participant label")
    refused = refusal(exchange, replace(wanted, name=named))
    if refused is not None:
        raise RestError(400, refused.code, refused.text)
    return wanted


def _coached(fields: Mapping[str, str]) -> str:
    whom = fields.get("CallSidToCoach", "")
    coaching = flag(fields, "Coaching", default=bool(whom))
    if coaching and not whom:
        raise RestError(400, 16002, "CallSidToCoach must be defined if Coaching is true")
    return whom if coaching else ""


def _room_events(named: list[str]) -> frozenset[RoomEvent]:
    words = " ".join(named or ["start end"]).split()
    if set(words) - ROOM_EVENTS:
        raise RestError(400, 20001, f"ConferenceStatusCallbackEvent must be among {', '.join(sorted(ROOM_EVENTS))}")
    return ROOM_EVENTS & set(words)
