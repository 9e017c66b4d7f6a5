"""Web is killed with SIGKILL at every step of a call; another process goes on, and the customer stays on the line.

The place to die at is chosen by the emulated Twilio, which does not answer one request: either before it has done
what was asked, or after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from db.engine import Database
from sandbox.twilio.emulator import Leg, RestFault
from tests.kit.machines.load_balancer import as_caddy_does
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import CALLER, OUTSIDE, RoomTown, commanded, emulated, present
from tests.kit.web.site import Browser, Site, application
from tests.kit.web.web_process import environment_of, killed_web
from web.config import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

HOLD, KICK = ("POST", r"/Participants/CA\w+\.json$"), ("DELETE", r"/Participants/CA\w+\.json$")
CALL, END = ("POST", r"/Calls\.json$"), ("POST", r"/Calls/CA\w+\.json$")


@dataclass
class Mortal:
    """The people of a town, and a web process at ``url`` that can be killed: its proxy waits for the next one.

    What it has asked of Twilio is taken over a few seconds after its death.
    """

    town: RoomTown
    bob: Browser
    environment: dict[str, str]
    url: str

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        async with killed_web(self.environment, self.url, main="tests.kit.machines.quick_web:main"):
            yield

    async def dies(self, at: tuple[str, str], *, done: bool, call: UUID, command: str, body: Any = None) -> None:
        """Let a process die at this request to Twilio, before or after it is ``done``."""
        fault = RestFault(*at, "answer hangs" if done else "hangs")
        async with self.alive():
            self.town.twilio.registry.faults[:] = [fault]
            assert (await commanded(self.bob, call, command, body))[0] == 200
            async with asyncio.timeout(60):
                await fault.reached.wait()
        self.town.twilio.registry.faults.clear()

    async def talking(self) -> tuple[UUID, Leg, Leg]:
        """Let Bob answer a caller."""
        async with self.alive():
            self.bob = await self.bob.sign_in(self.town.cast.bob)
            customer = self.town.twilio.place_call(from_=CALLER, to=self.town.cast.number.e164, caller_audio=b"")
            await self.town.until(lambda: self.town.is_in(customer))
            call = await self.town.call_of(customer.sid)
            await self.town.until_room(call, lambda room: room.rings)
            assert (await commanded(self.bob, call, "claim"))[0] == 200
            agent = self.town.joins(call, self.town.cast.bob)
            await self.town.until_room(call, lambda room: room.phase == "talking")
        return call, customer, agent


@pytest_asyncio.fixture
async def mortal(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int]
) -> AsyncIterator[Mortal]:
    async with emulated(settings, cast) as emulator, as_caddy_does(settings.web_port) as passing:
        passing.to = free_port()
        site = Site(application(settings), settings.web_public_url)
        await present(database, cast)
        rooms = {"TWILIO_API_BASE": emulator.url, "CALL_ROUTING": "rooms", "WEB_PORT": str(passing.to)}
        town, browser = RoomTown(emulator, site, database, cast), Browser(site, database)
        yield Mortal(town, browser, environment_of(settings) | rooms, f"http://127.0.0.1:{passing.to}")
        await browser.http.close()


async def test_killed_while_holding_and_resuming(mortal: Mortal) -> None:
    town = mortal.town
    call, customer, _ = await mortal.talking()
    await mortal.dies(HOLD, done=False, call=call, command="hold")
    participant = town.participant(customer)
    assert participant is not None
    assert not participant.held
    async with mortal.alive():
        await town.until_room(call, lambda room: room.held)
        assert participant.held
    await mortal.dies(HOLD, done=True, call=call, command="resume")
    assert not participant.held
    async with mortal.alive():
        await town.until_room(call, lambda room: not room.held)
    assert town.is_in(customer)


async def test_killed_while_transferring_and_hanging_up(mortal: Mortal) -> None:
    town, dana = mortal.town, mortal.town.cast.dana
    call, customer, agent = await mortal.talking()
    transfer = {"kind": "blind", "to": {"member": str(dana.id)}}
    await mortal.dies(KICK, done=False, call=call, command="transfer", body=transfer)
    assert town.is_in(agent)
    async with mortal.alive():
        await town.ended(agent)
        assert town.is_in(customer)
        browser = await Browser(town.site, town.database).sign_in(dana)
        assert (await commanded(browser, call, "claim"))[0] == 200
        town.joins(call, dana)
        await town.until_room(call, lambda room: room.transfer is None and not room.held and bool(room.agents))
    mortal.bob = browser
    await mortal.dies(END, done=False, call=call, command="hang-up")
    assert town.is_in(customer)
    async with mortal.alive():
        await town.ended(customer)
    await browser.http.close()


@pytest.mark.parametrize("done", [False, True])
async def test_killed_while_calling_out(mortal: Mortal, done: bool) -> None:
    town = mortal.town
    fault = RestFault(*CALL, "answer hangs" if done else "hangs")
    async with mortal.alive():
        await mortal.bob.sign_in_by_link(town.cast.bob)
        town.twilio.registry.faults[:] = [fault]
        answer = await mortal.bob.post("/phone/calls", json={"to": OUTSIDE})
        call = UUID((await answer.json())["call"])
        agent = town.joins(call, town.cast.bob)
        async with asyncio.timeout(60):
            await fault.reached.wait()
    town.twilio.registry.faults.clear()
    async with mortal.alive():
        await town.until_room(call, lambda room: room.phase == "talking")
        assert town.is_in(agent)
        (called,) = [leg for leg in town.twilio.exchange.legs.values() if leg.to == OUTSIDE]
        assert not called.over.is_set()
        assert (await commanded(mortal.bob, call, "hang-up"))[0] == 200
        await town.ended(agent)
