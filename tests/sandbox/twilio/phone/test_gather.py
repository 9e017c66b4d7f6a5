"""`<Gather>` and `<Play>` outside rooms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.twilio.emulator import Twilio
from tests.kit.vendors.twilio_customer import SECONDS, Customer, codes, town
from tests.kit.vendors.twilio_room import sound_file, tones_in

Town = tuple[Twilio, Customer]


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        both[1].says("/tone.wav", lambda _: sound_file())
        both[1].says("/keys", "<Hangup/>")
        both[1].says("/none", "<Hangup/>")
        yield both


def gather(customer: Customer, prompt: str = "", **attributes: str) -> str:
    more = " ".join(f"{name}='{value}'" for name, value in attributes.items())
    return f"<Gather action='{customer.url}/keys' {more}>{prompt}</Gather><Redirect>{customer.url}/none</Redirect>"


@pytest.mark.parametrize(
    ("attributes", "pressed", "told"),
    [
        ({"numDigits": "1"}, "1", {"Digits": "1"}),
        ({"numDigits": "3"}, "12345", {"Digits": "123"}),
        ({}, "12#", {"Digits": "12", "FinishedOnKey": "#"}),
        ({"finishOnKey": "*"}, "1#*", {"Digits": "1#", "FinishedOnKey": "*"}),
        ({"timeout": "1"}, "77", {"Digits": "77"}),
        ({"timeout": "1", "finishOnKey": ""}, "7#", {"Digits": "7#"}),
    ],
)
async def test_keys_lead_to_the_action(
    place: Town, attributes: dict[str, str], pressed: str, told: dict[str, str]
) -> None:
    emulator, customer = place
    customer.says("/voice", gather(customer, "<Say>Press a key</Say><Play>/tone.wav</Play>", **attributes))
    leg = emulator.place_call(caller_audio=b"")
    await customer.until_asked("/tone.wav")
    leg.press(pressed)
    form = await customer.until_asked("/keys")
    assert {name: form.get(name) for name in ("Digits", "FinishedOnKey")} == {"FinishedOnKey": None} | told
    assert customer.of("/none") == []


async def test_without_a_key_the_document_goes_on(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", gather(customer, "<Pause/>", timeout="1"))
    emulator.place_call(caller_audio=b"").press("1")  # before it was asked: does not count
    assert await customer.until_asked("/none")
    assert customer.of("/keys") == []


async def test_without_a_key_the_action_can_be_asked_all_the_same(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", gather(customer, timeout="1", actionOnEmptyResult="true"))
    emulator.place_call(caller_audio=b"")
    assert (await customer.until_asked("/keys"))["Digits"] == ""


async def test_without_an_action_its_own_document_is_asked_again(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Gather numDigits='1'><Play>/tone.wav</Play></Gather>")
    leg = emulator.place_call(caller_audio=b"")
    await customer.until_asked("/tone.wav")
    customer.says("/voice", "<Hangup/>")
    leg.press("4")
    assert (await customer.until_asked("/voice", times=2))["Digits"] == "4"


async def test_a_caller_who_hangs_up_ends_it(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", gather(customer, timeout="600"))
    leg = emulator.place_call(caller_audio=b"", hang_up_after=1)
    await customer.until_asked("/status")
    assert (leg.status, customer.of("/none"), customer.of("/keys")) == ("completed", [], [])


async def test_a_file_is_heard(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Play>/tone.wav</Play>")
    leg = emulator.place_call(caller_audio=b"")
    await customer.until_asked("/tone.wav")
    clock = emulator.exchange.clock
    async with asyncio.timeout(SECONDS):
        while not (heard := tones_in(leg.heard(clock.tick()))):
            await clock.until(clock.tick() + 1)
    assert (heard, codes(emulator)) == ({"other"}, [])
