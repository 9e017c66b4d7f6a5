"""Calls in rooms, with an emulated Twilio."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from db.engine import Database
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown, room_town
from tests.kit.web.site import Browser
from web.config import Settings


@pytest_asyncio.fixture
async def town(settings: Settings, database: Database, cast: Cast) -> AsyncIterator[RoomTown]:
    async with room_town(settings, database, cast) as opened:
        yield opened


@pytest_asyncio.fixture
async def bob(town: RoomTown, database: Database, cast: Cast) -> AsyncIterator[Browser]:
    """Bob's console, signed in."""
    browser = Browser(town.site, database)
    yield await browser.sign_in(cast.bob)
    await browser.http.close()
