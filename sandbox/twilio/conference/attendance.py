"""`<Dial><Conference>`: a leg's stay in a room, from its document to what comes after."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin

from sandbox.twilio.conference.participant import Participant
from sandbox.twilio.conference.room import Room
from sandbox.twilio.conference.station import Station
from sandbox.twilio.phone.dial import first_of
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.verbs import Conference, JoinConference
from sandbox.twilio.webhooks.request import Failure

NO_COACHING = Failure(16000, "Conference: the account's setting is not Agent Conference: nobody can coach")


async def attend(exchange: Exchange, leg: Leg, verb: JoinConference, base: str) -> dict[str, str]:
    """Be in the room until ``leg`` leaves it; parameters for the action URL."""
    leg.answer()
    wanted = verb.conference
    refused = refusal(exchange, wanted)
    if refused is not None:
        return _failed(exchange, leg, refused)
    if wanted.status_callback:
        wanted = replace(wanted, status_callback=urljoin(base, wanted.status_callback))
    participant, room = Participant.of(leg, wanted), exchange.rooms.enter(wanted)
    participant.tune = Station(exchange, participant, base).tune
    others = [each.leg for each in room.joined]
    if len(others) == 1 and others[0].customer and not leg.customer:
        leg.accompany(others[0])
    room.admit(participant)
    await first_of(verb.time_limit / exchange.clock.speed, participant.left.wait(), leg.interrupted.wait())
    if participant.refused is not None:
        room.leave(participant, "participant_add_failed")
        return {"DialCallStatus": "failed", **_error(participant.refused)}
    room.leave(participant, "participant_updated_via_api" if leg.interrupted.is_set() else "participant_hung_up")
    return {"DialCallStatus": "answered"}


def refusal(exchange: Exchange, wanted: Conference) -> Failure | None:
    """Return why nobody can be in a room as ``wanted``; None if they can."""
    room = exchange.rooms.find(wanted.name)
    if wanted.coach and not exchange.agent_conference:
        return NO_COACHING
    if wanted.coach and (room is None or not is_coachable(room, wanted.coach)):
        return Failure(13240, "Dial->Conference: Invalid coach value: no call of the conference")
    if room is None:
        return None
    if wanted.label and room.find(wanted.label) is not None:
        return Failure(16025, "Conference: a participant with this label is in the conference already")
    if len(room.participants) >= wanted.max_participants:
        return Failure(16020, "Conference is full")
    return None


def is_coachable(room: Room, call_sid: str) -> bool:
    """Return whether somebody in ``room`` can be coached: a call that is in it."""
    participant = room.participants.get(call_sid)
    return participant is not None and participant.joined


def _failed(exchange: Exchange, leg: Leg, failure: Failure) -> dict[str, str]:
    exchange.report(failure, leg)
    return {"DialCallStatus": "failed", **_error(failure)}


def _error(failure: Failure) -> dict[str, str]:
    return {"ErrorCode": str(failure.code), "ErrorMessage": failure.text}
