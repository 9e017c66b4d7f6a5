"""What an open console shows as live is live, and what was heard stays there."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import BrowserContext, Locator, expect

from db.engine import Database
from db.queries.calls import Calls
from tests.kit.browser.console_page import (
    BEAT,
    CALL,
    NOT_LIVE,
    OTHER,
    TEN_SECONDS,
    WATCH,
    Open,
    is_greyed,
    is_nowhere,
    is_open,
    reads,
    ring,
    shows,
    talking,
)
from tests.kit.machines.load_balancer import Front
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

ALMOST_GRACE = 1_900  # ms: what passes by itself in two seconds is not announced
FRAME = 16  # ms


async def drawn(context: BrowserContext, place: Locator) -> int:
    """Draw frames of a page whose clock is paused, until ``place`` is there; return how many ms its clock went on."""
    for frames in range(90):
        if await place.count():
            return frames * FRAME
        await asyncio.sleep(0.1)
        await context.clock.run_for(FRAME)
    raise AssertionError(place)


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


@pytest.mark.usefixtures("dialled")
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
    await context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
    way.swallowing = True
    await context.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=30))  # the lid was closed
    await expect(page).to_have_title(NOT_LIVE)
    assert await page.locator("#link-state").get_attribute("data-status") != "open"


async def test_beats_alone_keep_a_quiet_page_live(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page, socket = await talking(console, media, cast.bob)
    await page.evaluate(WATCH)
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
    await is_nowhere(page, "words of another call")


async def test_words_that_were_stopped_meanwhile_are_not_kept(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.sam)
    await socket.close()
    await media.console(call_view(CALL, str(cast.sam.id), state="stopped"))
    await shows(page, "stopped")
    await is_nowhere(page, "words before")


async def test_a_call_rings_until_it_is_answered(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.bob)
    bob = str(cast.bob.id)
    socket = await media.console(call_view(CALL, bob, direction="outbound", answered=False, state="waiting_for_slot"))
    await shows(page, "ringing")
    for state in ("transcribing", "silent"):
        await socket.tell("state", call=CALL, state=state)
        await socket.tell("call.started", call=call_view(f"CA-{state}", bob))
        await expect(page.locator(f'[data-call="CA-{state}"]')).to_be_visible()  # and what was told before it is, too
        await shows(page, "ringing")
    await socket.tell("call.assigned", call=CALL, agent=bob)
    await shows(page, "silent")
    watching = await console(cast.sam)
    inbound = await media.console(call_view(OTHER, None, answered=False))
    await reads(watching, OTHER)
    await shows(watching, "ringing", OTHER)
    await inbound.tell("call.assigned", call=OTHER, agent=bob)
    await shows(watching, "transcribing", OTHER)


async def test_whose_call_it_is_decides_whether_its_words_are_read(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page = await console(cast.sam)
    await page.route("**/helping/*/read", lambda route: None)  # it is never written down that Sam reads along
    socket = await media.console(call_view(CALL, None))
    await page.locator(f'[data-call="{CALL}"] > button').click()
    await expect(page.locator("#placeholder")).to_be_visible()
    await socket.tell("call.assigned", call=CALL, agent=str(cast.sam.id))
    await socket.say(CALL, "words of their own")
    await expect(page.locator(".settled")).to_have_text(["words of their own"])
    await expect(page.locator("#transcript")).to_be_visible()
    await socket.tell("call.assigned", call=CALL, agent=str(cast.bob.id))
    await expect(page.locator("#placeholder")).to_be_visible()
    await expect(page.locator("#transcript")).to_be_hidden()
    await expect(page.locator("#lines > *")).to_have_count(0)


async def test_what_passes_by_itself_is_not_announced(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page = await console(cast.sam)
    socket = await media.console()
    await context.clock.pause_at(datetime.now(UTC) + timedelta(seconds=5))
    began = datetime.now(UTC).isoformat()  # a long call would need attention by itself
    await socket.tell(
        "call.started", call=call_view(CALL, str(cast.sam.id), state="waiting_for_slot", started_at=began)
    )
    row = f'[data-call="{CALL}"]'
    waited = await drawn(context, page.locator(f'{row}[data-state="starting"]'))
    await context.clock.run_for(ALMOST_GRACE - waited)
    await shows(page, "starting")
    await expect(page.locator("#attention")).to_be_hidden()
    await expect(page.locator("#state-note")).to_be_empty()
    await context.clock.run_for(3_000)
    await shows(page, "waiting_for_slot")
    await expect(page.locator("#attention")).to_be_visible()
    await socket.tell("state", call=CALL, state="transcribing")
    await drawn(context, page.locator(f'{row}[data-state="transcribing"]'))
    await shows(page, "transcribing")
    await socket.tell("state", call=CALL, state="reconnecting")
    await socket.say(CALL, "said after it")
    waited = await drawn(context, page.locator("#lines .settled", has_text="said after it"))
    await context.clock.run_for(ALMOST_GRACE - waited)
    await shows(page, "transcribing")
    await expect(page.locator("#attention")).to_be_hidden()
    await context.clock.run_for(3_000)
    await shows(page, "reconnecting")
    await expect(page.locator("#attention")).to_be_visible()


@pytest.mark.usefixtures("dialled")
async def test_there_is_one_clock(console: Open, media: LiveMedia, cast: Cast, context: BrowserContext) -> None:
    began = (datetime.now(UTC) - timedelta(seconds=95)).isoformat()
    page, _ = await talking(console, media, cast.bob, started_at=began)
    await ring(page)
    await page.locator("#answer").click()
    places = "['#in-call-time', '#transcript-time', '[data-part=time]']"
    times = f"{places}.map((place) => document.querySelector(place).textContent)"
    since_it_began = re.compile(r"[1-9]\d*:\d\d")  # not since it was answered
    await expect(page.locator("#in-call-time")).to_have_text(since_it_began)
    for _ in range(5):
        await context.clock.run_for(1_100)  # each second moves all of them; answering drew one of them before that
        assert len(set(await page.evaluate(times))) == 1


async def test_a_call_on_hold_is_shown_so_until_it_is_resumed(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    await socket.tell("state", call=CALL, state="held", held_at=1)
    await shows(page, "held")
    await expect(page.locator("#transcript-state")).not_to_be_empty()
    await socket.tell("state", call=CALL, state="reconnecting")
    await shows(page, "transcribing")  # for a moment, as always
    await socket.tell("state", call=CALL, state="held", held_at=2)
    await shows(page, "held")
