"""Who pays, at which Stripe, and where their number is rented."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from db.engine import Database
from tests.kit.vendors.stripe import Till, open_till
from tests.kit.vendors.twilio_account import account
from tests.kit.web.number_orders import Shop, shop
from tests.kit.web.paying_organisation import Payer, payer_at


@pytest_asyncio.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as opened:
        yield opened


@pytest_asyncio.fixture
async def payer(till: Till, database: Database) -> Payer:
    return await payer_at(till, database)


@pytest_asyncio.fixture
async def here(database: Database) -> AsyncIterator[Shop]:
    async with account() as place, shop(place, database) as opened:
        yield opened
