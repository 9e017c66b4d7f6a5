"""The emulated Twilio as a whole: how it starts, ends, forgets and fails."""

from __future__ import annotations

import asyncio
import base64

import aiohttp
import pytest

from sandbox.audio import voice as audio_voice
from sandbox.twilio.emulator import Behaviour, twilio
from tests.kit.vendors.twilio_customer import SECONDS, codes, settings, town


async def test_a_taken_port_is_an_os_error() -> None:
    async with town() as (emulator, customer):
        port = int(emulator.url.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            async with twilio(settings(customer, port=port)):
                pytest.fail("started")


async def test_what_goes_wrong_inside_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError):
        async with town():
            raise LookupError


async def test_a_failure_of_its_own_is_an_alert_and_nothing_stops() -> None:
    async def fail() -> None:
        raise LookupError

    async with town() as (emulator, _):
        emulator.exchange.spawn(fail())
        async with aiohttp.ClientSession() as http, http.get(f"{emulator.url}/sandbox/state") as response:
            assert response.status == 200
        assert codes(emulator) == [12400]


async def test_ended_calls_are_forgotten_one_day() -> None:
    async with town(max_legs=3) as (emulator, customer):
        customer.says("/voice", "<Pause length='600'/>")
        first, second = emulator.place_call(), emulator.place_call()
        second.hang_up()
        later = [emulator.place_call() for _ in range(2)]
        assert list(emulator.exchange.legs) == [leg.sid for leg in (first, *later)]


async def test_tones_sound_on_the_outbound_track_if_wanted() -> None:
    async with town(tones=True) as (emulator, customer):
        emulator.exchange.behaviours["client:bob"] = Behaviour("never")
        stream = f"<Start><Stream url='{customer.media_url}/s' track='outbound_track'/></Start>"
        customer.says("/voice", f"<Say>Hi</Say>{stream}<Say>{'x' * 100}</Say><Dial><Client>bob</Client></Dial>")
        emulator.place_call()
        heard = await customer.until_streaming()
        for tone in (audio_voice.prompt(), audio_voice.ringing()):
            wanted = {base64.b64decode(frame) for frame in tone[:10]}
            await customer.until(lambda wanted=wanted: wanted & _frames(heard.sound("outbound")))  # type: ignore[misc]


async def test_a_call_without_a_voice_url_fails() -> None:
    async with town() as (emulator, customer):
        emulator.exchange.set_number(next(iter(emulator.exchange.numbers)), voice_url="")
        leg = emulator.place_call()
        async with asyncio.timeout(SECONDS):
            await leg.over.wait()
        assert (leg.status, customer.of("/voice")) == ("failed", [])
        assert codes(emulator) == [21211]


def _frames(heard: bytes) -> set[bytes]:
    return {heard[at : at + 160] for at in range(0, len(heard), 160)}
