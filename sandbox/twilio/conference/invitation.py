"""Participants who are called into a room by REST: rung, admitted when they pick up, gone when they leave."""

from __future__ import annotations

from sandbox.audio import voice
from sandbox.audio.voice import Voice
from sandbox.twilio.conference.participant import Participant
from sandbox.twilio.conference.room import Room
from sandbox.twilio.conference.station import Station
from sandbox.twilio.phone import interpreter
from sandbox.twilio.phone.dial import first_of, ring
from sandbox.twilio.phone.exchange import Exchange

MOST_SECONDS = 4 * 3600.0  # that a call may last
BUFFER_SECONDS = 5  # "We always add a 5-second timeout buffer to outgoing calls"


async def invite(
    exchange: Exchange, room: Room, participant: Participant, *, timeout: float, queued: float, early_media: bool
) -> None:
    """Ring ``participant`` once it is its turn, after ``queued`` seconds; it is in ``room`` until it leaves."""
    leg = participant.leg
    participant.tune = Station(exchange, participant, "").tune
    room.expect(participant)
    if await leg.survives(queued):
        exchange.spawn(interpreter.stop_ringing(leg, timeout + BUFFER_SECONDS))
        if early_media:
            participant.early_media = _ringing(exchange)
            room.expect(participant)
        await ring(exchange, leg)
    if leg.over.is_set():
        room.leave(participant, "participant_add_failed")
        return
    room.admit(participant)
    await first_of(MOST_SECONDS / exchange.clock.speed, participant.left.wait(), leg.interrupted.wait())
    room.leave(participant, "participant_updated_via_api")
    await interpreter.follow(exchange, leg, leg.take_redirect())
    leg.hang_up()


def _ringing(exchange: Exchange) -> Voice:
    tone = Voice(voice.ringing(), repeats=True)
    tone.begin(exchange.clock.tick())
    return tone
