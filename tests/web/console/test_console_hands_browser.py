"""The reader's hands: what keys do, and that nothing moves under the pointer."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.kit.browser.console_page import CALL, Open, overflow, ring, talking
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("dialled")]


async def is_still(page: Page, phase: Locator) -> None:
    """Type, and press what people press, and see that nothing has come of it."""
    for place in ("body", "#scroller", "#main"):
        await page.evaluate("place => document.querySelector(place).focus()", place)
        await page.keyboard.type("hi there, ham and mash at half past ")
        for key in ("Space", "Enter", "h", "a", "m", "H", "A", "M", "Control+h", "Shift+Alt+h"):
            await page.keyboard.press(key)
    await expect(phase).to_be_visible()


async def test_typing_touches_no_call(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, _ = await talking(console, media, cast.bob)
    await page.locator("#scroller").focus()
    await ring(page)
    await expect(page.locator("#scroller")).to_be_focused()  # a ring takes no focus
    await is_still(page, page.locator("#ring"))
    await page.keyboard.press("Escape")
    await page.keyboard.press(await chord(page, "#answer"))
    await expect(page.locator("#in-call")).to_be_visible()
    await is_still(page, page.locator("#in-call"))
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "false")
    await page.locator("#number").evaluate("field => field.focus()")
    await page.keyboard.press(await chord(page, "#mute"))
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press(await chord(page, "#hang-up"))
    await expect(page.locator("#in-call")).to_be_hidden()


async def chord(page: Page, button: str) -> str:
    """What the button says that its keys are."""
    keys = await page.locator(button).get_attribute("aria-keyshortcuts")
    assert keys is not None
    assert "+" in keys
    return keys


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 800), (360, 740), (320, 256)])
async def test_nothing_moves_under_the_pointer(
    console: Open, media: LiveMedia, cast: Cast, size: tuple[int, int]
) -> None:
    page = await console(cast.bob, *size)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words")
    await ring(page)
    answer = await page.locator("#answer").bounding_box()
    await page.locator("#answer").click()
    hang_up = page.locator("#hang-up")
    before = await hang_up.bounding_box()
    assert answer is not None
    assert before is not None
    x, y = answer["x"] + answer["width"] / 2, answer["y"] + answer["height"] / 2
    inside = before["x"] <= x <= before["x"] + before["width"] and before["y"] <= y <= before["y"] + before["height"]
    assert not inside  # a second click where one has answered
    await page.locator("#mute").click()
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    assert await hang_up.bounding_box() == before
    await socket.tell("state", call=CALL, state="failed")
    await socket.close()
    await expect(page.locator("#link-state")).not_to_have_attribute("data-status", "open")
    assert await hang_up.bounding_box() == before
    assert await overflow(page) <= 0


async def test_at_four_hundred_per_cent_there_is_room_for_words(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob, 320, 256)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words")
    await ring(page)
    await page.locator("#answer").click()
    height = "document.getElementById('scroller').clientHeight"
    assert await page.evaluate(height) >= 128  # half the window
    media.refusing = True
    await socket.close()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "waiting")
    assert await page.evaluate(height) >= 72  # three lines, and what is wrong
    for control in ("#hang-up", "#mute", "#notice button"):
        await expect(page.locator(control)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 360, 400])
@pytest.mark.parametrize("who", ["alice", "bob"])
async def test_the_top_bar_fits_whatever_it_says(
    console: Open, media: LiveMedia, cast: Cast, who: str, width: int
) -> None:
    page = await console(getattr(cast, who), width, 740)
    socket = await media.console()
    media.refusing = True
    await socket.close()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "waiting")
    assert await overflow(page) <= 0
    bar = await page.locator(".topbar").evaluate("bar => bar.scrollWidth - bar.clientWidth")
    assert bar == 0
