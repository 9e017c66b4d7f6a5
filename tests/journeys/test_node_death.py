"""``kill -9`` of the media process in the middle of a call: another goes on, and the page with it.

Twilio notices, web starts a new stream on the live call, the console reconnects to the other process, and what was
lost in between is shown as lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from sandbox import call
from tests.kit.browser.chromium import executable, open_link
from tests.kit.machines.sandbox_run import UP, Sandbox, sandbox_run
from tests.kit.media.scripted_wav import write_call

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def owner(sandbox: Sandbox) -> int:
    """The pid of the media process that has the call, by what its log says."""
    lines = [json.loads(line) for line in (sandbox.folder / "logs" / "media.log").read_text().splitlines()]
    pids = {line["node"]: line["pid"] for line in lines if line["event"] == "media serving"}
    assert len(pids) == 2
    return int(pids[next(line["node"] for line in lines if line["event"] == "stream started")])


async def test_a_call_survives_the_death_of_its_media_process(tmp_path: Path, free_port: Callable[[], int]) -> None:
    said = ["one two three", "four five six", "seven eight nine", "ten eleven twelve", "that was all"]
    wav = write_call(tmp_path / "said.wav", said, pause_seconds=2.0)
    expect.set_options(timeout=60_000)
    async with sandbox_run(
        tmp_path / "sandbox", free_port, SANDBOX_SPEECH="scripted", SANDBOX_MEDIA_WORKERS=2
    ) as sandbox:
        await sandbox.until(UP)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
            page = await browser.new_page()
            await open_link(page, sandbox.links[1])
            await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
            emulator = f"http://127.0.0.1:{sandbox.ports['SANDBOX_TWILIO_PORT']}"
            async with asyncio.TaskGroup() as tasks:
                calling = tasks.create_task(call.place(emulator, wav.read_bytes(), "", ""))
                await page.locator("#call-list [data-call] > button").first.click()
                lines = page.locator("#lines")
                await expect(lines).to_contain_text("one two three")
                os.kill(owner(sandbox), signal.SIGKILL)
                await expect(lines).to_contain_text("that was all")
                await expect(lines.locator(".gap").first).to_be_visible()
                await expect(lines).to_contain_text("one two three")  # what was heard before outlives who heard it
            assert calling.result() == "completed"
            await browser.close()
