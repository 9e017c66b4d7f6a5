"""A real Chromium for the tests that need one: the machine's own, else Playwright's."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

NO_TWILIO = "--host-resolver-rules=MAP *.twilio.com ~NOTFOUND"
# A microphone that beeps, which every page may use; and loudspeakers that nobody hears.
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--mute-audio")
_SHELL = Path("/usr/lib/chromium/chromium-headless-shell")  # Debian's: on PATH is a script, which hands on no signals
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What no page can tell and a test would pay for: each window of a headless browser has an address bar, whose list of
# suggestions is a page with a process of its own; a spare process waits for the next site; and it asks Google things.
_NOT_WANTED = (
    "AimEnabled",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PreconnectToSearch",
    "SpareRendererForSitePerProcess",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
)
# What Playwright turns off; Chromium heeds the last list that it is given.
_NOT_IN_TESTS = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LazyFrameLoading",
    "MediaRouter",
    "PaintHolding",
    "Translate",
)
_WITHOUT = f"--disable-features={','.join((*_NOT_WANTED, *_NOT_IN_TESTS))}"
# What Playwright starts a headless browser with, as far as pages can tell.
_USUAL = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--allow-pre-commit-input",
    "--disable-back-forward-cache",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-ipc-flooding-protection",
    "--disable-popup-blocking",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-hang-monitor",
    "--disable-prompt-on-repost",
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--password-store=basic",
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
)


def executable() -> str | None:
    """Return the path of the machine's own Chromium; None: use Playwright's."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def shell() -> str | None:
    """Return the path of the machine's headless shell: the same engine without windows.

    It takes a third less of the processor. After a reload, microphones have other names in it.
    """
    return str(_SHELL) if _SHELL.exists() else None


@asynccontextmanager
async def chromium_process(folder: Path, path: str | None) -> AsyncIterator[str]:
    """Run the browser at ``path`` (None: Playwright's), as `chromium` without flags, with its files in ``folder``.

    Yields its address.
    """
    async with async_playwright() as playwright:
        path = path or playwright.chromium.executable_path
    flags = (*_USUAL, _WITHOUT, NO_TWILIO, *MICROPHONE, "--remote-debugging-port=0", f"--user-data-dir={folder}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen((path, *flags), stdout=log, stderr=log)  # noqa: ASYNC220 (it outlives the loop's turn)
    try:
        said = folder / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not (said.exists() and "\n" in said.read_text()):
                assert process.poll() is None, (folder / "log").read_text()
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{said.read_text().split()[0]}"
    finally:
        process.terminate()
        process.wait(60)


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Browser]:
    """Connect to the browser at ``address``."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(address)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def chromium(*flags: str, whole: bool = False) -> AsyncIterator[Browser]:
    """Start a browser that is closed at the end: started with ``flags``, or with a microphone and reaching no Twilio.

    The headless shell, unless a ``whole`` Chromium is wanted.
    """
    async with async_playwright() as playwright:
        args = ["--no-sandbox", _WITHOUT, *(flags or (NO_TWILIO, *MICROPHONE))]
        path = executable() if whole else shell() or executable()
        browser = await playwright.chromium.launch(executable_path=path, args=args)
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
