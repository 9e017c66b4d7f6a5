"""The account's conferences, by sid and, while they last, by name."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.audio.clock import Clock
from sandbox.twilio.conference.events import Callback, Send
from sandbox.twilio.conference.room import Room
from sandbox.twilio.phone.verbs import Conference
from sandbox.twilio.settings import TwilioSettings

MOST_KEPT = 2000
"""Remembered; the oldest that ended are forgotten."""


class Rooms:
    """Every room there is or was. ``send`` delivers their status callbacks."""

    def __init__(self, settings: TwilioSettings, clock: Clock, send: Send) -> None:
        self._settings = settings
        self._clock = clock
        self._send = send
        self._rooms: dict[str, Room] = {}
        self._open: dict[str, Room] = {}  # by name

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    def find(self, sid_or_name: str) -> Room | None:
        """Return the conference with that sid, or that name if it goes on."""
        room = self._rooms.get(sid_or_name) or self._open.get(sid_or_name)
        return room if room is not None and (room.sid == sid_or_name or not room.is_over) else None

    def enter(self, wanted: Conference) -> Room:
        """Return the room that ``wanted`` names, opened if there is none. Who opens it says where its events go."""
        room = self._open.get(wanted.name)
        if room is not None and not room.is_over:
            return room
        callback = Callback(self._send, wanted.status_callback, wanted.status_callback_method, wanted.events)
        lost_coach = self._settings.coach_without_target == "everybody"
        region = wanted.region or self._settings.region
        room = Room(self._settings.account_sid, wanted.name, region, self._clock, callback, lost_coach)
        self._forget()
        self._rooms[room.sid] = self._open[wanted.name] = room
        return room

    def _forget(self) -> None:
        self._open = {name: room for name, room in self._open.items() if not room.is_over}
        if len(self._rooms) >= MOST_KEPT:
            oldest = next((room.sid for room in self._rooms.values() if room.is_over), "")
            self._rooms.pop(oldest, None)
