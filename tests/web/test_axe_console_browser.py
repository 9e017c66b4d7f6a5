"""axe-core finds nothing on the console, whatever happens on it."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.async_api import expect

from db.engine import Database
from tests.kit.browser.axe import findings
from tests.kit.browser.console_page import CALL, OTHER, Open, SignedIn, ring, talking
from tests.kit.full_lists import fill
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser


async def test_a_console_with_missed_calls(console: Open, database: Database, cast: Cast) -> None:
    await fill(database, cast)
    page = await console(cast.bob)
    await page.locator("#recent summary").click()
    await expect(page.locator(".missed")).to_have_count(1)
    assert await findings(page) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_a_phone_that_hears_nothing_of_its_server(
    signed_in: SignedIn, cast: Cast, colours: Literal["light", "dark"]
) -> None:
    """What was last known is paler and can be read; who is not known is not said to be missing."""
    page = await signed_in(cast.sam)
    await page.emulate_media(color_scheme=colours)
    await page.goto("/console")
    await expect(page.locator("#phone")).not_to_have_attribute("data-stale", "")
    await expect(page.locator("#waiting-none")).to_be_visible()
    found = await findings(page)
    await page.locator("#phone").evaluate("(phone) => phone.toggleAttribute('data-stale', true)")  # as it then looks
    found += await findings(page)
    await page.route("**/phone/events*", lambda route: route.abort())
    await page.reload()
    await expect(page.locator("#phone")).to_have_attribute("data-stale", "")
    await expect(page.locator("#waiting-none")).to_be_hidden()
    await expect(page.locator("#team-none")).to_be_hidden()
    assert found + await findings(page) == []


@pytest.mark.usefixtures("dialled")
async def test_a_console_with_live_calls(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    found = await findings(page)
    await socket.tell("gap", call=CALL, gap={"from_ms": 9_000, "to_ms": 12_000, "cause": "bilby"})
    await socket.tell("state", call=CALL, state="reconnecting")
    await socket.tell("call.started", call=call_view(OTHER, str(cast.bob.id)))
    await ring(page)
    found += await findings(page)
    await socket.close()
    assert found + await findings(page) == []


async def test_a_console_in_which_words_are_found_marked_and_large(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page, socket = await talking(console, media, cast.bob)
    talk = {"caller_ms": 62_000, "agent_ms": 38_000, "both_ms": 0, "silence_ms": 9_000}
    await socket.tell("talk", call=CALL, talk=talk | {"caller_words": 100, "agent_words": 90})
    await expect(page.locator("#talk")).to_be_visible()
    for key in ("m", "[", "f"):
        await page.keyboard.press(key)
    await page.keyboard.type("words")
    await expect(page.locator(".found[data-current]")).to_have_count(1)
    found = await findings(page)
    await page.locator("#scroller").focus()
    await page.keyboard.press("v")
    await expect(page.locator("body")).to_have_attribute("data-reading", "")
    found += await findings(page)
    await page.locator("#reading-open").click()
    assert found + await findings(page) == []
