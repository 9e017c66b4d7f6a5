"""Finding, marking and copying words, how they look, reading mode and silence of screen readers: all by keyboard."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.browser.console_page import CALL, OTHER, Open, overflow, ring, talking
from tests.kit.media.live_media import Console, LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

KEPT = "Object.entries(localStorage).flat().join(' ') + Object.entries(sessionStorage).flat().join(' ')"


async def _lines(socket: Console, *texts: str) -> None:
    for number, text in enumerate(texts):
        await socket.say(CALL, text, id=f"l{number}-{text[:8]}", start_ms=10_000 + number * 1000)


async def _counted(page: Page, at: int, count: int) -> None:
    await expect(page.locator("#find-count")).to_have_text(f"{at} of {count}")
    await expect(page.locator(".found")).to_have_count(count)


async def test_words_are_found_also_in_lines_that_arrive(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    await _lines(socket, "The invoice, please", "which Invoice is it", "it's the invoice's number", "that is all")
    await expect(page.locator(".line")).to_have_count(5)
    await page.keyboard.press("f")
    await expect(page.locator("#find-text")).to_be_focused()
    await page.keyboard.type("invoice")
    await _counted(page, 3, 3)
    await page.keyboard.press("Enter")
    await _counted(page, 2, 3)
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")  # from the first to the last
    await _counted(page, 3, 3)
    await page.keyboard.press("Shift+Enter")
    await _counted(page, 1, 3)
    await expect(page.locator('.line:has-text("The invoice") [data-current]')).to_have_count(1)
    await socket.say(CALL, "another in", id="new", final=False, start_ms=20_000)
    await socket.say(CALL, "another invoice", id="new", final=False, start_ms=20_000)
    await _counted(page, 1, 4)
    await socket.say(CALL, "another invoice, another invoice", id="new", start_ms=20_000)
    await _counted(page, 1, 5)
    await page.locator("#find-text").fill("IT’S  the")
    await _counted(page, 1, 1)
    await page.locator("#find-text").fill("<b>.*")
    await expect(page.locator("#find")).to_have_attribute("data-missing", "")
    await expect(page.locator(".found")).to_have_count(0)
    await page.locator("#find-text").fill("all")
    await page.keyboard.press("Escape")
    await expect(page.locator("#find")).to_be_hidden()
    await expect(page.locator("#scroller")).to_be_focused()
    await expect(page.locator(".found")).to_have_count(0)
    await expect(page.locator("#find-text")).to_have_value("")
    assert await page.locator(".line .words").nth(1).text_content() == "The invoice, please "
    assert "invoice" not in await page.evaluate(KEPT)


async def test_what_was_searched_for_goes_with_the_call(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    socket = await media.console(call_view(CALL, str(cast.bob.id)), call_view(OTHER, str(cast.bob.id)))
    await page.locator(f'[data-call="{CALL}"] button').click()
    await socket.say(CALL, "words before")
    await page.keyboard.press("f")
    await page.keyboard.type("before")
    await _counted(page, 1, 1)
    await page.locator(f'[data-call="{OTHER}"] button').click()
    await expect(page.locator("#find")).to_be_hidden()
    await expect(page.locator("#find-text")).to_have_value("")
    await expect(page.locator("#find-said")).to_be_empty()


async def test_lines_are_chosen_marked_and_copied_by_keyboard(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, socket = await talking(console, media, cast.bob)
    await _lines(socket, "one", "two", "three")
    lines = page.locator(".line")
    await expect(lines).to_have_count(4)
    await page.keyboard.press("m")  # without a choice: the newest
    await expect(lines.nth(3)).to_have_attribute("data-marked", "")
    for _ in range(3):
        await page.keyboard.press("[")
    await expect(lines.nth(1)).to_have_attribute("data-chosen", "")
    await expect(lines.nth(1)).to_be_focused()
    await page.keyboard.press("y")
    await expect(page.locator("#copied")).not_to_be_empty()
    assert await page.evaluate("navigator.clipboard.readText()") == "one"
    await page.keyboard.press("m")
    await expect(page.locator("#mark-count")).to_have_text("2")
    for at in (3, 1, 3):
        await page.keyboard.press("g")
        await expect(lines.nth(at)).to_have_attribute("data-chosen", "")
    await page.keyboard.press("m")
    await expect(lines.nth(3)).not_to_have_attribute("data-marked", "")
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-chosen], #lines .line-tools")).to_have_count(0)
    await lines.nth(2).click()
    await page.locator(".line-tools [data-do=copy]").click()
    await page.wait_for_function("navigator.clipboard.readText().then((text) => text === 'two')")
    await page.locator(".line-tools [data-do=mark]").click()
    await expect(page.locator(".line[data-marked]")).to_have_count(2)
    await socket.tell("snapshot", calls=[call_view(CALL, str(cast.bob.id))])  # the page still shows what it knew
    await expect(page.locator(".line[data-marked]")).to_have_count(2)
    await socket.tell("call.stopped", call=CALL)
    await expect(page.locator("#to-mark")).to_be_hidden()
    kept = await page.evaluate(KEPT)
    assert [word for word in ("one", "two", "three", "before") if f" {word} " in f" {kept} "] == []


async def test_looks_and_announcements_are_remembered(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    await expect(page.locator("#announced p")).to_have_count(1)
    await page.keyboard.press("s")
    await expect(page.locator("#announced p")).to_have_count(0)
    await socket.say(CALL, "not announced", start_ms=9000)
    await expect(page.locator(".line")).to_have_count(2)
    await expect(page.locator("#announced p")).to_have_count(0)
    await page.locator("#reading-open").click()
    await expect(page.locator("#announce-words")).not_to_be_checked()
    usual = await page.locator("#lines").evaluate("(lines) => lines.clientWidth")
    await page.locator("#line-length").select_option("short")
    await page.locator("#typeface").select_option("serif")
    assert await page.locator("#lines").evaluate("(lines) => lines.clientWidth") < usual
    await page.reload()
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await expect(page.locator("body")).to_have_attribute("data-typeface", "serif")
    await expect(page.locator("body")).to_have_attribute("data-line-length", "short")
    await socket.say(CALL, "not announced either")
    await expect(page.locator(".line")).to_have_count(1)
    await expect(page.locator("#announced p")).to_have_count(0)
    await page.keyboard.press("s")
    await socket.say(CALL, "announced again", start_ms=9000)
    await expect(page.locator("#announced p")).to_have_count(1)


@pytest.mark.usefixtures("dialled")
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 640), (320, 256)])
async def test_reading_mode_keeps_words_and_call_controls(
    console: Open, media: LiveMedia, cast: Cast, width: int, height: int
) -> None:
    page = await console(cast.bob, width, height)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words before")
    await page.keyboard.press("v")
    await expect(page.locator("body")).to_have_attribute("data-reading", "")
    await expect(page.locator(".calls")).to_be_hidden()
    await expect(page.locator(".line .words")).to_be_in_viewport()
    await ring(page)
    await page.locator("#answer").click()
    for control in ("#hang-up", "#mute"):
        await page.locator(control).scroll_into_view_if_needed()
        await expect(page.locator(control)).to_be_in_viewport()
    await expect(page.locator("#scroller")).to_be_in_viewport()
    assert await overflow(page) <= 0
    await page.locator("#leave-reading").click()
    await expect(page.locator("body")).not_to_have_attribute("data-reading", "")
