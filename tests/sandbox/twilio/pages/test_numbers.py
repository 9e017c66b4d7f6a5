"""The page behind the emulated Twilio: a person decides on bundles, and has things go wrong with its REST."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import given, strategies as st
from playwright.async_api import Browser, expect

from provisioning.twilio.numbers_api import NumberSearch, TwilioError, opened
from sandbox.twilio.emulator import Number, Registry
from sandbox.twilio.pages.faults import KINDS, TARGETS, fault, spoken
from sandbox.twilio.pages.numbers import PAGE, STRANGER
from tests.kit.vendors.pages import press
from tests.kit.vendors.twilio_account import ADDRESS, BUNDLE, Account, account

RENTED, WANTED = "+61255501234", "+61255500000"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Account]:
    async with account(Number(RENTED, voice_url="https://bilby.example/voice")) as opened_account:
        yield opened_account


async def shown(place: Account) -> str:
    async with aiohttp.ClientSession(place.emulator.url) as http, http.get(PAGE) as response:
        assert response.status == 200
        return await response.text()


@pytest.mark.parametrize(("mischief", "code", "words"), [("busy", 20429, "429"), ("key", 20003, "20003")])
async def test_what_a_person_wants_to_go_wrong_does_and_is_over(
    place: Account, mischief: str, code: int, words: str
) -> None:
    await press(place.emulator.url + PAGE, "faults", aim="search", mischief=mischief, times="1")
    assert words in await shown(place)
    async with opened(place.settings) as api:
        with pytest.raises(TwilioError) as caught:
            await api.search(NumberSearch(locality="Sydney"))
        assert caught.value.code == code
        assert "/sandbox/numbers/faults/withdraw" not in await shown(place)
        assert await api.search(NumberSearch(locality="Sydney"))


async def test_a_number_is_taken_and_given_back(place: Account) -> None:
    await press(place.emulator.url + PAGE, "taken", number="+61 2 5550 0000")
    async with opened(place.settings) as api:
        with pytest.raises(TwilioError) as refused:
            await api.buy(WANTED, "bilby:1", BUNDLE, ADDRESS)
        assert refused.value.code == 21422
        await press(place.emulator.url + PAGE, "taken", number=WANTED)
        assert (await api.buy(WANTED, "bilby:1", BUNDLE, ADDRESS)).e164 == WANTED


async def test_a_person_withdraws_what_should_have_gone_wrong(place: Account) -> None:
    await press(place.emulator.url + PAGE, "faults", aim="anything", mischief="down", times="9")
    await press(place.emulator.url + PAGE, "faults/withdraw")
    async with opened(place.settings) as api:
        assert await api.search(NumberSearch(locality="Perth"))


async def test_a_bundle_waits_for_a_person(place: Account) -> None:
    await press(place.emulator.url + PAGE, "review", seconds="")
    assert place.registry.review_seconds is None
    await press(place.emulator.url + PAGE, f"bundles/{BUNDLE}/reject", reason="No such business.")
    assert place.registry.bundles[BUNDLE]["status"] == "twilio-rejected"
    await press(place.emulator.url + PAGE, f"bundles/{BUNDLE}/approve")
    assert place.registry.bundles[BUNDLE]["status"] == "twilio-approved"
    await press(place.emulator.url + PAGE, f"bundles/{BUNDLE}/lose", status=404)
    await press(place.emulator.url + PAGE, f"bundles/BU{'9' * 32}/approve", status=404)


async def test_a_number_is_pointed_elsewhere(place: Account) -> None:
    number = place.numbers[RENTED]
    await press(place.emulator.url + PAGE, f"{number.sid}/misdirect")
    assert place.numbers[RENTED].voice_url == STRANGER
    await press(place.emulator.url + PAGE, f"PN{'9' * 32}/misdirect", status=404)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("faults", {"aim": "buy", "mischief": "fire"}),
        ("faults", {"aim": "buy", "mischief": "down", "times": "0.5"}),
        ("faults", {"aim": "buy", "mischief": "slow", "seconds": "1e9"}),
        ("taken", {"number": "+1 555 0100"}),
        ("review", {"seconds": "soon"}),
    ],
)
async def test_nonsense_is_refused_with_a_sentence(place: Account, path: str, fields: dict[str, str]) -> None:
    assert 'role="alert"' in await press(place.emulator.url + PAGE, path, status=400, **fields)
    assert place.registry.faults == []


async def test_another_page_may_press_nothing(place: Account) -> None:
    for path in ("faults", "faults/withdraw", "review", "taken", f"bundles/{BUNDLE}/approve", "PN1/misdirect"):
        await press(place.emulator.url + PAGE, path, status=403, origin="https://elsewhere.example")


async def test_a_bundle_under_review_is_taken_up_after_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "twilio.json"
    async with account(registry=Registry(kept)) as before:
        before.registry.bundles[BUNDLE]["status"] = "pending-review"
        before.registry.save(before.numbers)
    again = Registry(kept, review_seconds=0.0)
    async with account(registry=again) as after:
        async with opened(after.settings) as api:
            await api.search(NumberSearch(locality="Hobart"))  # time passes
        assert after.registry.bundles[BUNDLE]["status"] == "twilio-approved"


@given(
    aim=st.sampled_from([*TARGETS]),
    mischief=st.sampled_from([*KINDS]),
    times=st.integers(1, 100),
    seconds=st.floats(0, 600),
)
def test_every_choice_is_a_fault_with_words_of_its_own(aim: str, mischief: str, times: int, seconds: float) -> None:
    made = fault(aim, mischief, times, seconds)
    assert spoken(made).startswith(TARGETS[aim].words)
    assert "below" not in spoken(made)
    paths = [f"/2010-04-01/Accounts/AC1/{rest}" for rest in ("IncomingPhoneNumbers.json", "Calls/CA1.json")]
    if aim == "anything":
        assert made.hits("GET", paths[0])


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 360])
async def test_the_page_in_a_browser(place: Account, window: Browser, width: int) -> None:
    wrong: list[str] = []
    place.registry.review_seconds = None
    page = await window.new_page(base_url=place.emulator.url, viewport={"width": width, "height": 800})
    page.on("console", lambda line: wrong.append(line.text))
    await page.goto("/")
    await page.get_by_role("link", name="Numbers, regulatory bundles").click()
    await page.get_by_role("combobox", name="What").select_option("buy")
    await page.get_by_role("combobox", name="How").select_option("taken")
    await page.get_by_role("button", name="Let it happen").click()
    await expect(page.locator("#faults li")).to_have_count(1)
    await page.get_by_label("Why the bundle").fill("The ABN is another business's.")
    await page.get_by_role("button", name=re.compile("^Reject")).click()
    await page.locator(".status.twilio-rejected").wait_for()
    await page.get_by_role("button", name=re.compile("^Approve")).click()
    await page.locator(".status.twilio-approved").wait_for()
    await page.get_by_role("button", name=re.compile("elsewhere$")).click()
    await page.get_by_text(re.compile(re.escape(STRANGER))).wait_for()
    widest: Any = await page.evaluate("document.documentElement.scrollWidth")
    assert widest <= width
    assert wrong == []
