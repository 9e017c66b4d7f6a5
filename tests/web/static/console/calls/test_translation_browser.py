"""A reader has a call translated: asked for on demand, shown below each line, and gone when it is turned off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.kit.browser.console_page import CALL, OTHER, Open, talking
from tests.kit.media.live_media import Console, LiveMedia, call_view
from tests.kit.web.cast import Cast
from web.config import Settings

pytestmark = pytest.mark.browser


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"live_translation": "on"})


async def _asked(socket: Console, *wanted: tuple[str, str | None]) -> None:
    async with asyncio.timeout(60):
        while len(socket.asked) < len(wanted):  # noqa: ASYNC110 (it comes over a socket)
            await asyncio.sleep(0.02)
    expected: list[dict[str, Any]] = [{"type": "translate", "call": call, "to": to} for call, to in wanted]
    assert socket.asked == expected


async def test_a_call_is_translated_on_demand(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    await page.keyboard.press("l")  # no language was chosen yet
    await expect(page.locator("#reading-dialog")).to_be_visible()
    assert socket.asked == []
    await page.locator("#translate-to").select_option("vi")
    await page.keyboard.press("Escape")
    await _asked(socket, (CALL, "vi"))
    await expect(page.locator("#translation-note")).to_have_attribute("data-problem", "no")
    said = {"call": CALL, "utterance": "words before", "to": "vi"}
    await socket.tell("translation", **said, text="<b>từ</b>")
    shown = page.locator(".translation")
    await expect(shown).to_have_text("<b>từ</b>")
    await expect(shown).to_have_attribute("lang", "vi")
    await socket.tell("translation", **said | {"to": "el"}, text="of another language")
    await socket.tell("translation.failed", call=CALL, to="vi", problem="busy")
    await expect(page.locator("#translation-note")).to_have_attribute("data-problem", "yes")
    await expect(shown).to_have_text("<b>từ</b>")
    await expect(page.locator("#announced p")).to_have_count(1)  # once, though the line was drawn again
    await page.keyboard.press("l")
    await _asked(socket, (CALL, "vi"), (CALL, None))
    await expect(shown).to_have_count(0)
    await expect(page.locator("#translation-note")).to_be_hidden()
    await page.keyboard.press("l")
    await _asked(socket, (CALL, "vi"), (CALL, None), (CALL, "vi"))
    await page.reload()
    again = await media.console(call_view(CALL, str(cast.bob.id)))
    await again.say(CALL, "words after")
    await expect(page.locator(".line")).to_have_count(1)
    await expect(page.locator("#translate-to")).to_have_value("")
    assert again.asked == []


async def test_it_follows_the_call_being_read_and_a_new_socket(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    views = [call_view(CALL, str(cast.bob.id)), call_view(OTHER, str(cast.bob.id))]
    socket = await media.console(*views)
    await page.locator(f'[data-call="{CALL}"] button').click()
    await page.locator("#reading-open").click()
    await page.locator("#translate-to").select_option("el")
    await page.keyboard.press("Escape")
    await page.locator(f'[data-call="{OTHER}"] button').click()
    await _asked(socket, (CALL, "el"), (CALL, None), (OTHER, "el"))
    await socket.close()
    await page.clock.fast_forward(20_000)
    again = await media.console(*views)
    await _asked(again, (OTHER, "el"))


async def test_a_redacted_call_says_so(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, _ = await talking(console, media, cast.bob, redacted=True, language="en-NZ")
    await expect(page.locator("#redacted-note")).to_be_visible()
    await expect(page.locator("#lines")).to_have_attribute("lang", "en-NZ")
