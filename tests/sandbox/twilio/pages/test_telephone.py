"""The telephone of the page, without a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio

from sandbox.twilio.emulator import Twilio
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, Customer, town
from tests.sandbox.twilio.browser.test_signalling import Browser

Town = tuple[Twilio, Customer]


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town(speed=1.0) as both:
        yield both


@asynccontextmanager
async def telephone(emulator: Twilio, number: str = MOBILE) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{emulator.url}/sandbox/telephone") as socket:
        made = Browser(socket)
        await made.says("hello", number=number)
        yield made


async def test_it_calls_a_number_speaks_and_is_hung_up_on(place: Town) -> None:
    emulator, customer = place
    stream = f"<Start><Stream url='{customer.media_url}/s'/></Start>"
    customer.says("/voice", f"{stream}<Say>Hello</Say><Pause length='600'/>")
    said = bytes([0x20]) * 160
    async with telephone(emulator) as phone:
        await phone.says("call", to=NUMBER, microphone=True)
        sid = (await phone.hears("ringing"))["call"]
        await phone.hears("accept")
        asked = await customer.until_asked("/voice")
        assert (asked["From"], asked["To"], asked["CallSid"]) == (MOBILE, NUMBER, sid)
        heard = await customer.until_streaming()
        await phone.speaks(said, said)
        await customer.until(lambda: heard.sound("inbound").count(said) == 2)
        emulator.exchange.legs[sid].hang_up()
        assert (await phone.hears("disconnect"))["call"] == sid


async def test_it_rings_when_its_number_is_dialled_and_two_telephones_hear_each_other(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"<Dial callerId='{NUMBER}'><Number>+61491570157</Number></Dial>")
    said = [bytes([code]) * 160 for code in (0x20, 0x30)]
    async with telephone(emulator) as one, telephone(emulator, "+61491570157") as other:
        await one.says("call", to=NUMBER, microphone=True)
        await one.hears("ringing")
        offered = await other.hears("incoming")
        assert offered["parameters"]["From"] == NUMBER
        await other.says("accept", call=offered["call"], microphone=True)
        await other.speaks(said[1], said[1])
        await one.listens(said[1])
        await one.speaks(said[0], said[0])
        await other.listens(said[0])


async def test_a_call_to_a_number_that_is_none_of_the_account_is_refused_in_words(place: Town) -> None:
    async with telephone(place[0]) as phone:
        await phone.says("call", to="+61299998888", microphone=True)
        assert "+61299998888" in (await phone.hears("error"))["text"]


@pytest.mark.parametrize("number", ["", "0491570156", "+61491570156x", NUMBER])
async def test_it_needs_a_number_of_its_own(place: Town, number: str) -> None:
    async with telephone(place[0], number) as phone:
        assert (await phone.hears("error"))["text"]


async def test_pages_of_other_origins_have_no_telephone(place: Town) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{place[0].url}/sandbox/telephone", origin="https://elsewhere.example")
        assert refused.value.status == 403
