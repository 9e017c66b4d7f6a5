"""Somebody talks: a sentence into the agent's microphone, to the console as words, to another browser as sound.

All of it is real but for the vendors: two Chromiums, the emulated Voice SDK, Moonshine, the product's processes.
"""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from sandbox import demo
from sandbox.audio import mulaw
from sandbox.recognition.word_error_rate import words
from tests.kit.browser.chromium import HEAR_THE_PAGE, MICROPHONE, NO_TWILIO, chromium, open_link
from tests.kit.browser.console_page import become_available
from tests.kit.machines.sandbox_run import UP, Sandbox, sandbox_run

pytestmark = [pytest.mark.browser(whole=True), pytest.mark.sound, pytest.mark.timeout(420)]

RATE = 48_000
TURN = 10  # "Thanks for waiting. The test shows a fault on the line outside your house."
LOUD = 0.02  # root mean square of what a page plays
PATIENCE_MS = 120_000  # a busy machine
HEARD = """(wanted) => {
  const heard = document.getElementById("transcript").textContent.toLowerCase();
  return wanted.filter((word) => heard.includes(word)).length >= 0.6 * wanted.length;
}"""


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Sandbox]:
    pytest.importorskip("moonshine_voice")
    variables = {"SANDBOX_SPEECH": "auto", "SANDBOX_CALLS_HEARD": 1}
    async with sandbox_run(tmp_path / "sandbox", free_port, **variables) as running:
        await running.until(" 1 call ")
        await running.until(UP)
        yield running
        await running.stop()


def recording(file: Path, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Path:
    with wave.open(str(file), "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", ""))
        writer.writeframes(samples.astype("<i2").tobytes())
    return file


def sentence(file: Path) -> tuple[Path, list[str]]:
    """What the microphone hears, again and again: a sentence and three seconds of silence; and its longer words."""
    turn = demo.script()[TURN]
    spoken = mulaw.decode(demo.track(turn.speaker)[int(turn.start * mulaw.RATE) : int(turn.end * mulaw.RATE)])
    at = np.arange(len(spoken) * RATE // mulaw.RATE) * mulaw.RATE / RATE
    fine = np.interp(at, np.arange(len(spoken)), spoken).astype(np.int16)
    return recording(file, np.concatenate([fine, np.zeros(3 * RATE, np.int16)])), [
        word for word in words(turn.text) if len(word) > 3
    ]


def link(sandbox: Sandbox, role: str) -> str:
    line = next(line for line in sandbox.said if line.strip().startswith(role))
    return line.split()[-1]


async def console(page: Page, sandbox: Sandbox, role: str) -> Page:
    await open_link(page, link(sandbox, role))
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
    return page


async def test_what_is_said_into_a_microphone_is_read_on_the_console_and_heard_in_another_browser(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    said, wanted = sentence(tmp_path / "said.wav")
    silence = recording(tmp_path / "silence.wav", np.zeros(RATE, np.int16))
    capture = "--use-file-for-fake-audio-capture={}"
    async with (
        chromium(NO_TWILIO, *MICROPHONE, capture.format(said)) as mine,
        chromium(NO_TWILIO, *MICROPHONE, capture.format(silence)) as yours,
    ):
        agent = await console(await mine.new_page(), sandbox, "agent")
        supervisor = await console(await (await mine.new_context()).new_page(), sandbox, "supervisor")
        await become_available(agent)
        await expect(agent.locator("#phone")).to_have_attribute("data-phase", "ready")
        customer = await yours.new_page()
        await customer.add_init_script(HEAR_THE_PAGE)
        await customer.goto(f"http://127.0.0.1:{sandbox.ports['SANDBOX_TWILIO_PORT']}/")
        telephone = customer.locator("#telephone")
        await expect(telephone.get_by_label("Call which number")).not_to_have_value("")
        await telephone.get_by_role("button", name="Call", exact=True).click()
        await agent.get_by_role("button", name="Answer").click(timeout=PATIENCE_MS)
        await expect(telephone).to_have_attribute("data-phase", "talking")
        await customer.wait_for_function(f"() => window.loudest > {LOUD}", timeout=PATIENCE_MS)
        await supervisor.locator("#call-list [data-call] > button").first.click()
        for page in (agent, supervisor):
            await page.wait_for_function(HEARD, arg=wanted, timeout=PATIENCE_MS)
        await agent.get_by_role("button", name="Hang up").click()
        await expect(telephone).to_have_attribute("data-phase", "idle")
