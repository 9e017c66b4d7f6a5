"""What we ask of Twilio about numbers, by its own package, of the emulated one; and what its refusals become."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import given, strategies as st
from pydantic import ValidationError

from provisioning.twilio.errors import FAILURES, failure_of, outlook
from provisioning.twilio.numbers_api import FREE, NumberSearch, Offer, TwilioApi, TwilioError, opened
from provisioning.twilio.settings import TwilioSettings
from sandbox.twilio.emulator import Number, RestFault
from tests.kit.vendors.twilio_account import ADDRESS, BUNDLE, Account, account

MINE, ANOTHERS = "+61255500037", "+61255500074"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Account]:
    async with account(Number(ANOTHERS, friendly_name="Reception")) as opened_account:
        yield opened_account


@pytest_asyncio.fixture
async def api(place: Account) -> AsyncIterator[TwilioApi]:
    async with opened(place.settings) as opened_api:
        yield opened_api


async def _refusal(api: TwilioApi, e164: str = MINE, bundle: str = BUNDLE, address: str = ADDRESS) -> TwilioError:
    with pytest.raises(TwilioError) as raised:
        await api.buy(e164, "bilby:x", bundle, address)
    return raised.value


async def test_numbers_are_found_by_locality_prefix_and_pattern(api: TwilioApi) -> None:
    (offer,) = await api.search(NumberSearch(locality="Melbourne"), limit=1)
    assert offer == Offer("+61355500000", "Melbourne", "VIC")
    assert {each.e164[:5] for each in await api.search(NumberSearch(prefix="(07) 5550"))} == {"+6175"}
    assert all("777" in each.e164 for each in await api.search(NumberSearch(pattern="777")))
    assert await api.search(NumberSearch(locality="Atlantis")) == []
    assert ANOTHERS not in {each.e164 for each in await api.search(NumberSearch(), limit=200)}


async def test_a_number_is_bought_changed_routed_and_given_back(api: TwilioApi, place: Account) -> None:
    bought = await api.buy(MINE, "bilby:1", BUNDLE, ADDRESS)
    assert (bought.e164, bought.tag, bought.voice_url) == (MINE, "bilby:1", "")
    assert await api.owned(MINE) == bought
    assert await api.tagged("bilby:1") == [bought]
    changed = await api.change(bought.sid, voice_url="https://bilby.example/v", friendly_name=FREE)
    assert await api.fetch(bought.sid) == changed
    assert (changed.tag, changed.voice_url) == (FREE, "https://bilby.example/v")
    assert await api.region(MINE) == "us1"
    await api.route(MINE)
    assert await api.region(MINE) == "au1"
    await api.give_back(bought.sid)
    await api.give_back(bought.sid)  # gone already
    assert (await api.fetch(bought.sid), await api.owned(MINE)) == (None, None)
    assert list(place.numbers) == [ANOTHERS]


async def test_a_part_of_a_number_is_not_the_number(api: TwilioApi) -> None:
    assert await api.owned(ANOTHERS[:-1]) is None


async def test_every_page_is_read(place: Account) -> None:
    for n in range(120):
        place.numbers[f"+6125550{n:04d}"] = Number(f"+6125550{n:04d}", friendly_name=FREE)
    async with opened(place.settings) as api:
        assert len(await api.tagged(FREE)) == 120
        assert len(await api.everything()) == 120


async def test_refusals_become_sentences(api: TwilioApi, place: Account) -> None:
    missing = await _refusal(api, bundle="")
    assert (missing.code, missing.remedy, bool(missing.sentence)) == (21649, "details", True)
    assert (await _refusal(api, address="")).code == 21631
    place.registry.addresses[ADDRESS]["iso_country"] = "NZ"
    assert (await _refusal(api)).code == 21615
    place.registry.taken.append(MINE)
    gone = await _refusal(api)
    assert (gone.code, gone.remedy) == (21422, "another number")
    assert list(place.numbers) == [ANOTHERS]


async def test_too_much_is_told_with_its_pause(api: TwilioApi, place: Account) -> None:
    place.registry.faults.append(RestFault("POST", "/IncomingPhoneNumbers", status=429, code=20429, retry_after="7"))
    busy = await _refusal(api)
    assert (busy.code, busy.remedy, busy.retry_after) == (20429, "again", 7.0)


async def test_an_outage_passes(api: TwilioApi, place: Account) -> None:
    place.registry.faults.append(RestFault("POST", "/IncomingPhoneNumbers"))
    assert (await _refusal(api)).remedy == "again"


@pytest.mark.parametrize(("status", "code", "remedy"), [(503, 20503, "again"), (401, 20003, "operator")])
async def test_a_list_that_fails_is_told_alike(
    api: TwilioApi, place: Account, status: int, code: int, remedy: str
) -> None:
    for _ in range(3):
        place.registry.faults.append(RestFault("GET", "PhoneNumbers", status=status, code=code, times=1))
    for ask in (api.search(NumberSearch(locality="Sydney")), api.owned(MINE), api.everything()):
        with pytest.raises(TwilioError) as caught:
            await ask
        assert (caught.value.code, caught.value.remedy) == (code, remedy)


async def test_a_wrong_key_is_the_operators_to_mend(place: Account) -> None:
    settings = place.settings.model_copy(update={"twilio_api_key_sid": f"SK{'f' * 32}"})
    async with opened(settings) as api:
        wrong = await _refusal(api)
    assert (wrong.code, wrong.remedy) == (20003, "operator")


async def test_silence_is_given_up(place: Account) -> None:
    place.registry.faults.append(RestFault("POST", "/IncomingPhoneNumbers", "hangs", seconds=1))
    async with opened(place.settings, seconds=0.1) as api:
        silent = await _refusal(api)
    assert (silent.code, silent.remedy) == (None, "again")


async def test_an_absent_twilio_is_told_alike() -> None:
    settings = TwilioSettings(
        twilio_account_sid=f"AC{'1' * 32}", twilio_api_key_sid=f"SK{'1' * 32}", twilio_api_base="http://127.0.0.1:9"
    )
    async with opened(settings) as api:
        assert (await _refusal(api)).remedy == "again"


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_wish_is_one_that_twilio_understands(prefix: str, pattern: str) -> None:
    contains = NumberSearch(prefix=prefix, pattern=pattern).contains
    assert contains.startswith("+61") or len(contains.replace("*", "")) >= 2


@given(st.none() | st.integers(10000, 99999), st.none() | st.integers(400, 599))
def test_every_failure_has_a_sentence(code: int | None, status: int | None) -> None:
    sentence = failure_of(code, status).sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper()


@pytest.mark.parametrize(("code", "retryable"), [(20429, True), (20003, True), (21649, False), (21422, False)])
def test_what_the_customer_need_not_change_is_retryable(code: int, retryable: bool) -> None:
    assert TwilioError(code, 400).retryable is retryable


def test_the_codes_of_the_contract_are_in_the_table() -> None:
    assert {21649, 21631, 21615, 21422, 20003, 20429} <= FAILURES.keys()


def test_an_order_says_whether_and_when_it_goes_on() -> None:
    at, zone = datetime(2026, 11, 21, 3, 5, tzinfo=UTC), ZoneInfo("Australia/Sydney")
    for sentence in (FAILURES[20429].sentence, None):
        assert outlook(sentence, at, zone).startswith(sentence or "")
        assert "14:05:00" in outlook(sentence, at, zone)
    over = outlook(FAILURES[20429].sentence, None, zone)
    assert over.startswith(FAILURES[20429].sentence)
    assert over != FAILURES[20429].sentence
    assert outlook(None, None, zone) == ""


@pytest.mark.parametrize(
    ("code", "text"),
    [(22401, ""), (20404, "Endpoint is not supported in realm 'au1'"), (None, "X NOT SUPPORTED IN REALM au1")],
)
def test_what_au1_does_not_offer_names_the_setting(code: int | None, text: str) -> None:
    found = failure_of(code, 404, text)
    assert found.remedy == "operator"
    assert {"TWILIO_PURCHASE_BASE", "TWILIO_US1_KEY_SID"} <= set(found.sentence.replace(",", "").split())


US1 = {"us1_port": 0, "us1_api_key_sid": f"SK{'9' * 32}", "us1_api_key_secret": "v" * 32}


async def test_where_au1_sells_nothing_the_global_host_does() -> None:
    async with account(emulated={"au1_sells": False, **US1}) as place:
        async with opened(place.settings) as api:
            for ask in (api.search(NumberSearch()), api.buy(MINE, "bilby:1", BUNDLE, ADDRESS)):
                with pytest.raises(TwilioError) as caught:
                    await ask
                assert "TWILIO_PURCHASE_BASE" in caught.value.sentence
        elsewhere = place.settings.model_dump() | {
            "twilio_purchase_base": place.emulator.us1_url,
            "twilio_us1_key_sid": US1["us1_api_key_sid"],
            "twilio_us1_key_secret": US1["us1_api_key_secret"],
        }
        async with opened(TwilioSettings.model_validate(elsewhere)) as api:
            assert await api.search(NumberSearch())
            bought = await api.buy(MINE, "bilby:1", BUNDLE, ADDRESS)
            assert await api.owned(MINE) == bought
            await api.route(MINE)
            await api.give_back(bought.sid)
            assert await api.owned(MINE) is None


def test_the_purchase_host_is_one_of_twilios_or_loopback() -> None:
    assert TwilioSettings().purchase_base == "https://api.sydney.au1.twilio.com"
    assert TwilioSettings(twilio_purchase_base="https://api.twilio.com").purchase_base == "https://api.twilio.com"
    strangers = ("https://api.dublin.ie1.twilio.com", "https://api.twilio.com.evil.example", "http://api.twilio.com")
    for refused in strangers:
        with pytest.raises(ValidationError):
            TwilioSettings(twilio_purchase_base=refused)


def test_each_host_gets_the_key_of_its_region() -> None:
    settings = TwilioSettings(twilio_api_key_sid="SKau", twilio_us1_key_sid="SKus")
    assert settings.key_for(settings.purchase_base)[0] == "SKau"
    assert settings.key_for(settings.routes_base)[0] == "SKau"
    assert {settings.key_for(base)[0] for base in ("https://api.twilio.com", settings.numbers_base)} == {"SKus"}


def test_a_machine_pointed_at_itself_reaches_nobody_else() -> None:
    settings = TwilioSettings(twilio_api_base="http://127.0.0.1:8090")
    assert (settings.routes_base, settings.numbers_base) == ("http://127.0.0.1:8090", "http://127.0.0.1:8090")
    real = TwilioSettings()
    assert (real.routes_base, real.numbers_base) == (
        "https://routes.sydney.au1.twilio.com",
        "https://numbers.twilio.com",
    )
