"""What an open console says of itself is true: what is live, until when, and what was heard before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from db import sign_in_links
from db.calls import Calls
from db.engine import Database
from db.members import Members
from db.models import Member
from media.console import NO_TICKET
from tests.cast import Cast
from tests.chromium import chromium
from tests.front import Front, front
from tests.live_media import BEAT_SECONDS, VOICE_SDK, Console, LiveMedia, call_view, live_media
from tests.site import Site
from web import sessions
from web.config import Settings

pytestmark = pytest.mark.browser

Open = Callable[..., Awaitable[Page]]
CALL = f"CA{'1' * 32}"
OTHER = f"CA{'2' * 32}"
TEN_SECONDS = 10_000
NOT_LIVE = re.compile("^Not live")
BEAT = round(BEAT_SECONDS * 1000)
_WATCH = """
() => {
  globalThis.seen = [];
  const isNews = ({ target, attributeName: name, oldValue }) => !name || target.getAttribute(name) !== oldValue;
  const told = ({ target, attributeName }) => `${target.id} ${attributeName ?? target.textContent}`;
  const watch = new MutationObserver((changes) => globalThis.seen.push(...changes.filter(isNews).map(told)));
  const attributes = { attributes: true, attributeOldValue: true };
  const all = { ...attributes, childList: true, characterData: true, subtree: true };
  for (const id of ["link-state", "notice", "transcript-state"]) watch.observe(document.getElementById(id), all);
  watch.observe(document.getElementById("main"), { ...attributes, attributeFilter: ["data-stale", "data-pane"] });
}
"""
"""Remember whatever changes about how the page says it stands."""


@pytest_asyncio.fixture
async def way(free_port: Callable[[], int]) -> AsyncIterator[Front]:
    """What lies between browsers and media."""
    async with front(free_port()) as passing:
        yield passing


@pytest.fixture
def settings(settings: Settings, way: Front, free_port: Callable[[], int]) -> Settings:
    """A phone, and a media process of the test's own behind `way`."""
    way.to = free_port()
    return settings.model_copy(
        update={"media_public_url": way.url, "voice_sdk_url": f"http://127.0.0.1:{way.to}/voice-sdk.js"}
    )


@pytest_asyncio.fixture
async def media(settings: Settings, way: Front) -> AsyncIterator[LiveMedia]:
    secret = settings.stream_shared_secret.get_secret_value()
    async with live_media(way.to, secret, settings.web_public_url) as listening:
        listening.script = VOICE_SDK % CALL
        yield listening


