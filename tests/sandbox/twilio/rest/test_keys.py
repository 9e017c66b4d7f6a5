"""The emulated Twilio's keys are as limited as Twilio's own: by their kind, and by the region they were made in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from twilio.base.exceptions import TwilioRestException

from provisioning.twilio.client import connected
from sandbox.twilio.emulator import Twilio
from tests.kit.vendors.twilio_customer import TOKEN, Customer, town

ACCOUNT = f"AC{'1' * 32}"
Town = tuple[Twilio, Customer]


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        yield both


@pytest.mark.parametrize("path", [".json", "/Keys.json", f"/Keys/SK{'2' * 32}.json"])
async def test_a_standard_key_reads_neither_account_nor_keys(place: Town, path: str) -> None:
    url = f"{place[0].url}/2010-04-01/Accounts/{ACCOUNT}{path}"
    headers = {"Authorization": aiohttp.encode_basic_auth(f"SK{'2' * 32}", "s" * 32)}
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (401, 20003)


async def test_the_auth_token_and_a_main_key_read_the_account() -> None:
    async with town(key_kind="main") as (emulator, _):
        for user, secret in ((f"SK{'2' * 32}", "s" * 32), (ACCOUNT, TOKEN)):
            async with connected(account=ACCOUNT, key=user, secret=secret, base=emulator.url) as client:
                assert str((await client.api.accounts(ACCOUNT).fetch_async()).status) == "active"


US1 = {
    "us1_port": 0,
    "us1_auth_token": "u" * 32,
    "us1_api_key_sid": f"SK{'9' * 32}",
    "us1_api_key_secret": "v" * 32,
}


@pytest.mark.parametrize(
    ("user", "secret", "region"),
    [
        (f"SK{'2' * 32}", "s" * 32, "au1"),
        (ACCOUNT, TOKEN, "au1"),
        (f"SK{'9' * 32}", "v" * 32, "us1"),
        (ACCOUNT, "u" * 32, "us1"),
    ],
)
async def test_credentials_are_good_in_their_own_region_alone(user: str, secret: str, region: str) -> None:
    async with town(**US1) as (emulator, _):
        for host, url in (("au1", emulator.url), ("us1", emulator.us1_url)):
            async with connected(account=ACCOUNT, key=user, secret=secret, base=url) as client:
                if host == region:
                    assert (await client.applications(f"AP{'3' * 32}").fetch_async()).voice_method == "POST"
                    continue
                with pytest.raises(TwilioRestException) as caught:
                    await client.applications(f"AP{'3' * 32}").fetch_async()
                assert (caught.value.status, caught.value.code) == (401, 20003)


@pytest.mark.parametrize("secret", ["", "wrong", "ü"])
async def test_wrong_credentials_are_20003(place: Town, secret: str) -> None:
    async with connected(account=ACCOUNT, key=ACCOUNT, secret=secret or "x", base=place[0].url) as stranger:
        with pytest.raises(TwilioRestException) as caught:
            await stranger.api.accounts(ACCOUNT).fetch_async()
        assert (caught.value.status, caught.value.code) == (401, 20003)


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic !"}, {"Authorization": "Bearer x"}])
async def test_no_credentials_are_20003(place: Town, header: dict[str, str]) -> None:
    url = f"{place[0].url}/2010-04-01/Accounts/{ACCOUNT}.json"
    async with aiohttp.ClientSession() as http, http.get(url, headers=header) as response:
        assert (response.status, (await response.json())["code"]) == (401, 20003)
