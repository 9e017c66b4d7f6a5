"""A real Chromium for the tests that need one: the machine's own, else Playwright's."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

NO_TWILIO = "--host-resolver-rules=MAP *.twilio.com ~NOTFOUND"
# A microphone that beeps, which every page may use; and loudspeakers that nobody hears.
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--mute-audio")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """Where the machine's own is; None: Playwright's."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A headless browser, closed at the end: started with ``flags``, or with a microphone and reaching no Twilio."""
    async with async_playwright() as playwright:
        args = ["--no-sandbox", *(flags or (NO_TWILIO, *MICROPHONE))]
        browser = await playwright.chromium.launch(executable_path=executable(), args=args)
        try:
            yield browser
        finally:
            await browser.close()


# Keeps how loud the page's loudspeaker ever was (root mean square, 0 to 1) in `window.loudest`. An init script.
HEAR_THE_PAGE = """(() => {
  const connect = AudioNode.prototype.connect;
  window.loudest = 0;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to === this.context.destination) {
      const meter = this.context.createAnalyser(), samples = new Float32Array(meter.fftSize);
      connect.call(this, meter);
      setInterval(() => {
        meter.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        window.loudest = Math.max(window.loudest, Math.sqrt(power));
      }, 50);
    }
    return connect.call(this, to, ...more);
  };
})()"""


async def open_link(page: Page, link: str) -> None:
    """Open a sign-in link where it was not asked for, and press its button."""
    await page.goto(link)
    await page.locator("main form button.primary").click()
