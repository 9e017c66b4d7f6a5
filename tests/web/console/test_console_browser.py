"""The pages in a real Chromium: the console under every event of its contract, and what all pages have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from media.live.transcript import State
from tests.kit.browser.console_page import CALL, CANARY, Open, SignedIn, overflow, reads
from tests.kit.machines.load_balancer import Front
from tests.kit.media.live_media import VOICE_SDK, LiveMedia, call_view, live_media
from tests.kit.web.cast import Cast
from web.config import Settings

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def media(settings: Settings, way: Front) -> AsyncIterator[LiveMedia]:
    """Without a phone."""
    secret = settings.stream_shared_secret.get_secret_value()
    async with live_media(way.to, secret, settings.web_public_url) as listening:
        yield listening


AT_END = """() => {
  const { scrollHeight, scrollTop, clientHeight } = document.getElementById("scroller");
  return Math.round(scrollHeight - scrollTop - clientHeight) === 0;
}"""


async def from_end(page: Page) -> int:
    """How many pixels the reader is away from the newest words."""
    measure = "s => Math.round(s.scrollHeight - s.scrollTop - s.clientHeight)"
    away: int = await page.locator("#scroller").evaluate(measure)
    return away


async def test_a_partial_settles(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    socket = await media.console()
    assert (socket.claims.role, socket.claims.sub) == ("agent", str(cast.bob.id))
    await expect(page.locator("#placeholder")).to_be_visible()
    await socket.tell("call.started", call=call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "I ordered a pimp", id="1", final=False, stable_words=2)
    line = page.locator(".line")
    await expect(line.locator(".settled")).to_have_text("I ordered")
    await expect(line.locator(".tentative")).to_have_text("a pimp")
    await expect(page.locator("#announced p")).to_have_count(0)
    await socket.say(CALL, "I ordered a pump.", id="1")
    await expect(line.locator(".settled")).to_have_text("I ordered a pump.")
    await expect(line).not_to_have_attribute("data-partial", "")
    await expect(page.locator("#announced p")).to_contain_text("I ordered a pump.")
    await socket.say(CALL, "Right you are", id="2", speaker="agent", start_ms=500)
    await expect(page.locator(".line.agent + .line.caller")).to_be_visible()  # as it was said, not as it came


@pytest.mark.parametrize("name", ["bob", "sam"])
async def test_the_console_asks_for_one_script_and_two_sheets(
    signed_in: SignedIn, media: LiveMedia, cast: Cast, name: str
) -> None:
    page = await signed_in({"bob": cast.bob, "sam": cast.sam}[name])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/console")
    await media.console()
    scripts = [url.rpartition("/")[2] for url in asked if "/static/" in url and url.endswith(".js")]
    assert scripts.count("console.joined.js") == 1
    assert set(scripts) == {"console.joined.js", "ticker.js"}  # the latter in workers
    assert len([url for url in asked if url.endswith(".css")]) == 2


async def test_a_reader_who_has_scrolled_up_is_left_alone(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    for number in range(80):
        await socket.say(CALL, f"line {number}", id=str(number), start_ms=number * 1000)
    await expect(page.locator("#lines").get_by_text("line 79", exact=True)).to_be_in_viewport()
    assert await from_end(page) == 0
    await page.locator("#scroller").hover()
    await page.mouse.wheel(0, -400)
    jump = page.locator("#jump")
    await expect(jump).to_be_visible()
    away = await from_end(page)
    for number in range(80, 83):
        await socket.say(CALL, f"line {number}", id=str(number), start_ms=number * 1000)
    await expect(jump).to_have_attribute("data-unseen", "3")
    assert await from_end(page) > away  # the words grew below, the reader stayed
    await page.keyboard.press("End")
    await expect(jump).to_be_hidden()
    await expect(page.locator("#lines").get_by_text("line 82", exact=True)).to_be_in_viewport()
    await page.wait_for_function(AT_END)  # Chromium scrolls there smoothly


EXPLAINED: tuple[State, ...] = ("waiting_for_slot", "reconnecting", "failed")


async def test_states_gaps_and_the_end_are_said_in_plain_words(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.sam)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await reads(page)
    note = page.locator("#state-note")
    for state in EXPLAINED:
        await socket.tell("state", call=CALL, state=state)
        await expect(note).to_have_attribute("data-state", state)
        await expect(note).not_to_be_empty()
    await socket.tell("state", call=CALL, state="silent")
    await expect(page.locator("#transcript-state")).to_have_attribute("data-state", "silent")
    await socket.tell("state", call=CALL, state="transcribing")
    await expect(note).to_be_empty()
    await socket.say(CALL, CANARY)
    await socket.tell("gap", call=CALL, gap={"from_ms": 2500, "to_ms": 4800, "cause": "twilio"})
    await expect(page.locator(".gap")).to_have_attribute("data-ms", "2300")
    await socket.tell("latency", call=CALL, ms=5200)
    await expect(page.locator("#latency")).to_have_attribute("data-ms", "5200")
    await expect(page.locator("#latency")).to_have_attribute("data-late", "")
    await socket.tell("call.ended", call=CALL, reason="completed")
    await expect(note).not_to_be_empty()
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    await page.get_by_role("button", name="Clear the words").click()
    await expect(page.locator(".call")).to_have_count(0)
    assert CANARY not in await page.content()


async def test_a_lost_socket_is_opened_anew_with_a_fresh_ticket(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page = await console(cast.sam)
    first = await media.console(call_view(CALL, str(cast.bob.id)), call_view("CA2", str(cast.dana.id)))
    await reads(page)
    await first.say(CALL, "before")
    await expect(page.locator("#lines")).to_contain_text("before")
    media.refusing = True
    await context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))  # the page does not try again by itself
    await first.close()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "waiting")
    await expect(page.locator("#notice")).not_to_be_empty()
    await expect(page.locator("#lines")).to_contain_text("before")
    media.refusing = False
    await page.get_by_role("button", name="Try now").click()
    await context.clock.resume()
    said = {"id": "before", "speaker": "caller", "text": "before", "final": True, "stable_words": 1}
    later = said | {"id": "b", "text": "and while you were away", "start_ms": 3000, "end_ms": 4000}
    second = await media.console(
        call_view(CALL, str(cast.bob.id), utterances=[said | {"start_ms": 1000, "end_ms": 2000}, later])
    )
    assert second.claims.jti != first.claims.jti
    await expect(page.locator("#notice")).to_be_empty()
    await expect(page.locator(".line .settled")).to_have_text(["before", "and while you were away"])
    await expect(page.locator(".call")).to_have_count(1)  # the other one ended meanwhile


async def test_all_of_it_by_keyboard(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.sam)
    calls = [
        call_view(f"CA{minute}", str(person.id), started_at=f"2026-11-20T03:0{minute}:00+00:00")
        for minute, person in enumerate((cast.bob, cast.dana, cast.alice))
    ]
    socket = await media.console(*calls)
    title = page.locator("#transcript-title")
    await reads(page, "CA0")
    await expect(title).to_have_text("Bob Brown")
    await page.keyboard.press("j")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("k")
    await expect(page.locator(".call > button").nth(1)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(title).to_have_text("Dana Dow")
    await expect(page.locator("[aria-current=true] .call-who")).to_have_text("Dana Dow")
    await page.keyboard.press("/")
    await page.keyboard.type("alice j")  # letters typed are no shortcuts
    await expect(page.locator("#filter")).to_have_value("alice j")
    await page.locator("#filter").fill("alice")
    await expect(page.locator(".call-who")).to_have_text(["Dana Dow", "Alice Ashby"])  # and the one being read
    await page.locator("#scroller").focus()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await socket.tell("state", call=calls[2]["call"], state="failed")
    await expect(page.locator("#attention")).to_be_visible()


@pytest.mark.usefixtures("dialled")
async def test_the_phone_answers_mutes_and_hangs_up_by_keyboard(console: Open, media: LiveMedia, cast: Cast) -> None:
    media.script = VOICE_SDK % CALL
    page = await console(cast.bob)
    socket = await media.console()
    available = page.get_by_role("switch", name="Taking calls")
    await available.click()
    await expect(available).to_be_checked()
    await expect(page.locator("#place-call")).to_be_enabled()
    await page.evaluate("ring()")
    await expect(page.get_by_role("alert")).to_contain_text("(02) 5550 9999")
    await expect(page.locator("#answer")).to_be_visible()
    await socket.tell("call.started", call=call_view(CALL, str(cast.bob.id)))
    await page.keyboard.press("Alt+a")
    await expect(page.locator("#ring")).to_be_hidden()
    await expect(page.locator("#in-call-number")).to_have_text("(02) 5550 9999")
    await page.keyboard.press("Alt+m")
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Alt+h")
    await expect(page.locator("#in-call")).to_be_hidden()
    assert (await page.evaluate("device.options"))["edge"] == "sydney"


async def test_without_the_phone_the_words_still_come(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)  # nothing stands at the SDK's address
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await expect(page.locator("#phone-status")).not_to_be_empty()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await socket.say(CALL, "<b onclick=alert(1)>words</b>")
    await expect(page.locator(".settled")).to_have_text("<b onclick=alert(1)>words</b>")  # and they are only text


async def test_words_are_nowhere_but_on_the_page(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.sam)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await reads(page)
    await socket.say(CALL, CANARY)
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    await page.keyboard.press("+")  # something is remembered: the size of the words
    kept = await page.evaluate(
        """async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, document.title,
             location.href, history.state, await caches.keys(), await indexedDB.databases()])"""
    )
    assert "text-size" in kept
    assert CANARY not in kept
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert CANARY not in await page.content()


async def test_signing_out_elsewhere_takes_the_words_off_the_page(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page = await console(cast.sam)
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await reads(page)
    await socket.say(CALL, CANARY)
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    await context.clear_cookies()
    await socket.close()
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert CANARY not in await page.content()


async def test_everything_fits_a_narrow_screen(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page = await console(cast.sam, 360, 740)
    longest = "Donaudampfschifffahrtsgesellschaftskapitän" * 5
    socket = await media.console(*(call_view(f"CA{number}", str(cast.bob.id)) for number in range(30)))
    await socket.say("CA0", longest)
    await expect(page.locator("#call-list")).to_contain_text(longest)
    assert await overflow(page) == 0
    await page.locator(".call > button").first.click()
    await expect(page.locator("#lines")).to_be_visible()
    await expect(page.locator("#call-list")).to_be_hidden()
    assert await overflow(page) == 0
    await page.get_by_role("button", name="Calls").click()
    await expect(page.locator("#call-list")).to_be_visible()
    for path in ("/calls", "/nowhere"):
        await page.goto(path)
        assert await overflow(page) == 0, path
    await context.clear_cookies()
    for path in ("/", "/sign-in", "/sign-in/used"):
        await page.goto(path)
        assert await overflow(page) == 0, path
