"""Calls in rooms, with an emulated Twilio, and a supervisor."""

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
async def sam(town: RoomTown, database: Database, cast: Cast) -> AsyncIterator[Browser]:
    """Sam's console: a supervisor, signed in."""
    browser = Browser(town.site, database)
    yield await browser.sign_in(cast.sam)
    await browser.http.close()
