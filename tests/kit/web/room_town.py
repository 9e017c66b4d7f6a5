"""A web process that connects calls in rooms, and the emulated Twilio that they are in. Ten times as fast as life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from sqlalchemy import select

from db.engine import Database
from db.models import Call, Conference, Member, Presence
from db.queries.phone.conferences import Place
from sandbox.twilio.browser.signalling import call_app
from sandbox.twilio.conference.participant import Participant
from sandbox.twilio.emulator import Leg, Number, Twilio, TwilioSettings, twilio
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site, application
from web.conferences import rooms
from web.conferences.machine.events import Claim, Event
from web.conferences.machine.room import Room, from_json, to_json
from web.conferences.performing import follow
from web.conferences.rooms import Change
from web.config import Settings
from web.request import access

CALLER = "+61491570156"
OUTSIDE = "+61291234567"
SECONDS = 60.0  # that any one wait may take


@dataclass
class RoomTown:
    """Twilio, the web process, and the people of `Cast`."""

    twilio: Twilio
    site: Site
    database: Database
    cast: Cast

    async def caller(self) -> Leg:
        """Let somebody call, and wait until they are in their room."""
        leg = self.twilio.place_call(from_=CALLER, to=self.cast.number.e164, caller_audio=b"")
        await self.until(lambda: self.is_in(leg))
        await self.room_until(leg.sid, lambda room: room.customer.state == "joined")
        return leg

    async def claim(self, call: UUID, member: Member) -> Change | None:
        return await self.happens(call, Claim(member.id))

    async def happens(self, call: UUID, event: Event, *, later: float = 0.0) -> Change | None:
        """Apply an event to the room, as a request does, or will do so many seconds ``later``."""
        place = Place(self.cast.a.id, call)
        async with access.of_room(self.site.app, place) as rows:
            change = await rooms.apply(rows, call, event, rooms.now_ms() + round(later * 1000))
        follow(self.site.app, change)
        return change

    def joins(self, call: UUID, member: Member) -> Leg:
        """Let the member's softphone call the room."""
        return call_app(self.twilio.exchange, member.id.hex, {"room": str(call)})

    async def talking(self, member: Member) -> tuple[UUID, Leg, Leg]:
        """Return a call that ``member`` talks in, the customer's leg and theirs."""
        customer = await self.caller()
        call = await self.call_of(customer.sid)
        await self.claim(call, member)
        agent = self.joins(call, member)
        await self.until_room(call, lambda room: room.phase == "talking")
        return call, customer, agent

    async def quiet(self, call: UUID) -> None:
        """Let the room believe that it has heard nothing for a minute."""
        async with self.database.begin() as session:
            row = await session.get(Conference, call, with_for_update=True)
            assert row is not None
            room = from_json(row.state)
            row.state = to_json(replace(room, heard_at=room.heard_at - 61_000, asked_at=0))
            row.wakes_at = row.heard_at

    async def call_of(self, sid: str) -> UUID:
        async with self.database.begin() as session:
            found = await session.scalar(select(Call.id).where(Call.call_sid == sid))
        assert found is not None
        return found

    async def row(self, call: UUID) -> Call:
        async with self.database.begin() as session:
            found = await session.get(Call, call)
        assert found is not None
        return found

    async def room(self, call: UUID) -> Room:
        async with self.database.begin() as session:
            found = await session.get(Conference, call)
        assert found is not None
        return from_json(found.state)

    async def until_room(self, call: UUID, condition: Callable[[Room], bool]) -> Room:
        """Wait until the stored room is so. Return it."""
        room = await self.room(call)
        try:
            async with asyncio.timeout(SECONDS):
                while not condition(room):
                    await asyncio.sleep(0.02)
                    room = await self.room(call)
        except TimeoutError:
            raise AssertionError(f"never so: {room}") from None
        return room

    async def room_until(self, sid: str, condition: Callable[[Room], bool]) -> Room:
        return await self.until_room(await self.call_of(sid), condition)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(SECONDS):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.01)

    async def ended(self, leg: Leg) -> None:
        """Wait until the leg's call is over."""
        try:
            await self.until(leg.over.is_set)
        except TimeoutError:
            call = await self.call_of(leg.sid) if leg.customer else None
            room = None if call is None else await self.room(call)
            raise AssertionError(f"never over: {leg.sid} of {room}, alerts {self.twilio.exchange.alerts}") from None

    def participant(self, leg: Leg) -> Participant | None:
        """Return how the leg is in a conference that is not over, if it is in one."""
        for room in self.twilio.exchange.rooms:
            found = room.participants.get(leg.sid)
            if found is not None and found.joined and not room.is_over:
                return found
        return None

    def is_in(self, leg: Leg) -> bool:
        return self.participant(leg) is not None

    def labelled(self, label: str) -> Leg | None:
        """Return the newest leg that is, or was, in a conference under ``label``."""
        legs = [
            each.leg
            for room in self.twilio.exchange.rooms
            for each in room.participants.values()
            if each.wanted.label == label
        ]
        return legs[-1] if legs else None


