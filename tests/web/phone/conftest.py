"""Consoles in a real browser: web connects calls in rooms at the emulated Twilio, four times as fast as life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import delete

from db.engine import Database
from db.models import Member, Presence
from tests.kit.browser.console_page import signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown, room_town
from web.config import Settings

Computer = Callable[..., Awaitable[BrowserContext]]
SitsDown = Callable[..., Awaitable[Page]]
PATIENCE_MS = 60_000


@pytest_asyncio.fixture
async def town(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int]
) -> AsyncIterator[RoomTown]:
    """The web process and Twilio; nobody's console is open yet."""
    port = free_port()
    chosen = settings.model_copy(update={"voice_sdk_url": f"http://127.0.0.1:{port}/voice-sdk.js"})
    async with room_town(chosen, database, cast, port=port, speed=4.0) as connected:
        async with database.begin() as session:
            await session.execute(delete(Presence))
        yield connected


@pytest_asyncio.fixture
async def computer(window: Browser, town: RoomTown) -> AsyncIterator[Computer]:
    """Give a computer's browser. A test fails whose pages break the Content-Security-Policy or throw."""
    async with AsyncExitStack() as contexts:

        async def opened(within: Browser = window, *permissions: str) -> BrowserContext:
            options = {"base_url": town.site.url, "permissions": permissions or ["microphone"]}
            return await contexts.enter_async_context(strict_context(within, patience_ms=PATIENCE_MS, **options))

        yield opened


@pytest.fixture
def sits_down(computer: Computer, settings: Settings) -> SitsDown:
    """Open a member's console, signed in, its phone ready: at a computer, or at one of its own."""

    async def opened(member: Member, at: BrowserContext | None = None, *, script: str = "") -> Page:
        context = at or await computer()
        if script:
            await context.add_init_script(script)
        await signed_in_for(context, settings, member)
        page = await context.new_page()
        await page.goto("/console")
        await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")
        await expect(page.locator("#presence")).to_be_enabled()
        return page

    return opened


async def talks(page: Page, town: RoomTown) -> None:
    """Let somebody call, answer by key, and wait until the two talk."""
    await town.caller()
    await expect(page.locator("[data-offer]")).to_be_visible()
    await page.keyboard.press("Alt+a")
    await expect(page.locator("#in-call")).to_have_attribute("data-phase", "talking")
    await expect(page.locator("#mute")).to_be_enabled()
