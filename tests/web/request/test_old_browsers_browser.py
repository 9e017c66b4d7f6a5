"""Pages on a browser that lacks what the oldest ones on the README's list lack."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.kit.browser.console_page import CALL, Open
from tests.kit.media.live_media import VOICE_SDK, LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

PATHS = ("/", "/pricing", "/sign-in", "/calls", "/numbers", "/team", "/settings", "/audit", "/onboarding")
# Newer than Chrome 100, Firefox 102 or Safari 15.6 (tests/web/request/test_supported_browsers.py has the table).
FORGET = """
for (const [owner, ...names] of [
  [AbortSignal, "timeout", "any"],
  [Array, "fromAsync"],
  [Array.prototype, "findLast", "findLastIndex", "toSorted", "toReversed", "toSpliced", "with"],
  [Object, "groupBy"],
  [Map, "groupBy"],
  [Promise, "withResolvers", "try"],
  [Set.prototype, "union", "intersection", "difference", "isSubsetOf", "isSupersetOf"],
  [URL, "canParse", "parse"],
  [ReadableStream.prototype, Symbol.asyncIterator, "values"],
  [Element.prototype, "checkVisibility"],
  [HTMLElement.prototype, "inert", "showPopover", "hidePopover", "togglePopover"],
  [HTMLFormElement.prototype, "requestSubmit"],
  [HTMLInputElement.prototype, "showPicker"],
  [Intl, "Segmenter", "DurationFormat"],
  [globalThis, "requestIdleCallback", "scheduler", "Iterator"],
]) for (const name of names) delete owner[name];
"""


@pytest.mark.usefixtures("dialled")
async def test_the_console_connects_and_the_phone_talks(
    console: Open, context: BrowserContext, media: LiveMedia, cast: Cast
) -> None:
    await context.add_init_script(FORGET)
    media.script = VOICE_SDK % CALL
    page = await console(cast.bob)
    assert await page.evaluate("[AbortSignal.timeout, URL.canParse, [].findLast].every((each) => each === undefined)")
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
    await socket.say(CALL, "I ordered a pump.")
    await expect(page.locator(".line .settled")).to_have_text("I ordered a pump.")
    await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")
    await page.evaluate("ring()")
    await page.locator("#answer").click()
    await expect(page.locator("#in-call-number")).to_have_text("(02) 5550 9999")
    await page.locator("#hang-up").click()
    await expect(page.locator("#in-call")).to_be_hidden()


async def test_every_other_page_works_as_well(
    console: Open, context: BrowserContext, media: LiveMedia, cast: Cast
) -> None:
    await context.add_init_script(FORGET)
    page = await console(cast.alice)
    await media.console()
    for path in PATHS:
        answer = await page.goto(path)
        assert answer is not None
        assert answer.ok, path
    await page.goto("/check")
    await expect(page.locator("#checks [data-good]").first).to_be_visible()
