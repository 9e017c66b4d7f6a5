"""The wall in Chromium, with a media process that tells rows and, of what is followed and read, words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.browser.console_page import Open, is_nowhere, is_open, overflow
from tests.kit.media.live_media import Console, LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

BOBS, DANAS, WAITS = (f"CA{number}" * 3 for number in range(3))
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 4
COUNT_CHANGES = """() => {
  globalThis.changes = 0;
  const count = (found) => (globalThis.changes += found.filter(({ target }) => !target.closest?.(".elapsed")).length);
  new MutationObserver(count).observe(document.getElementById("call-list"), { childList: true, subtree: true,
    characterData: true, attributes: true });
}"""


def row(call: str, text: str = "", **facts: Any) -> dict[str, Any]:
    latest = {"speaker": "caller", "text": text, "final": True, "end_ms": 2_000} if text else None
    whole: dict[str, Any] = {
        "state": "transcribing",
        "held_at": None,
        "latency_ms": 800,
        "talk": None,
        "latest": latest,
        "phrases": [],
    }
    return {"call": call, **whole, **facts}


def said(text: str, at: int = 0) -> dict[str, Any]:
    times = {"start_ms": at, "end_ms": at + 900, "stable_words": 0}
    return {"id": f"u{at}", "speaker": "caller", "text": text, "final": True, **times}


async def asked(socket: Console, page: Page, **wanted: Any) -> None:
    """Wait until the page has said so."""
    for _ in range(1_200):
        if any(wanted.items() <= said.items() for said in socket.asked):
            return
        await page.wait_for_timeout(50)
    raise AssertionError(socket.asked)


async def walled(console: Open, media: LiveMedia, cast: Cast, **size: int) -> tuple[Page, Console]:
    """Sam's wall, with a call of Bob's, one of Dana's and one that waits."""
    page = await console(cast.sam, **size)
    views = [call_view(BOBS, str(cast.bob.id)), call_view(DANAS, str(cast.dana.id)), call_view(WAITS, None)]
    socket = await media.console(*views)
    await socket.tell("rows", rows=[row(BOBS, "my order has not come"), row(DANAS, "good morning"), row(WAITS)])
    await expect(page.locator(f'[data-call="{BOBS}"] [data-part=words]')).to_have_text("my order has not come")
    return page, socket


async def tell_words(socket: Console, call: str, *texts: str) -> None:
    utterances = [said(text, 1_000 * at) for at, text in enumerate(texts)]
    await socket.tell("call.words", call=call, utterances=utterances, gaps=[], phrases=[], talk=None)


