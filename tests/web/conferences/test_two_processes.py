"""One of two web processes is killed with SIGKILL; the other goes on, and no customer is cut off or left in music."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from db.engine import Database, asyncpg_dsn
from sandbox.twilio.emulator import Leg
from sandbox.twilio.faults import CallbackFaults
from tests.kit.machines.two_webs import TwoWebs, two_webs
from tests.kit.web.cast import Cast
from tests.kit.web.phones import page
from tests.kit.web.room_town import CALLER, commanded
from tests.kit.web.site import Browser
from web.config import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

LATE = CallbackFaults(late=2.0)
"""Conference callbacks come so much later that a process can die before one."""


@pytest_asyncio.fixture
async def pair(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int]
) -> AsyncIterator[TwoWebs]:
    async with two_webs(settings, database, cast, free_port) as running:
        yield running


async def calls(pair: TwoWebs) -> tuple[UUID, Leg]:
    """Let somebody call, who is in their room then."""
    leg = pair.town.twilio.place_call(from_=CALLER, to=pair.town.cast.number.e164, caller_audio=b"")
    await pair.town.until(lambda: pair.town.is_in(leg))
    call = await pair.town.call_of(leg.sid)
    await pair.town.until_room(call, lambda room: room.rings)
    return call, leg


async def talks(pair: TwoWebs, browser: Browser, call: UUID, member: Any) -> Leg:
    """Let the member answer, and be in the room."""
    assert (await commanded(browser, call, "claim"))[0] == 200
    leg = pair.town.joins(call, member)
    await pair.town.until_room(call, lambda room: room.leg_of(member.id) is not None)
    return leg


async def stays(pair: TwoWebs, customer: Leg) -> None:
    """Wait until the customer is in their room: who waited when their document was lost is led back at once."""
    await pair.town.until(lambda: pair.town.is_in(customer) or customer.over.is_set())
    assert not customer.over.is_set()


async def rings(browser: Browser, call: UUID) -> None:
    """Wait until the call rings at that browser's page."""
    async with page(browser) as shown:
        await shown.sees(lambda state: str(call) in [offer["call"] for offer in state.get("offers", [])])


async def test_who_rings_waits_or_is_held_is_served_by_the_other_process(pair: TwoWebs) -> None:
    town, cast = pair.town, pair.town.cast
    bob, dana = await pair.sign_in(cast.bob), await pair.sign_in(cast.dana)
    held, held_customer = await calls(pair)
    await talks(pair, bob, held, cast.bob)
    assert (await commanded(bob, held, "hold"))[0] == 200
    await town.until_room(held, lambda room: room.held)
    ringing, ringing_customer = await calls(pair)
    await rings(dana, ringing)
    waiting, waiting_customer = await calls(pair)

    await pair.kill()

    await rings(dana, ringing)
    await talks(pair, dana, ringing, cast.dana)
    assert (await commanded(bob, held, "resume"))[0] == 200
    await town.until_room(held, lambda room: not room.held and room.phase == "talking")
    late, late_customer = await calls(pair)
    for customer in (held_customer, ringing_customer, waiting_customer, late_customer):
        await stays(pair, customer)
        participant = town.participant(customer)
        assert participant is not None
        assert not participant.held
    async with page(bob) as shown:
        await shown.sees(
            lambda state: [each["call"] for each in state.get("waiting", [])] == [str(waiting), str(late)]
        )


@pytest.mark.parametrize("kind", ["blind", "warm"])
async def test_a_transfer_goes_on_in_the_other_process(pair: TwoWebs, kind: str) -> None:
    town, cast = pair.town, pair.town.cast
    bob, dana = await pair.sign_in(cast.bob), await pair.sign_in(cast.dana)
    call, customer = await calls(pair)
    first = await talks(pair, bob, call, cast.bob)
    wanted = {"kind": kind, "to": {"member": str(cast.dana.id)}}
    assert (await commanded(bob, call, "transfer", wanted))[0] == 200

    await pair.kill()

    await rings(dana, call)
    await talks(pair, dana, call, cast.dana)
    if kind == "warm":
        await town.until_room(call, lambda room: room.transfer is not None and room.transfer.state == "consulting")
        assert (await commanded(bob, call, "complete"))[0] == 200
    await town.ended(first)
    await town.until_room(call, lambda room: room.transfer is None and room.agent == cast.dana.id and not room.held)
    await stays(pair, customer)


