"""Do what is due in rooms, after the commit that decided it; and look at the rooms whose time has come.

Each room has one turn at a time within a process; between processes an action is taken by one (`due.take`), and a
room that must be looked at is given to one (`db.queries.phone.conferences.take_due`).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from aiohttp import web
from prometheus_client import Counter

from db.engine import DatabaseUnavailableError
from db.queries.phone.conferences import Place
from web.bus import BUS
from web.calls.twiml import Callbacks
from web.conferences import rooms
from web.conferences.documents import RoomUrls
from web.conferences.machine import due
from web.conferences.machine.due import Action
from web.conferences.machine.events import Event, Failed, Tick
from web.conferences.machine.room import Room
from web.conferences.machine.step import step
from web.conferences.requests import Asker
from web.conferences.rooms import Change
from web.config import SETTINGS
from web.request import access
from web.request.errors import NotFoundError
from web.resources import DATABASE, TWILIO

WORKERS = 20  # rooms at once: each waits for Twilio most of the time
WAITING = 5000
TURN_SECONDS = 60.0  # for one room: what hangs must not keep it from the next look for ever
ROUNDS = 5  # of asking Twilio and deciding in one turn; what is left waits for the next
LOOK_SECONDS = 1.0  # between looks for rooms whose time has come
LOOK = timedelta(seconds=20)  # for one process to look at a room, before another may
MOST = 200  # rooms in one look

_log = structlog.get_logger(__name__)
_requests = Counter(
    "bilby_web_room_requests", "Requests to Twilio about rooms of calls, by what came of them.", ["result"]
)
for _result in ("done", "failed"):
    _requests.labels(_result)  # start at 0, so that the first one shows as an increase
_rescued = Counter(
    "bilby_web_rooms_asked", "Rooms about which Twilio was asked, because it said nothing or contradicted."
)


def follow(app: web.Application, change: Change | None) -> None:
    """Tell media what it needs to know, and order what is due. Never waits, never raises; call it after the commit.

    Most changes ask nothing of Twilio: such a room is looked at when its time comes, not at once.
    """
    if change is None:
        return
    tell(app, change)
    now = rooms.now_ms()
    wakes_at = due.wakes_at(change.after, now)
    if wakes_at is not None and wakes_at <= now:
        app[PERFORMER].order(change.place)


def tell(app: web.Application, change: Change) -> None:
    """Tell media who speaks to the customer, and whether they are on hold."""
    organisation_id, call = change.place.organisation_id, change.call_sid
    if change.after.words_paused and not change.before.words_paused:
        app[BUS].held(organisation_id, call, change.at)
    elif change.before.words_paused and not change.after.words_paused:
        app[BUS].resumed(organisation_id, call, change.at)
    before, after = _speaker(change.before), _speaker(change.after)
    if after is not None and after != before:
        app[BUS].assigned(organisation_id, call, after)


def _speaker(room: Room) -> UUID | None:
    """Return the agent who is responsible and in the room."""
    return room.agent if room.agent is not None and room.leg_of(room.agent) is not None else None


class Performer:
    """The queue of rooms in which something may be due. One per process; `run` it in a task of its own.

    No other process performs the same for ``lease`` ms. After that this process counts as dead, and another one does.
    """

    def __init__(self, app: web.Application, lease: int = due.LEASE) -> None:
        self._app = app
        self._lease = lease
        self._wanted: asyncio.Queue[Place] = asyncio.Queue(WAITING)
        self._queued = set[Place]()
        self._busy = set[Place]()

    def order(self, place: Place) -> None:
        """Have the room looked at soon. Never waits; if the queue is full, its time comes by `run`'s look."""
        if place in self._queued:
            return
        try:
            self._wanted.put_nowait(place)
        except asyncio.QueueFull:
            _log.warning("room update postponed", call=place.call_id.hex)
        else:
            self._queued.add(place)

    async def run(self) -> None:
        """Look at rooms until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    async def _look(self) -> None:
        """Find rooms whose time has come: what was waited for has not happened, or Twilio has said nothing."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = datetime.now(UTC)
            try:
                for place in await access.rooms_due(self._app, now=now, until=now + LOOK, most=MOST):
                    self.order(place)
            except DatabaseUnavailableError:
                continue  # nothing can be decided without it; calls that go on do not need us
            except Exception:  # one failure must not end the look
                _log.exception("due rooms not read")

    async def _work(self) -> None:
        while True:
            place = await self._wanted.get()
            self._queued.discard(place)
            if place in self._busy:  # whoever has it may have read it before this change
                await asyncio.sleep(0.05)
                self.order(place)
                continue
            self._busy.add(place)
            try:
                async with asyncio.timeout(TURN_SECONDS):
                    await self.perform(place)
            except (DatabaseUnavailableError, NotFoundError, TimeoutError) as error:
                _log.warning("room not updated", call=place.call_id.hex, error=type(error).__name__)
            except Exception:  # one failure must not stop the worker
                _log.exception("room not updated", call=place.call_id.hex)
            finally:
                self._busy.discard(place)

    async def perform(self, place: Place) -> None:
        """Do what is due in one room, and what follows, until nothing is."""
        for _ in range(ROUNDS):
            room, actions, ask = await self._take(place)
            if room is None or not (actions or ask):
                return
            await self._apply(place, await self._ask(place, room, actions, ask))

    async def _take(self, place: Place) -> tuple[Room | None, list[Action], bool]:
        """Let time pass in the room, and take what is due."""
        now = rooms.now_ms()
        async with self._app[DATABASE].background(), access.of_room(self._app, place) as rows:
            found = await rooms.locked(rows, place.call_id)
            if found is None:
                return None, [], False
            stored, before = found
            room, actions = due.take(step(before, Tick(), now), now, self._lease)
            ask = not actions and due.must_ask(room, now)  # an answer of before the actions would be outdated
            if ask:
                room = replace(room, asked_at=now)
            change = await rooms.store(rows, stored, rooms.change_of(rows, stored, before, room, now), now)
        tell(self._app, change)
        return room, actions, ask

    async def _ask(self, place: Place, room: Room, actions: list[Action], ask: bool) -> list[Event]:
        settings = self._app[SETTINGS]
        asker = Asker(
            self._app[TWILIO],
            RoomUrls(place.call_id, Callbacks(settings.web_public_url)),
            settings.outbound_call_minutes * 60,
        )
        answers: list[Event] = list(await asyncio.gather(*(asker.perform(room, action) for action in actions)))
        for answer in answers:
            _requests.labels("failed" if isinstance(answer, Failed) else "done").inc()
        if ask:
            _rescued.inc()
            truth = await asker.ask(room)
            return answers if truth is None else [truth]
        return answers

    async def _apply(self, place: Place, events: list[Event]) -> None:
        for event in events:
            async with self._app[DATABASE].background(), access.of_room(self._app, place) as rows:
                change = await rooms.apply(rows, place.call_id, event)
            if change is not None:
                tell(self._app, change)


PERFORMER: web.AppKey[Performer] = web.AppKey("performer")
