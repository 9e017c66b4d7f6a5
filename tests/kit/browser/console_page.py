"""An open console in a real Chromium: what it shows, and what it is told. Its fixtures: tests/web/conftest.py."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web
from playwright.async_api import BrowserContext, Page, expect

from db.engine import Database
from db.models import Member
from db.queries.sign_in import sign_in_links
from tests.kit.media.live_media import BEAT_SECONDS, Console, LiveMedia, call_view
from web.config import Settings
from web.request import session as request_session

Open = Callable[..., Awaitable[Page]]
SignedIn = Callable[[Member], Awaitable[Page]]
CALL = f"CA{'1' * 32}"
OTHER = f"CA{'2' * 32}"
CANARY = "the wombat wears a velvet waistcoat"
"""Words that a test may have said on a call: the browser's log never has them."""
TEN_SECONDS = 10_000
NOT_LIVE = re.compile("^Not live")
BEAT = round(BEAT_SECONDS * 1000)
WATCH = """
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


async def link(database: Database, member: Member) -> str:
    """Return a new sign-in link."""
    async with database.begin() as session:
        return f"/sign-in/{await sign_in_links.create(session, member.id, b'test')}"


async def signed_in_for(
    context: BrowserContext, settings: Settings, member: Member, left: timedelta = request_session.LIFETIME
) -> None:
    """Give the browser a sign-in of ``member`` that ends in ``left``, without the pages of signing in."""
    answer = web.Response()
    request_session.begin(answer, settings, member.id, left)
    (cookie,) = answer.cookies.values()
    await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": settings.web_public_url}])


async def become_available(page: Page) -> None:
    """Choose to be rung, and wait until it is so."""
    await page.locator("#presence").select_option("available")
    await expect(page.locator("#presence-state")).to_have_attribute("data-presence", "available")


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


async def shows(page: Page, state: str, call: str = CALL) -> None:
    """Wait until the call is shown in that state, in its row and where it is read."""
    await expect(page.locator(f'[data-call="{call}"]')).to_have_attribute("data-state", state)
    await expect(page.locator("#transcript-state")).to_have_attribute("data-state", state)


async def is_nowhere(page: Page, words: str) -> None:
    """Wait for the frame in which the ``words`` leave the page; then no attribute has them, either."""
    await expect(page.locator("html")).not_to_contain_text(words)
    assert words not in await page.content()


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


async def reads(page: Page, call: str = CALL) -> None:
    """Choose a call, as a supervisor does who looks at the wall, and wait until its words may be shown."""
    await page.locator(f'[data-call="{call}"] > button').click()
    await expect(page.locator("#transcript")).to_be_visible()


async def talking(console: Open, media: LiveMedia, member: Member, **facts: Any) -> tuple[Page, Console]:
    """Open a console with one live call that has words."""
    page = await console(member)
    socket = await media.console(call_view(CALL, str(member.id), **facts))
    await socket.say(CALL, "words before")
    await socket.tell("latency", call=CALL, ms=400)
    await expect(page.locator("#latency")).to_be_visible()
    return page, socket


async def ring(page: Page) -> None:
    """Let the phone ring, once there is one."""
    await page.wait_for_selector("#place-call:not([disabled])", state="attached")
    await page.evaluate("ring()")
    await expect(page.locator("#ring")).to_be_visible()