@pytest_asyncio.fixture
async def window() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest_asyncio.fixture
async def context(window: Browser, site: Site) -> AsyncIterator[BrowserContext]:
    """Fails the test that breaks the Content-Security-Policy or throws. Its clock can be moved."""
    wrong: list[str] = []
    opened = await window.new_context(base_url=site.url, viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    await opened.clock.install()
    opened.on("console", lambda line: wrong.append(line.text))
    opened.on("weberror", lambda error: wrong.append(str(error.error)))
    yield opened
    await opened.close()
    assert [line for line in wrong if "Security Policy" in line or "Error:" in line] == []


@pytest.fixture
def console(context: BrowserContext, database: Database, media: LiveMedia) -> Open:
    """Opens the console page, signed in as a member by a link or, with ``ends_in``, for so long only."""

    async def opened(member: Member, width: int = 1280, height: int = 800) -> Page:
        page = await context.new_page()
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto(await link(database, member))
        return page

    return opened


async def link(database: Database, member: Member) -> str:
    """A fresh sign-in link."""
    async with database.begin() as session:
        return f"/sign-in/{await sign_in_links.create(session, member.id, b'test')}"


async def signed_in_for(context: BrowserContext, settings: Settings, member: Member, left: timedelta) -> None:
    """Give the browser a sign-in of ``member`` that ends in ``left``."""
    now = datetime.now(UTC)
    claims = {"aud": "sign-in", "jti": str(uuid4()), "sub": str(member.id), "iat": now, "exp": now + left}
    cookie = jwt.encode(claims, settings.session_secret.get_secret_value(), algorithm="HS256")
    name = sessions.cookie_name(settings)
    await context.add_cookies([{"name": name, "value": cookie, "url": settings.web_public_url}])


async def shows(page: Page, state: str, call: str = CALL) -> None:
    """Wait until the call is shown in that state, in its row and where it is read."""
    await expect(page.locator(f'[data-call="{call}"]')).to_have_attribute("data-state", state)
    await expect(page.locator("#transcript-state")).to_have_attribute("data-state", state)


async def is_greyed(page: Page) -> None:
    """Wait until nothing on the page passes for live."""
    await expect(page.locator("#link-state")).not_to_have_attribute("data-status", "open")
    await expect(page.locator("#main")).to_have_attribute("data-stale", "")
    await expect(page.locator('[data-state="transcribing"], [data-state="silent"]')).to_have_count(0)
    await shows(page, "stale")
    await expect(page.locator("#latency")).to_be_hidden()
    await expect(page.locator("#notice")).not_to_be_empty()
    for place in ("#call-count", "#transcript-time", "[data-part=time]"):
        await expect(page.locator(place).first).to_be_empty()
    await expect(page).to_have_title(NOT_LIVE)


async def is_open(page: Page) -> None:
    """Wait until what is shown is live."""
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
    await expect(page.locator("#main")).not_to_have_attribute("data-stale", "")
    await expect(page).not_to_have_title(NOT_LIVE)


async def talking(console: Open, media: LiveMedia, member: Member, **facts: Any) -> tuple[Page, Console]:
    """An open console with one live call that has words."""
    page = await console(member)
    socket = await media.console(call_view(CALL, str(member.id), **facts))
    await socket.say(CALL, "words before")
    await socket.tell("latency", call=CALL, ms=400)
    await expect(page.locator("#latency")).to_be_visible()
    return page, socket


async def test_a_connection_that_freezes_without_closing_is_noticed(
    console: Open, media: LiveMedia, cast: Cast, way: Front, context: BrowserContext
) -> None:
    page, _ = await talking(console, media, cast.bob)
    way.swallowing = True
    await context.clock.fast_forward(TEN_SECONDS - 1_000)  # a tick may take half a second more
    await is_greyed(page)
    await expect(page.locator("#lines")).to_contain_text("words before")
    await context.clock.fast_forward(5 * TEN_SECONDS)  # and it tries in vain for a while
    await is_greyed(page)
    way.swallowing = False
    await context.clock.fast_forward(5 * TEN_SECONDS)
    again = await media.console(call_view(CALL, str(cast.bob.id)))
    await again.say(CALL, "words after")
    await is_open(page)
    await shows(page, "transcribing")
    await expect(page.locator(".settled")).to_have_text(["words before", "words after"])
    await expect(page.locator("#notice")).to_be_empty()


async def test_after_hanging_up_a_frozen_console_is_no_more_live(
    console: Open, media: LiveMedia, cast: Cast, way: Front, context: BrowserContext
) -> None:
    page, _ = await talking(console, media, cast.bob)
    await ring(page)
    await page.locator("#answer").click()
    await expect(page.locator("#in-call")).to_be_visible()
    way.swallowing = True
    await page.locator("#hang-up").click()
    await expect(page.locator("#in-call")).to_be_hidden()
    await context.clock.fast_forward(TEN_SECONDS - 1_000)
    await is_greyed(page)


async def test_a_page_that_nobody_looks_at_notices_as_well(
    console: Open, media: LiveMedia, cast: Cast, way: Front, context: BrowserContext
) -> None:
    page, _ = await talking(console, media, cast.bob)
    hide = "for (const [name, value] of [['hidden', true], ['visibilityState', 'hidden']])"
    await page.evaluate(f"{hide} Object.defineProperty(document, name, {{ value }})")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    # Timers of hidden pages may come once a minute; here they do not come at all: time stands still but for the jump.
    await context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=1))
    way.swallowing = True
    await context.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=30))  # the lid was closed
    await expect(page).to_have_title(NOT_LIVE)
    assert await page.locator("#link-state").get_attribute("data-status") != "open"


