"""Members at their phones: consoles that send heartbeats, agents without a browser, and rows put back in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from db.engine import Database
from db.models import Member, Number
from db.queries.calls import Calls
from db.queries.phone.conferences import Conferences
from db.queries.phone.offers import Offers
from db.queries.phone.presence import Presences, StoredPresence
from db.queries.sign_in import sign_in_links
from sandbox.agent.agent import Agent, Habits, agent
from sandbox.agent.desk import Invite
from tests.kit.vendors.twilio_caller import CALLER
from tests.kit.web.site import Browser, Site
from web.conferences import rooms
from web.conferences.machine import room as machine_room
from web.conferences.machine.events import Arriving, CallStatus, Event, Seen
from web.conferences.machine.room import CUSTOMER, Leg, Room
from web.phone import presence
from web.phone.presence import ConsoleHeartbeat
from web.request import access

WAIT = 60  # seconds that any one wait may take
TEST = timedelta(minutes=10)  # heartbeats are so far ahead that nobody becomes unreachable on a slow machine
JSON = {"Accept": "application/json"}
BRISK = Habits(
    answers_after=0.05,
    rejoins_after=1.0,
    leaves_after=5.0,
    repeats_after=1.0,
    beats_every=1.0,
    looks_every=0.05,
    pauses=0.1,
)


async def command(browser: Browser, path: str, status: int = 200, **body: Any) -> Mapping[str, Any]:
    """Send a command of the phone; return its answer."""
    answer = await browser.post(path, json=body, headers=JSON)
    assert answer.status == status, await answer.text()
    return dict(await answer.json())


async def beat(browser: Browser, console: str = "desk", *, registered: bool = True, microphone: bool = True) -> bool:
    """Send a heartbeat of the member's console; return whether it holds the phone."""
    sent = await command(browser, "/phone/beat", console=console, registered=registered, microphone=microphone)
    return bool(sent["leader"])


async def standing_of(database: Database, member: Member) -> StoredPresence:
    """The member's row."""
    async with database.begin() as session:
        found = await Presences(session, member.organisation_id).locked(member.id)
    assert found is not None
    return found


async def come_on(database: Database, *members: Member, idle: timedelta = timedelta()) -> None:
    """Let each be available with a phone that would ring; the first one has been idle for ``idle`` longer."""
    async with database.begin() as session:
        for place, member in enumerate(members):
            rows = Presences(session, member.organisation_id)
            before, now = await rows.locked(member.id), await rows.now()
            assert before is not None
            on = presence.chosen(before, "available", None, now)
            ready = presence.after_heartbeat(on, ConsoleHeartbeat("desk", registered=True, microphone=True), now)
            idle_since = now - idle * (len(members) - place)
            await rows.store(member.id, replace(ready, idle_since=idle_since, beat_at=now + TEST))


async def pass_time(database: Database, member: Member, by: timedelta) -> None:
    """Make it ``by`` longer ago that the member did anything."""
    async with database.begin() as session:
        rows = Presences(session, member.organisation_id)
        before, now = await rows.locked(member.id), await rows.now()
        assert before is not None
        before = replace(before, beat_at=before.beat_at and min(before.beat_at, now))
        times = {
            name: getattr(before, name) - by
            for name in ("since", "idle_since", "beat_at", "on_since", "wrap_up_until")
            if getattr(before, name) is not None
        }
        await rows.store(member.id, replace(before, **times))


async def state_of(database: Database, member: Member, talking_since: Any = None) -> str:
    """What the member's colleagues see now."""
    async with database.begin() as session:
        rows = Presences(session, member.organisation_id)
        found, now = await rows.locked(member.id), await rows.now()
    assert found is not None
    return presence.shown(found, talking_since, now).state


