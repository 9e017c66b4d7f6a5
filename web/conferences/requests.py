"""Turn a room's actions into requests to Twilio, and Twilio's answers into events of the room.

Each action is repeatable: it sets a state, or ends what may have ended already. Only calling somebody is not; so a
second attempt first looks whether the first one was heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import ClientError
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from protocol.times import from_milliseconds
from web.conferences.documents import RoomUrls
from web.conferences.machine.due import (
    Action,
    Announce,
    BringBack,
    CallOut,
    EndCall,
    Kick,
    Redirect,
    SetCoach,
    SetHold,
    SetMute,
    must_be_mute,
)
from web.conferences.machine.events import (
    Called,
    CallStatus,
    Done,
    Event,
    Failed,
    Shown,
    TrueLeg,
    Truth,
)
from web.conferences.machine.room import Room

RING_SECONDS = 30
_GONE = (20404, 21220)  # Twilio's codes: there is no such resource; the call is not in progress
_GOES_ON = ("queued", "initiated", "ringing", "in-progress")
_CLOCKS = timedelta(seconds=5)  # between ours and Twilio's

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """Twilio's client, and what its requests for one room need to know."""

    client: Client
    urls: RoomUrls
    longest: int
    """Seconds that a call which we make may last."""

    async def perform(self, room: Room, action: Action) -> Event:
        """Ask Twilio to do ``action``. Return what came of it; never raises."""
        try:
            return await self._perform(room, action)
        except TwilioRestException as error:
            return self._refused(action, error)
        except (ClientError, TimeoutError, OSError) as error:
            return Failed(action.key, type(error).__name__)

    async def ask(self, room: Room) -> Truth | None:
        """Ask Twilio who is in the conference, and the state of the customer's call. None if it does not answer."""
        try:
            return await self._truth(room)
        except (TwilioRestException, ClientError, TimeoutError, OSError) as error:
            _log.warning("conference not read", call=self.urls.call_id.hex, error=type(error).__name__)
            return None

    async def _perform(self, room: Room, action: Action) -> Event:
        leg = action.leg
        match action:
            case CallOut():
                return await self._call_out(room, action)
            case EndCall():
                await self._update_call(leg.call_sid, status="completed")
            case Redirect():
                await self._update_call(leg.call_sid, url=self.urls.at("elsewhere"), method="POST")
            case BringBack():
                await self._update_call(leg.call_sid, url=self.urls.at("back"), method="POST")
            case Announce():
                await self._announce(room, action)
                return Shown(action.key, leg.call_sid, announced=True)
            case Kick():
                await self._participant(room, action).delete_async()
            case _:
                return await self._update_participant(room, action)
        return Done(action.key)

    async def _update_participant(self, room: Room, action: Action) -> Event:
        """Hold, mute, coach or bind. The answer shows the participant as it is now, which may be otherwise."""
        leg, participant = action.leg, self._participant(room, action)
        if isinstance(action, SetHold):
            held = leg.held_wanted
            url = self.urls.at("wait", sound=room.held_words) if held else None
            shown = await participant.update_async(
                hold=held, **({"hold_url": url, "hold_method": "POST"} if held else {})
            )
            return Shown(action.key, leg.call_sid, held=bool(shown.hold))
        if isinstance(action, SetMute):
            shown = await participant.update_async(muted=must_be_mute(leg))
            return Shown(action.key, leg.call_sid, muted=bool(shown.muted))
        if isinstance(action, SetCoach):
            whom = {"call_sid_to_coach": leg.coach_wanted} if leg.coach_wanted else {}
            shown = await participant.update_async(coaching=bool(leg.coach_wanted), **whom)
            return Shown(action.key, leg.call_sid, coach=_coach(shown))
        shown = await participant.update_async(end_conference_on_exit=True)
        return Shown(action.key, leg.call_sid, bound=bool(shown.end_conference_on_exit))

    async def _announce(self, room: Room, action: Action) -> None:
        conference = self.client.conferences(action.leg.conference or room.conference or self.urls.call_id.hex)
        await conference.update_async(announce_url=self.urls.at("supervised"), announce_method="POST")

    async def _call_out(self, room: Room, action: Action) -> Event:
        leg, key = action.leg, action.key
        attempt = room.attempts.get(key)
        if attempt is not None and attempt.count > 1:
            found = await self._find_call(leg.number, room)
            if found:
                return Called(key, leg.label, found)
        made = await self.client.calls.create_async(
            to=leg.number,
            from_=room.line,
            url=self.urls.at("called", leg=leg.label),
            method="POST",
            status_callback=self.urls.reported("status", leg=leg.label),
            status_callback_method="POST",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
            timeout=RING_SECONDS,
            time_limit=self.longest,
        )
        return Called(key, leg.label, str(made.sid))

    async def _find_call(self, number: str, room: Room) -> str:
        """Return the CallSid of the call to ``number`` that goes on and that none of our legs has; empty if none."""
        calls = await self.client.calls.list_async(to=number, from_=room.line, limit=20)
        since = from_milliseconds(room.since) - _CLOCKS
        for call in calls:
            young = call.date_created is None or call.date_created >= since
            if str(call.status) in _GOES_ON and young and room.by_sid(str(call.sid)) is None:
                return str(call.sid)
        return ""

    async def _truth(self, room: Room) -> Truth:
        status = ""
        if room.customer.call_sid:
            try:
                status = str((await self.client.calls(room.customer.call_sid).fetch_async()).status)
            except TwilioRestException as error:
                if error.code not in _GONE:
                    raise
                status = "completed"  # Twilio keeps calls for months: this one never was, or is long over
        found = await self.client.conferences.list_async(friendly_name=self.urls.call_id.hex, limit=20)
        running = [each for each in found if str(each.status) != "completed"]
        if not running:
            return Truth(room.heard, "", (), status)
        conference = str(running[0].sid)
        parties = await self.client.conferences(conference).participants.list_async(limit=250)
        there = [party for party in parties if str(party.status or "connected") == "connected"]
        legs = tuple(
            TrueLeg(str(party.label or ""), str(party.call_sid), bool(party.hold), bool(party.muted), _coach(party))
            for party in there
        )
        return Truth(room.heard, conference, legs, status)

    async def _update_call(self, call_sid: str, **fields: Any) -> None:
        await self.client.calls(call_sid).update_async(**fields)

    def _participant(self, room: Room, action: Action) -> Any:
        conference = action.leg.conference or room.conference or self.urls.call_id.hex
        return self.client.conferences(conference).participants(action.leg.call_sid)

    def _refused(self, action: Action, error: TwilioRestException) -> Event:
        leg, why = action.leg, f"HTTP {error.status}, code {error.code}"
        gone = error.code in _GONE or error.status == 404
        if gone and isinstance(action, EndCall):  # what is over need not be ended
            return CallStatus(leg.label, leg.call_sid, "completed")
        _log.warning("conference change refused", call=self.urls.call_id.hex, action=action.key, why=why)
        if gone and isinstance(action, Redirect | BringBack):
            return CallStatus(leg.label, leg.call_sid, "completed")
        if isinstance(action, CallOut) and 400 <= error.status < 500 and error.status not in (401, 408, 429):
            return CallStatus(leg.label, leg.call_sid, "failed")
        return Failed(action.key, why, contradicts=gone)


def _coach(participant: Any) -> str:
    """Return the CallSid of the only one who hears a participant, empty if everybody does."""
    return str(participant.call_sid_to_coach or "") if participant.coaching else ""