async def test_beats_alone_keep_a_quiet_page_live(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, socket = await talking(console, media, cast.bob)
    await page.evaluate(_WATCH)
    for number in range(4):
        await socket.tell("beat")
        await socket.tell("of tomorrow", call=CALL)  # what is not known changes nothing
        await socket.say(CALL, f"line {number}")
        await expect(page.locator(".line")).to_have_count(number + 2)
        await context.clock.fast_forward(BEAT)
    await is_open(page)
    assert await page.evaluate("seen") == []


async def test_being_offline_is_said_at_once(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, _ = await talking(console, media, cast.bob)
    await context.set_offline(True)
    await is_greyed(page)
    await context.set_offline(False)
    await media.console(call_view(CALL, str(cast.bob.id)))
    await is_open(page)
    await shows(page, "transcribing")


async def test_a_console_that_media_ends_goes_on_unseen(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.sam)
    for number in range(40):
        await socket.say(CALL, f"line {number}", id=str(number), start_ms=number * 1000)
    await expect(page.locator("#lines").get_by_text("line 39", exact=True)).to_be_in_viewport()
    await page.locator("#scroller").hover()
    await page.mouse.wheel(0, -300)
    await expect(page.locator("#jump")).to_be_visible()
    place = await page.locator("#scroller").evaluate("scroller => scroller.scrollTop")
    await page.evaluate(_WATCH)
    await socket.close(NO_TICKET)
    said = {"speaker": "caller", "final": True, "stable_words": 0}
    spoken = [
        said | {"id": str(number), "text": f"line {number}", "start_ms": number * 1000, "end_ms": number * 1000 + 500}
        for number in range(41)
    ]
    again = await media.console(call_view(CALL, str(cast.sam.id), utterances=spoken))
    assert again.claims.jti != socket.claims.jti
    await expect(page.locator(".line")).to_have_count(42)  # with the one that was said meanwhile
    assert await page.evaluate("seen") == []
    assert await page.locator("#scroller").evaluate("scroller => scroller.scrollTop") == place
    await expect(page.locator("#call-list [aria-current=true]")).to_have_count(1)


async def test_a_console_is_relieved_before_its_ten_minutes_are_over(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, socket = await talking(console, media, cast.bob)
    await page.evaluate(_WATCH)
    steps = 0
    while media.waiting == 0 and steps < 120:  # ten minutes
        await socket.tell("beat")
        await socket.say(CALL, str(steps), id="same", final=False)
        await expect(page.locator("#lines .tentative").last).to_have_text(str(steps))
        await context.clock.fast_forward(BEAT)
        steps += 1
    assert 60 <= steps < 120
    await socket.say(CALL, "until the last moment", id="same")
    await expect(page.locator("#lines")).to_contain_text("until the last moment")
    again = await media.console(call_view(CALL, str(cast.bob.id)))
    await again.say(CALL, "and by the next", id="next")
    await expect(page.locator("#lines")).to_contain_text("and by the next")
    await socket.closed()
    assert await page.evaluate("seen") == []


async def test_whoever_is_ended_again_and_again_has_to_wait(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    for _ in range(6):
        await (await media.console()).close(NO_TICKET)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "waiting")


async def test_signing_out_in_one_tab_ends_the_others(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    other = await console(cast.bob)
    await media.console(call_view(CALL, str(cast.bob.id)))
    await other.locator(".account summary").click()
    await other.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    assert "words before" not in await page.content()
    await socket.closed()


async def test_a_sign_in_that_is_about_to_end_can_be_renewed_beside_the_call(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext, settings: Settings, database: Database
) -> None:
    await signed_in_for(context, settings, cast.bob, timedelta(minutes=14))
    page = await context.new_page()
    await page.goto("/console")
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words before")
    notice = page.locator("#sign-in-notice")
    await expect(notice).to_have_attribute("data-minutes", "14")
    await page.evaluate("globalThis.same = true")
    again = notice.get_by_role("link")
    async with context.expect_page() as tab:
        await again.click()
    entrance = await tab.value
    await expect(entrance.get_by_role("textbox")).to_be_visible()  # though still signed in
    await entrance.goto(await link(database, cast.bob))
    await media.console()
    await expect(notice).to_be_empty()
    await page.evaluate(_WATCH)
    await socket.close(NO_TICKET)
    later = await media.console(call_view(CALL, str(cast.bob.id)))
    await later.say(CALL, "words after")
    await expect(page.locator(".settled")).to_have_text(["words before", "words after"])
    assert await page.evaluate("same")
    assert await page.evaluate("seen") == []


async def test_a_sign_in_that_has_ended_keeps_words_and_phone_and_comes_back_by_itself(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext, settings: Settings, database: Database
) -> None:
    await signed_in_for(context, settings, cast.bob, timedelta(seconds=20))
    page = await context.new_page()
    await page.goto("/console")
    socket = await media.console(call_view(CALL, str(cast.bob.id)))
    await socket.say(CALL, "words before")
    await ring(page)
    await page.locator("#answer").click()
    await expect(page.locator("#sign-in-notice")).to_be_empty(timeout=30_000)  # the end has come
    await socket.close(NO_TICKET)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    await is_greyed(page)
    await expect(page.locator("#lines")).to_contain_text("words before")
    await expect(page.locator("#notice").get_by_role("link")).to_have_attribute("target", "_blank")
    other = await context.new_page()
    await other.goto(await link(database, cast.bob))
    for _ in range(2):  # the other tab's console, and the one that comes back
        await (await media.console(call_view(CALL, str(cast.bob.id)))).say(CALL, "words after")
    await is_open(page)
    await expect(page.locator(".settled")).to_have_text(["words before", "words after"])
    await expect(page.locator("#in-call")).to_be_visible()


async def test_somebody_elses_sign_in_does_not_bring_the_words_back(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext, database: Database
) -> None:
    page, socket = await talking(console, media, cast.bob)
    await context.clear_cookies()
    await socket.close(NO_TICKET)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    other = await context.new_page()
    await other.goto(await link(database, cast.dana))
    await media.console()
    await context.clock.fast_forward(TEN_SECONDS)
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "signed-out")
    assert media.waiting == 0


async def test_a_new_role_is_a_new_page(console: Open, media: LiveMedia, cast: Cast, database: Database) -> None:
    page, socket = await talking(console, media, cast.sam)
    async with database.begin() as session:
        await Members(session, cast.a.id).set_role(cast.sam.id, "agent")
    await socket.close(NO_TICKET)
    await expect(page.locator("body")).to_have_attribute("data-role", "agent")
    assert "words before" not in await page.content()


async def test_what_was_heard_outlives_the_process_that_heard_it(
    console: Open, media: LiveMedia, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        await calls.open(CALL, direction="inbound", from_number="+61255509999", to_number="+61255501234")
    page, socket = await talking(console, media, cast.sam)
    await socket.say(CALL, "and half a sen", id="half", final=False, start_ms=3000, end_ms=4000)
    await expect(page.locator("#lines")).to_contain_text("and half a sen")
    await socket.close(1001)
    again = await media.console()  # the call is nowhere yet
    await is_open(page)
    await shows(page, "stale")
    await expect(page.locator("#lines")).to_contain_text("and half a sen")
    await again.tell("call.started", call=call_view(CALL, str(cast.bob.id)))
    await again.tell("gap", call=CALL, gap={"from_ms": 0, "to_ms": 4600, "cause": "bilby"})
    await again.say(CALL, "words after", start_ms=5000, end_ms=6000)
    await shows(page, "transcribing")
    await expect(page.locator("#lines .settled")).to_have_text(["words before", "and half a sen", "words after"])
    await expect(page.locator(".gap")).to_have_count(1)


async def test_a_call_that_ended_while_nobody_listened_is_not_kept(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, socket = await talking(console, media, cast.sam)
    await socket.tell("call.started", call=call_view(OTHER, str(cast.dana.id)))
    await socket.say(OTHER, "words of another call")
    await expect(page.locator(f'[data-call="{OTHER}"]')).to_contain_text("words of another call")
    await socket.close()
    await media.console()
    await shows(page, "stale")
    await context.clock.fast_forward(5_000)  # by then the page has asked the call log, which knows of neither
    await shows(page, "ended")
    await expect(page.locator(f'[data-call="{OTHER}"]')).to_have_count(0)
    assert "words of another call" not in await page.content()


async def test_a_call_rings_until_it_is_answered(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    bob = str(cast.bob.id)
    socket = await media.console(call_view(CALL, bob, direction="outbound", answered=False, state="waiting_for_slot"))
    await shows(page, "ringing")
    for state in ("transcribing", "silent"):
        await socket.tell("state", call=CALL, state=state)
        await shows(page, "ringing")
    await socket.tell("call.assigned", call=CALL, agent=bob)
    await shows(page, "silent")
    watching = await console(cast.sam)
    inbound = await media.console(call_view(OTHER, None, answered=False))
    await shows(watching, "ringing", OTHER)
    await inbound.tell("call.assigned", call=OTHER, agent=bob)
    await shows(watching, "transcribing", OTHER)


async def test_what_passes_by_itself_is_not_announced(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page = await console(cast.sam)
    socket = await media.console()
    await context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
    await socket.tell("call.started", call=call_view(CALL, str(cast.bob.id), state="waiting_for_slot"))
    for _ in range(15):  # ms pass as they are told to: it is drawn, and its two seconds are not over
        await asyncio.sleep(0.1)
        await context.clock.run_for(50)
    await shows(page, "starting")
    await expect(page.locator("#attention")).to_be_hidden()
    await expect(page.locator("#state-note")).to_be_empty()
    await context.clock.run_for(3_000)
    await shows(page, "waiting_for_slot")
    await expect(page.locator("#attention")).to_be_visible()
    await socket.tell("state", call=CALL, state="transcribing")
    await asyncio.sleep(0.5)
    await context.clock.run_for(100)
    await shows(page, "transcribing")
    await socket.tell("state", call=CALL, state="reconnecting")
    for _ in range(15):
        await asyncio.sleep(0.1)
        await context.clock.run_for(50)
    await shows(page, "transcribing")
    await expect(page.locator("#attention")).to_be_hidden()
    await context.clock.run_for(3_000)
    await shows(page, "reconnecting")
    await expect(page.locator("#attention")).to_be_visible()


async def test_there_is_one_clock(console: Open, media: LiveMedia, cast: Cast, context: BrowserContext) -> None:
    began = (datetime.now(UTC) - timedelta(seconds=95)).isoformat()
    page, _ = await talking(console, media, cast.bob, started_at=began)
    await ring(page)
    await page.locator("#answer").click()
    places = "['#in-call-time', '#transcript-time', '[data-part=time]']"
    times = f"{places}.map((place) => document.querySelector(place).textContent)"
    await expect(page.locator("#in-call-time")).to_contain_text("1:")
    for _ in range(5):
        assert len(set(await page.evaluate(times))) == 1
        await context.clock.run_for(700)


async def ring(page: Page) -> None:
    """Let the phone ring, once there is one."""
    await page.wait_for_selector("#place-call:not([disabled])", state="attached")
    await page.evaluate("ring()")
    await expect(page.locator("#ring")).to_be_visible()


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
    await expect(page.locator("#ring")).to_be_visible()
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
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


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
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    bar = await page.locator(".topbar").evaluate("bar => bar.scrollWidth - bar.clientWidth")
    assert bar == 0
