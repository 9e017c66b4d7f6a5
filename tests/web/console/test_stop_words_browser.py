"""Stop words for this call, in a real Chromium: asked twice, gone from the page, and not brought back by anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect
from sqlalchemy import select

from db.engine import Database
from db.models import Call, Member
from db.queries.calls import Calls
from tests.kit.browser.console_page import CALL, CANARY, OTHER, Open, is_nowhere, overflow, reads
from tests.kit.media.live_media import Console, LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture
async def live(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await Calls(session, cast.a.id).open(
            CALL, direction="inbound", from_number="+61400", to_number=cast.number.e164, agent_id=cast.bob.id
        )


async def is_stopped(database: Database) -> bool:
    async with database.begin() as session:
        return (await session.scalars(select(Call.words_stopped_at).where(Call.call_sid == CALL))).one() is not None


async def read(console: Open, media: LiveMedia, member: Member, agent: Member, **size: int) -> tuple[Page, Console]:
    """``member`` reads the agent's call."""
    page = await console(member, **size)
    socket = await media.console(call_view(CALL, str(agent.id)))
    await socket.say(CALL, CANARY)
    if member.id != agent.id:  # an agent's own call is shown without being asked for
        await reads(page)
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    return page, socket


async def no_words(page: Page) -> None:
    """Nothing of what was said is anywhere on the page, the screen reader's log included."""
    await expect(page.locator("#transcript-state")).to_have_attribute("data-state", "stopped")
    await expect(page.locator("#lines")).to_be_empty()
    await is_nowhere(page, "wombat")


@pytest.mark.parametrize("who", ["bob", "sam"])
async def test_asked_twice_it_is_done_and_said(
    who: str, console: Open, media: LiveMedia, cast: Cast, database: Database, live: None
) -> None:
    page, _ = await read(console, media, getattr(cast, who), cast.bob)
    button, dialog = page.locator("#stop-words"), page.locator("#stop-words-dialog")
    await button.click()
    await expect(page.locator("#stop-words-keep")).to_be_focused()  # Enter by mistake stops nothing
    assert not await is_stopped(database)
    await page.locator("#stop-words-confirm").click()
    await expect(dialog).to_be_hidden()
    await no_words(page)
    await expect(button).to_be_hidden()
    await expect(page.locator("#state-note")).not_to_be_empty()
    assert await is_stopped(database)


@pytest.mark.parametrize("how", ["Escape", "button"])
async def test_thought_better_of(
    how: str, console: Open, media: LiveMedia, cast: Cast, database: Database, live: None
) -> None:
    page, _ = await read(console, media, cast.bob, cast.bob)
    await page.locator("#stop-words").click()
    if how == "Escape":
        await page.keyboard.press("Escape")
    else:
        await page.locator("#stop-words-keep").click()
    await expect(page.locator("#stop-words-dialog")).to_be_hidden()
    await expect(page.locator("#stop-words")).to_be_focused()
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    assert not await is_stopped(database)


async def test_on_another_page_the_words_go_at_once(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await read(console, media, cast.sam, cast.bob)
    await page.locator("#stop-words").click()  # and this reader was about to ask, too
    await socket.tell("call.stopped", call=CALL)
    await no_words(page)
    await expect(page.locator("#stop-words-dialog")).to_be_hidden()
    await expect(page.locator(f'[data-call="{CALL}"]')).to_have_attribute("data-state", "stopped")


async def test_nothing_brings_words_back(console: Open, media: LiveMedia, cast: Cast) -> None:
    """Late words, or a reconnect, with or without words from a node that missed the stop: the page stays as it is."""
    page, socket = await read(console, media, cast.sam, cast.bob)
    await socket.tell("call.stopped", call=CALL)
    await no_words(page)
    await socket.say(CALL, "a late wombat")
    await socket.tell("state", call=CALL, state="transcribing")
    await socket.tell("latency", call=CALL, ms=20)
    said = {"id": "u", "speaker": "caller", "text": "an old wombat", "final": True, "start_ms": 1, "end_ms": 2}
    await socket.close(4401)
    again = await media.console(call_view(CALL, str(cast.bob.id), utterances=[{**said, "stable_words": 3}]))
    await again.say(CALL, "one more wombat")
    await again.tell("call.started", call=call_view(OTHER, None))
    await expect(page.locator(f'[data-call="{OTHER}"]')).to_be_visible()
    await no_words(page)


async def test_a_reader_who_comes_later_or_back_is_told(console: Open, media: LiveMedia, cast: Cast) -> None:
    """They had the words when the connection broke; meanwhile somebody stopped them."""
    page, socket = await read(console, media, cast.sam, cast.bob)
    await socket.close(4401)
    await media.console(call_view(CALL, str(cast.bob.id), state="stopped"))
    await no_words(page)
    await expect(page.locator("#stop-words")).to_be_hidden()


async def test_a_failure_is_said_and_can_be_tried_again(
    console: Open, media: LiveMedia, cast: Cast, database: Database, live: None, context: BrowserContext
) -> None:
    page, _ = await read(console, media, cast.bob, cast.bob)
    await context.route("**/stop-words", lambda route: route.abort())
    await page.locator("#stop-words").click()
    await page.locator("#stop-words-confirm").click()
    await expect(page.locator("#stop-words-problem")).not_to_be_empty()
    await expect(page.locator("#lines")).to_contain_text(CANARY)
    await context.unroute("**/stop-words")
    await page.locator("#stop-words-confirm").click()
    await no_words(page)


async def test_a_call_that_is_over_offers_nothing_to_stop(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await read(console, media, cast.bob, cast.bob)
    await socket.tell("call.ended", call=CALL, reason="completed")
    await expect(page.locator("#stop-words")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800), (320, 200)])
async def test_it_fits(
    width: int, height: int, console: Open, media: LiveMedia, cast: Cast, tmp_path: Path, live: None
) -> None:
    """320 by 200 is 1280 by 800 at 400 % zoom."""
    page, _ = await read(console, media, cast.bob, cast.bob, width=width, height=height)
    await page.locator("#stop-words").scroll_into_view_if_needed()
    await page.screenshot(path=str(tmp_path / f"offered-{width}.png"))
    await page.locator("#stop-words").click()
    await expect(page.locator("#stop-words-confirm")).to_be_in_viewport()
    await page.screenshot(path=str(tmp_path / f"asked-{width}.png"))
    assert await overflow(page) <= 0
    await page.locator("#stop-words-confirm").click()
    await no_words(page)
    await page.screenshot(path=str(tmp_path / f"stopped-{width}.png"))
