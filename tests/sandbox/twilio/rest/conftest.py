"""Twilio's own client of the emulated REST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from provisioning.twilio.client import connected
from tests.kit.vendors.twilio_room import Meeting


@pytest_asyncio.fixture
async def client(place: Meeting) -> AsyncIterator[Any]:
    """A client of the account in whose room the meeting is."""
    account, base = place.emulator.exchange.settings.account_sid, place.emulator.url
    async with connected(account=account, key=f"SK{'2' * 32}", secret="s" * 32, base=base) as official:
        yield official
