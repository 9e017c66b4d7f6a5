"""A customer of the emulated Twilio whose calls ring in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.twilio.emulator import Twilio
from tests.kit.vendors.twilio_customer import Customer, town


@pytest_asyncio.fixture
async def place() -> AsyncIterator[tuple[Twilio, Customer]]:
    """Bob's browser rings."""
    async with town() as both:
        both[1].says("/voice", f"<Dial action='{both[1].url}/done'><Client><Identity>bob</Identity>"
                     "<Parameter name='caller' value='+61'/></Client></Dial>")  # fmt: skip
        yield both
