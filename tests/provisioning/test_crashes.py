"""A worker is killed with SIGKILL at every step of an order; in the end there is one number, and it rings.

The place to die at is chosen by the emulated Twilio, which does not answer one request: either before it has done
what was asked, or after.
"""

from __future__ import annotations

import asyncio

import pytest

from db.engine import Database
from db.models import NumberOrder
from db.queries.numbers import Numbers
from provisioning.numbers.orders import cancel, enqueue_order
from sandbox.twilio.emulator import RestFault
from tests.kit.vendors.twilio_account import account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import Shop, shop
from tests.kit.web.worker_process import worker_process

LIST, BUY = ("GET", r"/IncomingPhoneNumbers\.json$"), ("POST", r"/IncomingPhoneNumbers\.json$")
ONE, SET_UP, GIVE_BACK = (("GET", r"/PN\w+\.json$"), ("POST", r"/PN\w+\.json$"), ("DELETE", r"/PN\w+\.json$"))
SEARCH = ("GET", "/AvailablePhoneNumbers/")
REGION, ROUTE = ("GET", r"/v2/PhoneNumbers/"), ("POST", r"/v2/PhoneNumbers/")


async def _killed_at(here: Shop, url: str, key: str, *points: tuple[tuple[str, str], bool]) -> None:
    """Let one worker after the other die at these requests: before Twilio does what is asked, or (True) after."""
    for (method, path), done in points:
        fault = RestFault(method, path, "answer hangs" if done else "hangs")
        here.account.registry.faults[:] = [fault]
        async with worker_process(here.account, url, key), asyncio.timeout(120):
            await fault.reached.wait()
    here.account.registry.faults.clear()


async def _until(here: Shop, order: NumberOrder, state: str) -> None:
    async with asyncio.timeout(120):
        while (await here.look(order)).state != state:  # noqa: ASYNC110 (the row is all there is to see it by)
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_killed_at_every_step_of_buying(
    database: Database, database_url: str, encryption_key: str, cast: Cast
) -> None:
    async with account() as place, shop(place, database) as here:
        order = await here.paid(cast.a.id)
        async with database.begin() as session:
            await enqueue_order(session, order.id)
        steps = [(SEARCH, False), (LIST, False), (BUY, False), (BUY, True), (SET_UP, False), (SET_UP, True)]
        steps += [(ROUTE, False), (ROUTE, True), (REGION, False), (ONE, False)]
        await _killed_at(here, database_url, encryption_key, *steps)
        async with worker_process(place, database_url, encryption_key):
            await _until(here, order, "done")
        assert list(place.numbers) == [(await here.look(order)).candidate]
        assert place.registry.count(*BUY) == 2  # of which the first was never done
        async with database.begin() as session:
            rented = [number.e164 for number in await Numbers(session, cast.a.id).all()]
        assert rented == [cast.number.e164, *place.numbers]


@pytest.mark.slow
async def test_killed_while_giving_back(
    database: Database, database_url: str, encryption_key: str, cast: Cast
) -> None:
    async with account() as place, shop(place, database) as here:
        order = await here.paid(cast.a.id)
        assert await here.work(order) is None
        async with database.begin() as session:
            assert await cancel(session, await here.look(order))
        await _killed_at(here, database_url, encryption_key, (LIST, False), (GIVE_BACK, False), (GIVE_BACK, True))
        async with worker_process(place, database_url, encryption_key):
            await _until(here, order, "released")
        assert place.numbers == {}
        async with database.begin() as session:
            assert [number.id for number in await Numbers(session, cast.a.id).all()] == [cast.number.id]
