"""The wall under load: 200 calls, 800 revisions a second.

It prints frames and long tasks, which a busy machine spoils; what it asserts is that every row says the last that was
told of it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.kit.browser.console_page import Open
from tests.kit.media.live_media import Console, LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = [pytest.mark.browser(whole=True), pytest.mark.slow]

CALLS = [f"CA{number:032x}" for number in range(200)]
SECONDS, UPDATES = 8, 4
WORDS = "of course I can help you with that may I have the number of your booking please".split()  # noqa: SIM905
WATCH = """() => {
  globalThis.frames = [];
  globalThis.tasks = [];
  let last = performance.now();
  const frame = (now) => (frames.push(now - last), (last = now), requestAnimationFrame(frame));
  requestAnimationFrame(frame);
  const watch = new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)));
  watch.observe({ entryTypes: ["longtask"] });
}"""


def spoken(turn: int) -> str:
    return " ".join(WORDS[: 1 + turn % len(WORDS)]) + f" {turn}"


async def rows(socket: Console, turn: int) -> None:
    """One second's worth: two messages with every row."""
    for half in range(2):
        latest = {"speaker": "caller", "text": spoken(turn + half), "final": False, "end_ms": 1_000 * turn}
        await socket.tell("rows", rows=[{"call": each, "latest": latest, "latency_ms": turn} for each in CALLS])
        await asyncio.sleep(1 / 2)


async def everything(socket: Console, turn: int) -> None:
    """One second's worth: each revision by itself."""
    for update in range(UPDATES):
        began = time.monotonic()
        for each in CALLS:
            text, at = spoken(turn + update), {"start_ms": 1_000, "end_ms": 1_000 * turn}
            await socket.say(each, text, id="u", final=False, **at)
        await asyncio.sleep(max(0.0, began + 1 / UPDATES - time.monotonic()))


async def spent(page: Page, cdp: CDPSession) -> dict[str, Any]:
    metrics: list[dict[str, Any]] = (await cdp.send("Performance.getMetrics"))["metrics"]
    named = {each["name"]: each["value"] for each in metrics}
    return {"task": named["TaskDuration"], "script": named["ScriptDuration"]}


@pytest.mark.parametrize("told", [rows, everything], ids=["rows", "everything"])
async def test_every_row_says_the_last_that_was_told(
    told: Any, console: Open, media: LiveMedia, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    page = await console(cast.sam, 1920, 1000)
    page_clock = page.context.clock
    await page_clock.resume()
    socket = await media.console(*(call_view(call, str(cast.bob.id)) for call in CALLS))
    await expect(page.locator(".call")).to_have_count(len(CALLS))
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Performance.enable")
    await page.evaluate(WATCH)
    before, began = await spent(page, cdp), time.monotonic()
    for second in range(SECONDS):
        await told(socket, second * UPDATES)
    took, after = time.monotonic() - began, await spent(page, cdp)
    frames: list[float] = await page.evaluate("frames")
    tasks: list[float] = await page.evaluate("tasks")
    last = (SECONDS - 1) * UPDATES + (1 if told is rows else UPDATES - 1)
    await expect(page.locator('.call [data-part="words"]')).to_have_text([spoken(last)] * len(CALLS))
    with capsys.disabled():
        busy = {name: round(1000 * (after[name] - before[name]) / took) for name in after}
        late = sum(frame > 1000 / 50 for frame in frames)
        print(
            f"\n{told.__name__}: {len(frames) / took:.0f} frames a second, {late} of {len(frames)} late, longest "
            f"task {max(tasks, default=0):.0f} ms, main thread {busy['task']} ms/s, scripts {busy['script']} ms/s"
        )