@asynccontextmanager
async def twice_in_vain(browser: Browser, call: UUID) -> AsyncIterator[None]:
    """Let the member click twice meanwhile, and get no answer, or the proxy's."""

    async def click() -> None:
        with pytest.raises(aiohttp.ClientError):
            await commanded(browser, call, "claim")

    async with asyncio.TaskGroup() as clicks:
        for _ in range(2):
            clicks.create_task(click())
        yield


@asynccontextmanager
async def locked_presence(owner_url: str, member: UUID) -> AsyncIterator[Callable[[], Any]]:
    """Hold the row which a claim locks after the room's; what is yielded waits until somebody waits for it."""
    connection = await asyncpg.connect(asyncpg_dsn(owner_url))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT FROM presence WHERE member_id = $1 FOR UPDATE", member)

    async def somebody_waits() -> None:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%presence%'"
        async with asyncio.timeout(60):
            while not await connection.fetchval(waits):
                await connection.execute("SELECT pg_stat_clear_snapshot()")

    try:
        yield somebody_waits
    finally:
        await transaction.rollback()
        await connection.close()


async def test_killed_between_a_claim_and_its_commit(pair: TwoWebs, owner_url: str) -> None:
    town, bob = pair.town, await pair.sign_in(pair.town.cast.bob)
    call, customer = await calls(pair)
    async with locked_presence(owner_url, town.cast.bob.id) as somebody_waits, twice_in_vain(bob, call):
        await somebody_waits()
        await pair.kill()
    assert (await town.room(call)).rings  # nothing of it was committed
    await rings(bob, call)
    await _answered_by_the_other(pair, bob, call, customer)


async def test_killed_between_a_claims_commit_and_its_answer(pair: TwoWebs) -> None:
    town, bob = pair.town, await pair.sign_in(pair.town.cast.bob)
    call, customer = await calls(pair)
    pair.front.losing = b"/claim"
    async with twice_in_vain(bob, call):
        await town.until_room(call, lambda room: room.phase == "claimed")
        await pair.kill()
    pair.front.losing = b""
    await _answered_by_the_other(pair, bob, call, customer)


async def _answered_by_the_other(pair: TwoWebs, bob: Browser, call: UUID, customer: Leg) -> None:
    """Click again, twice at once, as a page does whose click got no answer; and talk."""
    answers = await asyncio.gather(*(commanded(bob, call, "claim") for _ in range(2)))
    assert [status for status, _ in answers] == [200, 200]
    pair.town.joins(call, pair.town.cast.bob)
    room = await pair.town.until_room(call, lambda room: room.phase == "talking")
    assert len(room.agents) == 1
    await stays(pair, customer)


async def test_killed_after_the_softphones_webhook(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int]
) -> None:
    async with two_webs(settings, database, cast, free_port, callback_faults=LATE) as pair:
        town, bob = pair.town, await pair.sign_in(cast.bob)
        call, customer = await calls(pair)
        assert (await commanded(bob, call, "claim"))[0] == 200
        agent = town.joins(call, cast.bob)
        await town.until(lambda: town.is_in(agent))  # of which web has not heard yet
        await pair.kill()
        await town.until_room(call, lambda room: room.phase == "talking")
        await stays(pair, customer)


async def test_a_claim_whose_agent_never_comes_rings_again(pair: TwoWebs) -> None:
    town, bob, dana = pair.town, await pair.sign_in(pair.town.cast.bob), await pair.sign_in(pair.town.cast.dana)
    call, customer = await calls(pair)
    assert (await commanded(bob, call, "claim"))[0] == 200
    await pair.kill()
    await town.until_room(call, lambda room: room.rings)
    await rings(dana, call)
    await talks(pair, dana, call, town.cast.dana)
    await stays(pair, customer)