async def test_nothing_is_read_until_it_is_chosen_and_then_followed_and_written_down(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page, socket = await walled(console, media, cast)
    assert socket.hello["subscribe"] == {"rows": True, "calls": []}
    await expect(page.locator("#main")).to_have_attribute("data-view", "wall")
    assert socket.asked == []
    await page.locator(f'[data-call="{BOBS}"] > button').click()
    await expect(page.locator("#main")).to_have_attribute("data-view", "one")
    await asked(socket, page, subscribe={"rows": True, "calls": [BOBS]})
    await asked(socket, page, type="read")
    await expect(page.locator("#lines .line")).to_have_count(0)  # not told yet
    await tell_words(socket, BOBS, "hello there", "my order has not come")
    await expect(page.locator("#lines .settled")).to_have_text(["hello there", "my order has not come"])
    await socket.tell("utterance", call=BOBS, utterance=said("and one more", 5_000))
    await expect(page.locator("#lines .line")).to_have_count(3)
    await page.keyboard.press("w")
    await expect(page.locator("#main")).to_have_attribute("data-view", "wall")
    await asked(socket, page, type="leave", call=BOBS)
    await is_nowhere(page, "hello there")


async def test_each_call_has_an_address_to_reload_to_and_to_go_back_from(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page, _socket = await walled(console, media, cast)
    for call in (BOBS, DANAS):
        await page.locator(f'[data-call="{call}"] > button').click()
        assert await page.evaluate("location.hash") == f"#call={call}"
    await page.go_back()
    await expect(page.locator(f'[data-call="{BOBS}"] > button')).to_have_attribute("aria-current", "true")
    await page.reload()
    again = await media.console(call_view(BOBS, str(cast.bob.id)), call_view(DANAS, str(cast.dana.id)))
    assert again.hello["subscribe"] == {"rows": True, "calls": [BOBS]}
    await again.tell("rows", rows=[row(BOBS, "hello"), row(DANAS)])
    await asked(again, page, type="read")
    await tell_words(again, BOBS, "hello")
    await expect(page.locator("#lines .settled")).to_have_text(["hello"])
    await page.go_back()
    await expect(page.locator("#main")).to_have_attribute("data-view", "wall")
    await page.goto(f"/console#call={'CA9' * 4}")  # over meanwhile
    await page.reload()
    await (await media.console()).tell("rows", rows=[])
    await is_open(page)
    await expect(page.locator("#main")).to_have_attribute("data-view", "one")
    await expect(page.locator("#placeholder-title")).not_to_be_empty()


async def test_calls_stand_side_by_side_and_the_newest_comes_in(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await walled(console, media, cast, width=1920, height=1000)
    for call in (BOBS, DANAS):
        await page.locator(f'[data-call="{call}"] > button').focus()
        await page.keyboard.press("b")
    await asked(socket, page, subscribe={"rows": True, "calls": [BOBS, DANAS]})
    for call in (BOBS, DANAS):
        await tell_words(socket, call)
        note = page.locator(f'[data-tile="{call}"] [data-part=note]')
        await expect(note).to_be_visible()
        await tell_words(socket, call, f"words of {call}")
        await expect(note).to_be_hidden()
        words = page.locator(f'[data-tile="{call}"] .settled')
        await expect(words).to_have_text([f"words of {call}"])
    await socket.tell("utterance", call=DANAS, utterance=said("and more", 9_000))
    await expect(page.locator(f'[data-tile="{DANAS}"] .line')).to_have_count(2)
    await page.keyboard.press("n")
    await expect(page.locator("#newest")).to_have_attribute("aria-pressed", "true")
    new = "CA7" * 3
    await socket.tell("call.started", call=call_view(new, str(cast.bob.id), started_at="2026-11-20T04:00:00+00:00"))
    await expect(page.locator(f'[data-tile="{new}"]')).to_be_visible()
    assert (await page.evaluate("location.hash")).endswith("&newest")
    assert (await Axe().run(page)).response["violations"] == []
    await page.locator(f'[data-tile="{BOBS}"] [data-do=close]').click()
    await expect(page.locator(f'[data-tile="{BOBS}"]')).to_have_count(0)
    await page.locator(f'[data-tile="{DANAS}"] [data-do=open]').click()
    await expect(page.locator("#main")).to_have_attribute("data-view", "one")
    await page.go_back()
    await expect(page.locator(".tile")).not_to_have_count(0)


async def test_words_and_numbers_are_found_and_the_counts_are_true(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page, socket = await walled(console, media, cast)
    await expect(page.locator("#call-count")).to_have_text("3")
    await page.keyboard.press("/")
    await page.keyboard.type("order has")
    await expect(page.locator(".call")).to_have_count(1)
    await expect(page.locator("#call-count")).to_have_text("1 of 3")
    await page.locator("#filter").fill("nothing of the kind")
    await expect(page.locator(".call")).to_have_count(0)
    await expect(page.locator("#calls-empty")).to_be_visible()
    await expect(page.locator("#call-count")).to_have_text("0 of 3")
    await page.locator("#filter").fill("")
    await page.locator("#order").select_option("agent")
    order = page.locator(".call [data-part=who]")
    for place, name in enumerate(("Bob Brown", "Dana Dow")):  # who waits has no agent, and comes last
        await expect(order.nth(place)).to_have_text(name)
    await socket.tell("rows", rows=[{"call": DANAS, "latency_ms": 9_000}, {"call": BOBS, "latency_ms": 500}])
    await page.locator("#order").select_option("delay")
    await expect(order.first).to_have_text("Dana Dow")
    await expect(page.locator(f'[data-call="{DANAS}"] [data-part=delay]')).to_have_attribute("data-late", "")


async def test_nothing_old_stands_on_a_wall_that_is_not_live(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, socket = await walled(console, media, cast)
    media.refusing = True
    await context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))  # the page does not try again by itself
    await socket.close(1001)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "waiting")
    await context.clock.run_for(100)  # it is drawn, and the time to try again has not come
    await expect(page.locator(f'[data-call="{BOBS}"]')).to_have_attribute("data-state", "stale")
    for part in ("words", "delay", "time", "alerts"):
        await expect(page.locator(f'[data-call="{BOBS}"] [data-part={part}]')).to_be_empty()
    await expect(page.locator("#call-count")).to_be_empty()
    media.refusing = False
    await page.locator("#notice button").click()
    await context.clock.resume()
    again = await media.console(call_view(BOBS, str(cast.bob.id)))
    await again.tell("rows", rows=[row(BOBS, "and now")])
    await expect(page.locator(f'[data-call="{BOBS}"] [data-part=words]')).to_have_text("and now")
    await expect(page.locator(f'[data-call="{DANAS}"]')).to_have_attribute("data-state", "stale")  # it may come back


@pytest.mark.parametrize("width", [1920, 1280, 360])
async def test_long_names_and_many_calls_fit(console: Open, media: LiveMedia, cast: Cast, width: int) -> None:
    page = await console(cast.sam, width, 740)
    calls = [f"CA{number:03}" for number in range(200)]
    socket = await media.console(*(call_view(call, str(cast.bob.id)) for call in calls))
    phrase = {"rule": "r", "name": LONG, "utterance": "u", "speaker": "caller", "at_ms": 1, "priority": 1}
    await socket.tell("rows", rows=[row(call, LONG, phrases=[phrase]) for call in calls])
    await expect(page.locator(".call")).to_have_count(200)
    await expect(page.locator("#call-count")).to_have_text("200")
    assert await overflow(page) <= 0
    assert (await Axe().run(page)).response["violations"] == []


async def test_a_row_that_changes_costs_its_own_changes_and_no_others(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page = await console(cast.sam)
    calls = [f"CA{number:03}" for number in range(200)]
    socket = await media.console(*(call_view(call, str(cast.bob.id)) for call in calls))
    await socket.tell("rows", rows=[row(call, "before") for call in calls])
    await expect(page.locator('[data-call="CA199"] [data-part=words]')).to_have_text("before")
    await expect(page.locator('[data-call="CA199"]')).to_have_attribute("data-alert", "")  # they all began days ago
    await page.evaluate(COUNT_CHANGES)
    latest = {"speaker": "caller", "text": "after", "final": True, "end_ms": 3_000}
    await socket.tell("rows", rows=[{"call": call, "latest": latest} for call in calls[:10]])
    await socket.tell("rows", rows=[{"call": call, "latest": latest} for call in calls[:10]])  # nothing new
    await expect(page.locator('[data-call="CA009"] [data-part=words]')).to_have_text("after")
    assert await page.evaluate("changes") == 10