async def waiting_call(
    database: Database, number: Number, caller: str = CALLER, *, waited: timedelta = timedelta()
) -> UUID:
    """A customer who has been in the room for ``waited``; return the call's id."""
    sid = f"CA{uuid4().hex}"
    async with database.begin() as session:
        call = await Calls(session, number.organisation_id).open(
            sid,
            direction="inbound",
            from_number=caller,
            to_number=number.e164,
            number_id=number.id,
            customer=caller if caller.startswith("+") else None,
        )
        joined = rooms.now_ms() - round(waited.total_seconds() * 1000)
        customer = Leg(CUSTOMER, sid, "joined", f"CF{call.id.hex}", joined_at=joined)
        room = Room("inbound", customer, since=joined, has_waited=True, line=number.e164, heard_at=rooms.now_ms())
        await Conferences(session, number.organisation_id).open(
            call.id, phase=room.phase, state=machine_room.to_json(room), wakes_at=None
        )
    return call.id


async def room_of(database: Database, number: Number, call: UUID) -> Room:
    """The call's room."""
    async with database.begin() as session:
        stored = await Conferences(session, number.organisation_id).get(call)
    assert stored is not None
    return machine_room.from_json(stored.state)


async def happens(site: Site, number: Number, call: UUID, event: Event) -> Room:
    """Let Twilio or a member do something in the room."""
    async with access.by_fact(site.app, number.organisation_id) as rows:
        change = await rooms.apply(rows, call, event)
    assert change is not None
    return change.after


async def joins(site: Site, number: Number, call: UUID, member: Member) -> str:
    """Let the member's softphone join the room; return its CallSid."""
    sid, label = f"CA{uuid4().hex}", machine_room.agent_label(member.id)
    await happens(site, number, call, Arriving(label, sid))
    await happens(site, number, call, Seen("join", f"CF{call.hex}", 1, sid, label, held=False, muted=False))
    return sid


async def end_call(site: Site, database: Database, number: Number, call: UUID) -> None:
    """Let the customer hang up."""
    sid = (await room_of(database, number, call)).customer.call_sid
    left = Seen("leave", f"CF{call.hex}", 9, sid, CUSTOMER, held=False, muted=False, call_over=True)
    await happens(site, number, call, left)
    await happens(site, number, call, CallStatus(CUSTOMER, sid, "completed"))


async def offers_of(database: Database, number: Number, call: UUID) -> list[tuple[UUID, str | None]]:
    """Whom the call rang, in order, and how it ended there."""
    async with database.begin() as session:
        return [(each.member, each.result) for each in await Offers(session, number.organisation_id).of([call])]


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what comes of itself."""
    for _ in range(WAIT * 20):
        if await check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


@dataclass
class Page:
    """A page with an event stream, as it merges what that tells: a phone's, or another."""

    answer: aiohttp.ClientResponse
    state: dict[str, Any] = field(default_factory=dict)
    events: int = 0

    async def next(self) -> dict[str, Any]:
        """Merge the next event; return what was in it. Raise `EOFError` at the end of the stream."""
        async with asyncio.timeout(WAIT):
            async for line in self.answer.content:
                if line.startswith(b"data: "):
                    told: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                    self.state |= told
                    self.events += 1
                    return told
        raise EOFError

    async def sees(self, check: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on until ``check`` is true of the page."""
        while not (self.state and check(self.state)):
            await self.next()
        return self.state

    async def ended(self) -> None:
        """Read on until the stream ends."""
        with suppress(EOFError):
            while True:
                await self.next()


@asynccontextmanager
async def page(browser: Browser, path: str = "/phone/events") -> AsyncIterator[Page]:
    """Open the phone's event stream, or another."""
    async with browser.http.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        yield Page(answer)


def invited(database: Database, web_url: str, member: Member) -> Invite:
    """Return what makes fresh sign-in links for ``member``."""

    async def invite() -> str:
        async with database.begin() as session:
            return f"{web_url}/sign-in/{await sign_in_links.create(session, member.id, b'test')}"

    return invite


@asynccontextmanager
async def scripted_agent(
    database: Database, member: Member, *, web_url: str, twilio_url: str, habits: Habits = BRISK
) -> AsyncIterator[Agent]:
    """Let ``member`` answer calls."""
    async with agent(web_url, twilio_url, invited(database, web_url, member), habits) as working:
        yield working
