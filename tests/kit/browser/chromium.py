"""A real Chromium for the tests that need one: the machine's own, else Playwright's."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

_NO_TWILIO = "--host-resolver-rules=MAP *.twilio.com ~NOTFOUND"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """Where the machine's own is; None: Playwright's."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A headless browser, started with ``flags`` or so that it reaches no Twilio, that is closed at the end."""
    async with async_playwright() as playwright:
        args = ["--no-sandbox", *(flags or (_NO_TWILIO,))]
        browser = await playwright.chromium.launch(executable_path=executable(), args=args)
        try:
            yield browser
        finally:
            await browser.close()


async def open_link(page: Page, link: str) -> None:
    """Open a sign-in link where it was not asked for, and press its button."""
    await page.goto(link)
    await page.locator("main form button.primary").click()
