"""A number's settings are put right at Twilio, and what was changed is told."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from provisioning.numbers.twilio_config import Change, repair, wanted
from provisioning.twilio.numbers_api import TwilioApi, opened
from sandbox.twilio.emulator import Number
from tests.kit.vendors.twilio_account import Account, account

OURS, WEB = "+61255500000", "https://bilby.example"
SID = Number(OURS).sid
ASKED, REPORTED = "e=sydney&rc=2&rp=5xx,ct", "e=sydney&rc=3&rp=5xx,ct,rt"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Account]:
    async with account(Number(OURS, voice_url="https://else.example", voice_method="GET")) as opened_account:
        yield opened_account


@pytest_asyncio.fixture
async def api(place: Account) -> AsyncIterator[TwilioApi]:
    async with opened(place.settings) as opened_api:
        yield opened_api


async def test_what_was_changed_is_shown(api: TwilioApi, place: Account) -> None:
    assert await repair(api, SID, WEB) == [
        Change("voice_url", "https://else.example", f"{WEB}/twilio/voice/inbound#{ASKED}"),
        Change("voice_method", "GET", "POST"),
        Change("voice_fallback_url", "", f"{WEB}/twilio/voice/fallback#{ASKED}"),
        Change("status_callback", "", f"{WEB}/twilio/voice/status#{REPORTED}"),
        Change("voice_region", "us1", "au1"),
    ]
    assert place.numbers[OURS].voice_url == f"{WEB}/twilio/voice/inbound#{ASKED}"


async def test_overrides_are_no_difference_and_come_with_any_other_change(api: TwilioApi, place: Account) -> None:
    place.emulator.exchange.set_number(
        OURS,
        voice_url=f"{WEB}/twilio/voice/inbound",
        voice_method="POST",
        voice_fallback_url=f"{WEB}/twilio/voice/fallback#e=dublin",
        status_callback=f"{WEB}/twilio/voice/status",
    )
    await api.route(OURS)
    assert await repair(api, SID, WEB) == []
    place.emulator.exchange.set_number(OURS, status_callback_method="GET")
    assert [change.what for change in await repair(api, SID, WEB) or ()] == ["status_callback_method"]
    assert place.numbers[OURS].voice_url == f"{WEB}/twilio/voice/inbound#{ASKED}"


async def test_the_fallback_may_stand_elsewhere(api: TwilioApi, place: Account) -> None:
    bin_of_ours = f"https://handler.twilio.com/twiml/EH{'7' * 32}"
    await repair(api, SID, WEB, bin_of_ours)
    assert place.numbers[OURS].voice_fallback_url == f"{bin_of_ours}#{ASKED}"
    assert await repair(api, SID, WEB, bin_of_ours) == []


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "http://localhost:1"])
def test_on_this_machine_there_is_no_edge_between(base: str) -> None:
    assert not any("#" in value for value in wanted(base).values())


async def test_what_is_right_is_not_written(api: TwilioApi, place: Account) -> None:
    await repair(api, SID, WEB)
    before = len(place.registry.asked)
    assert await repair(api, SID, WEB) == []
    assert {method for method, _ in place.registry.asked[before:]} == {"GET"}


async def test_a_number_that_is_gone_is_told_apart(api: TwilioApi) -> None:
    assert await repair(api, f"PN{'f' * 32}", WEB) is None
