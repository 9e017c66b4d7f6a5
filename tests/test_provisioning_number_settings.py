"""A number's settings are put right at Twilio, and what was changed is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from provisioning.number_settings import Change, put_right
from provisioning.twilio_api import TwilioApi, opened
from sandbox.twilio import Number
from tests.twilio_account import Account, account

OURS, WEB = "+61255500000", "https://bilby.example"
SID = Number(OURS).sid


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Account]:
    async with account(Number(OURS, voice_url="https://else.example", voice_method="GET")) as opened_account:
        yield opened_account


@pytest_asyncio.fixture
async def api(place: Account) -> AsyncIterator[TwilioApi]:
    async with opened(place.settings) as opened_api:
        yield opened_api


async def test_what_was_changed_is_shown(api: TwilioApi, place: Account) -> None:
    assert await put_right(api, SID, WEB) == [
        Change("voice_url", "https://else.example", f"{WEB}/twilio/voice/inbound"),
        Change("voice_method", "GET", "POST"),
        Change("status_callback", "", f"{WEB}/twilio/voice/status"),
        Change("voice_region", "us1", "au1"),
    ]
    assert place.numbers[OURS].voice_url == f"{WEB}/twilio/voice/inbound"


async def test_what_is_right_is_not_written(api: TwilioApi, place: Account) -> None:
    await put_right(api, SID, WEB)
    before = len(place.book.asked)
    assert await put_right(api, SID, WEB) == []
    assert {method for method, _ in place.book.asked[before:]} == {"GET"}


async def test_a_number_that_is_gone_is_told_apart(api: TwilioApi) -> None:
    assert await put_right(api, f"PN{'f' * 32}", WEB) is None