@asynccontextmanager
async def room_town(settings: Settings, database: Database, cast: Cast, **changes: Any) -> AsyncIterator[RoomTown]:
    """Run both. ``changes`` are of the emulated Twilio's settings."""
    async with emulated(settings, cast, **changes) as emulator:
        values = {"twilio_api_base": emulator.url, "call_routing": "rooms"}
        async with web_process(settings.model_copy(update=values)) as site:
            await present(database, cast)
            yield RoomTown(emulator, site, database, cast)


@asynccontextmanager
async def emulated(settings: Settings, cast: Cast, **changes: Any) -> AsyncIterator[Twilio]:
    """Run Twilio with the account that ``settings`` of web know."""
    url = settings.web_public_url
    number = Number(
        cast.number.e164,
        f"{url}/twilio/voice/inbound",
        voice_fallback_url=f"{url}/twilio/voice/fallback",
        status_callback=f"{url}/twilio/voice/status",
    )
    known: dict[str, Any] = {
        "account_sid": settings.twilio_account_sid,
        "auth_token": settings.twilio_auth_tokens[0].get_secret_value(),
        "api_key_sid": settings.twilio_api_key_sid,
        "api_key_secret": settings.twilio_api_key_secret.get_secret_value(),
        "twiml_app_sid": settings.twilio_twiml_app_sid,
        "twiml_app_voice_url": f"{url}/twilio/voice/outbound",
        "numbers": (number,),
        "port": 0,
        "speed": 10.0,
        "say_seconds_per_char": 0.001,
    }
    async with twilio(TwilioSettings(**(known | changes))) as emulator:
        yield emulator


async def present(database: Database, cast: Cast) -> None:
    """Let Bob's and Dana's consoles be heard of for the next hour, whoever sends heartbeats."""
    later = datetime.now(UTC) + timedelta(hours=1)
    async with database.begin() as session:
        for member in (cast.bob, cast.dana):
            session.add(
                Presence(
                    member_id=member.id,
                    organisation_id=cast.a.id,
                    chosen="available",
                    console="c" * 32,
                    beat_at=later,
                    registered=True,
                    microphone=True,
                    on_since=datetime.now(UTC),
                )
            )


@asynccontextmanager
async def web_process(settings: Settings) -> AsyncIterator[Site]:
    """Run the web application."""
    runner = web.AppRunner(application(settings), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        yield Site(runner.app, settings.web_public_url)
    finally:
        await runner.cleanup()


async def commanded(browser: Browser, call: UUID | str, command: str, body: Any = None) -> tuple[int, Any]:
    """Send a command as the page does. Return status and body."""
    sent, headers = {} if body is None else body, {"Accept": "application/json"}
    answer = await browser.post(f"/phone/calls/{call}/{command}", json=sent, headers=headers)
    return answer.status, await answer.json()
