"""The page of the network's troubles: switches that a person turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox.twilio.faults import CallbackFaults
from sandbox.twilio.pages.network import PAGE
from tests.kit.vendors.pages import press
from tests.kit.vendors.twilio_room import ROOM, Meeting, meeting


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Meeting]:
    async with meeting() as opened:
        yield opened


async def test_callbacks_are_spoiled_and_faithful_again(place: Meeting) -> None:
    callbacks = place.emulator.exchange.callbacks
    await press(place.emulator.url + PAGE, "callbacks", late="2.5", doubled="50", lost="10", jumbled="on")
    assert callbacks.faults == CallbackFaults(late=2.5, doubled=0.5, jumbled=True, lost=0.1)
    await press(place.emulator.url + PAGE, "callbacks", late="", doubled="0", lost="0")
    assert callbacks.faults == CallbackFaults()


async def test_the_accounts_settings(place: Meeting) -> None:
    await press(place.emulator.url + PAGE, "account", calls_per_second="20")
    assert not place.emulator.exchange.agent_conference
    await press(place.emulator.url + PAGE, "account", calls_per_second="1", agent_conference="on")
    assert place.emulator.exchange.agent_conference


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("callbacks", {"late": "601"}),
        ("callbacks", {"lost": "101"}),
        ("callbacks", {"doubled": "many"}),
        ("callbacks", {"late": "nan"}),
        ("account", {"calls_per_second": "0"}),
        ("account", {"calls_per_second": "-1"}),
        ("lines", {"warning": "high-tea"}),
    ],
)
async def test_absurd_numbers_change_nothing(place: Meeting, path: str, fields: dict[str, str]) -> None:
    assert 'role="alert"' in await press(place.emulator.url + PAGE, path, 400, **fields)
    exchange = place.emulator.exchange
    assert (exchange.callbacks.faults, exchange.agent_conference) == (CallbackFaults(), True)


async def test_another_page_changes_nothing(place: Meeting) -> None:
    for path in ("callbacks", "account", "lines"):
        await press(place.emulator.url + PAGE, path, 403, origin="https://elsewhere.example", late="9")


@pytest.mark.browser
async def test_the_page_is_operated_in_a_browser(place: Meeting, window: Browser, tmp_path: Path) -> None:
    await place.join("customer", startConferenceOnEnter="false")
    page = await window.new_page(viewport={"width": 360, "height": 740})
    await page.goto(f"{place.emulator.url}{PAGE}")
    assert ROOM in await page.locator("section[aria-labelledby=rooms-title]").inner_text()
    await page.get_by_label("In any order").check()
    await page.locator("section[aria-labelledby=callbacks-title] button").click()
    assert await page.get_by_label("In any order").is_checked()
    await page.get_by_label("Warning").select_option("low-mos")
    await page.get_by_role("button", name="Raise it in every call").click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.screenshot(path=tmp_path / "network.png", full_page=True)
    await page.close()
