"""An agent without a browser, at a real web process and the emulated Twilio: nothing is there that a page had not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import delete

from db.engine import Database
from db.models import Presence
from sandbox.agent.agent import Agent, Habits
from sandbox.agent.desk import Desk, DeskError
from tests.kit.web.cast import Cast
from tests.kit.web.phones import come_on, invited, pass_time, scripted_agent
from tests.kit.web.room_town import SECONDS, RoomTown, emulated, room_town, web_process
from web.conferences.machine.room import agent_label
from web.config import Settings
from web.phone.presence import REACHABLE


@pytest_asyncio.fixture
async def town(settings: Settings, database: Database, cast: Cast) -> AsyncIterator[RoomTown]:
    async with room_town(settings, database, cast) as opened:
        async with database.begin() as session:
            await session.execute(delete(Presence))  # the town's consoles: agents have their own
        yield opened


@pytest_asyncio.fixture
async def bob(town: RoomTown, database: Database, cast: Cast) -> AsyncIterator[Agent]:
    web_url, twilio_url = town.site.url, town.twilio.url
    async with scripted_agent(database, cast.bob, web_url=web_url, twilio_url=twilio_url) as working:
        yield working


async def until(agent: Agent, state: str) -> None:
    """Wait until colleagues see that of the agent."""
    async with asyncio.timeout(SECONDS):
        while agent.state != state:  # noqa: ASYNC110 - it is told by another process, not by an event of ours
            await asyncio.sleep(0.02)


async def test_calls_are_answered_and_wrapped_up(town: RoomTown, bob: Agent, cast: Cast) -> None:
    assert bob.state == "available"
    for _ in range(2):
        customer = await town.caller()
        room = await town.room_until(customer.sid, lambda room: room.phase == "talking")
        assert room.agent == cast.bob.id
        await until(bob, "on_call")
        customer.hang_up()
        await until(bob, "available")
        row = await town.row(await town.call_of(customer.sid))
        assert (row.outcome, row.agent_id, row.wrapped_up_at is not None) == ("answered", cast.bob.id, True)
    assert {alert.code for alert in town.twilio.exchange.alerts} <= {31902}, "nobody listens to streams here"


@pytest.mark.slow
async def test_a_broken_line_is_joined_again(town: RoomTown, bob: Agent, cast: Cast) -> None:
    customer = await town.caller()
    await town.room_until(customer.sid, lambda room: room.phase == "talking")
    label = agent_label(cast.bob.id)
    first = town.labelled(label)
    assert first is not None
    for socket in list(town.twilio.exchange.sockets):
        await socket.close()
    await town.until(lambda: (again := town.labelled(label)) is not None and again is not first)
    await town.room_until(customer.sid, lambda room: room.phase == "talking" and len(room.legs) > 1)
    assert not customer.over.is_set()
    await until(bob, "on_call")


async def test_who_stands_in_goes_and_comes(town: RoomTown, database: Database, cast: Cast) -> None:
    habits = Habits(stands_in=True, looks_every=0.05, answers_after=0.05)
    web_url, twilio_url = town.site.url, town.twilio.url
    async with scripted_agent(database, cast.bob, web_url=web_url, twilio_url=twilio_url, habits=habits) as bob:
        assert bob.state == "available"
        await come_on(database, cast.dana)
        await until(bob, "offline")
        await pass_time(database, cast.dana, REACHABLE)
        await until(bob, "available")


async def test_a_call_outlives_the_web_process(settings: Settings, database: Database, cast: Cast) -> None:
    async with AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(emulated(settings, cast))
        settings = settings.model_copy(update={"twilio_api_base": emulator.url, "call_routing": "rooms"})
        async with web_process(settings) as site:
            town = RoomTown(emulator, site, database, cast)
            working = scripted_agent(database, cast.bob, web_url=site.url, twilio_url=emulator.url)
            bob = await stack.enter_async_context(working)
            customer = await town.caller()
            await town.room_until(customer.sid, lambda room: room.phase == "talking")
        agent = town.labelled(agent_label(cast.bob.id))
        assert agent is not None
        async with web_process(settings):
            assert (customer.over.is_set(), agent.over.is_set()) == (False, False)
            customer.hang_up()
            await until(bob, "available")


async def test_who_is_signed_out_signs_in_again(town: RoomTown, database: Database, cast: Cast) -> None:
    async with aiohttp.ClientSession(town.site.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        desk = Desk(http, invited(database, town.site.url, cast.bob))
        assert (await desk.command("/voice/token"))["identity"] == cast.bob.id.hex
        http.cookie_jar.clear()
        with pytest.raises(DeskError):
            await desk.command("/voice/token")
        assert (await desk.command("/voice/token"))["identity"] == cast.bob.id.hex


async def test_a_refusal_has_its_short_name(town: RoomTown, database: Database, cast: Cast) -> None:
    async with aiohttp.ClientSession(town.site.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        desk = Desk(http, invited(database, town.site.url, cast.bob))
        with pytest.raises(DeskError, match="404"):
            await desk.command(f"/phone/calls/{cast.bob.id}/claim")
